//! A simulated WhatsApp and a relay on this system, for programs that run as if on another.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::running::Running;
use crate::{
    build::cargo,
    run::{run, step},
    tree,
};

/// What a check says in the end.
pub(super) const WELL: &str = "All well";

pub(super) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Both, as processes that end with this.
pub(super) struct Relay {
    /// What `pasarela-sim` says of itself.
    pub(super) sim: Value,
    /// The file with its certificate authority.
    pub(super) authority: PathBuf,
    pub(super) link: String,
    _running: [Running; 2],
}

impl Relay {
    /// Builds and starts them; the folder is for a file.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        step("build the program and the simulator for this system", || {
            run(cargo().args(["build", "--package", "pasarela", "--package", "pasarela-sim"]))
        })?;
        let mut simulator = Running::start(here("pasarela-sim").args(["--json", "--seed", "1"]))?;
        let sim: Value = serde_json::from_str(&simulator.line()?)?;
        let authority = folder.join("authority.pem");
        fs::write(&authority, text(&sim, "/ca_pem")?)?;
        let mut relay = here("pasarela");
        relay.args(["serve", "--json", "--listen", "127.0.0.1:0"]).env("RELAY_KEYS", format!("me={KEY}"));
        let mut relay = Running::start(upstreams(&mut relay, &sim)?)?;
        let said: Value = serde_json::from_str(&relay.line()?)?;
        let link = format!("http://{}/#{KEY}", text(&said, "/http")?);
        Ok(Self { sim, authority, link, _running: [simulator, relay] })
    }

    pub(super) fn authority(&self) -> String {
        self.authority.display().to_string()
    }

    /// `check` by this program, which must find all well.
    pub(super) fn check(&self, program: Command, authority: &str, what: &[&str]) -> Result<()> {
        self.checking(program, authority, what)?.ends(0)?.says(WELL)
    }

    /// The same, begun.
    pub(super) fn checking(&self, mut program: Command, authority: &str, what: &[&str]) -> Result<Running> {
        program.args(["check", "--ca", authority, "--root", text(&self.sim, "/root_key")?]).args(what);
        Running::start(&mut program)
    }
}

/// A program of this system's.
pub(super) fn here(name: &str) -> Command {
    let mut command = Command::new(tree::root().join("target/debug").join(name));
    command.env("LC_ALL", "C.UTF-8");
    command
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {value}"))
}

/// Lets the relay dial the simulator.
pub(super) fn upstreams<'a>(relay: &'a mut Command, sim: &Value) -> Result<&'a mut Command> {
    let web = text(sim, "/web_url")?.replacen("ws:", "http:", 1);
    relay.args([
        "--upstream-chat",
        text(sim, "/chat")?,
        "--upstream-tls",
        text(sim, "/media")?,
        "--upstream-web",
        &web,
    ]);
    Ok(relay)
}
