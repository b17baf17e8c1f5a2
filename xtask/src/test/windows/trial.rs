//! What is tried under Wine, with a relay on this system.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::{
    relay::{KEY, Relay, here, text, upstreams},
    running::{self, Running},
};
use crate::{setup::windows::Wine, tree};

/// Of the keys that end a program in a terminal.
const CTRL_C: &str = "\x03";

/// How it ends when it was asked to, when it failed, and when it was asked wrongly.
const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;

/// The program under Wine, with a relay on this system.
pub(super) struct Trial<'a> {
    wine: &'a Wine,
    program: &'a Path,
    relay: Relay,
}

impl<'a> Trial<'a> {
    pub(super) fn start(wine: &'a Wine, program: &'a Path) -> Result<Self> {
        Ok(Self { wine, program, relay: Relay::start(wine.folder())? })
    }

    pub(super) fn help(&self) -> Result<()> {
        let version = tree::of_all_packages("version")?;
        self.run(&["--version"], DONE)?.says(&format!("pasarela {version}"))?;
        for command in ["bridge", "serve", "check", "share"] {
            let help = self.run(&[command, "--help"], DONE)?;
            help.says("Examples:")?;
            for foreign in ["setcap", "ulimit", "SIGTERM", "'http"] {
                ensure!(!help.said().contains(foreign), "{command} --help says {foreign}");
            }
        }
        Ok(())
    }

    pub(super) fn files(&self, folder: &Path) -> Result<()> {
        const LINK: &str = "https://relay.example/#0123456789abcdef";
        const TEXT: &str = "# a comment\r\n[share]\r\ntext = true\r\n";
        let wide = TEXT.encode_utf16().flat_map(u16::to_le_bytes);
        let saved = [
            ("plain.toml", TEXT.as_bytes().to_vec()),
            ("marked.toml", [b"\xef\xbb\xbf", TEXT.as_bytes()].concat()),
            ("wide.toml", [0xff, 0xfe].into_iter().chain(wide).collect()),
        ];
        for (name, bytes) in saved {
            fs::write(folder.join(name), bytes)?;
            let file = in_windows(&folder.join(name));
            let shared = self.run(&["--config", &file, "share", LINK], DONE)?;
            shared.says(LINK)?;
            ensure!(shared.said().lines().count() < 5, "{name} was not heeded: {}", shared.said());
        }
        Ok(())
    }

    pub(super) fn bridge_and_check(&self) -> Result<()> {
        self.relay.check(self.windows(), &in_windows(&self.relay.authority), &[&self.relay.link])?;
        let mut bridge =
            Running::start(self.windows().args(["bridge", "--json", "--listen", "127.0.0.1:0", &self.relay.link]))?;
        let said: Value = serde_json::from_str(&bridge.line()?)?;
        let address = text(&said, "/listen/0")?;
        self.relay.check(self.windows(), &in_windows(&self.relay.authority), &["--via", address])?;
        self.relay.check(here("pasarela"), &self.relay.authority(), &["--via", address])
    }

    pub(super) fn serve(&self, folder: &Path) -> Result<()> {
        let keys = folder.join("keys.txt");
        fs::write(&keys, format!("\u{feff}# for all of us\r\nme={KEY}\r\n"))?;
        let mut relay = self.windows();
        relay.args(["serve", "--json", "--listen", "127.0.0.1:0", "--relay-keys-file", &in_windows(&keys)]);
        let mut relay = Running::start(upstreams(&mut relay, &self.relay.sim)?)?;
        let said: Value = serde_json::from_str(&relay.line()?)?;
        let link = format!("http://{}/#{KEY}", text(&said, "/http")?);
        self.relay.check(here("pasarela"), &self.relay.authority(), &[&link])
    }

    pub(super) fn taken(&self) -> Result<()> {
        let (_listener, address) = listen()?;
        let bridge = self.run(&["bridge", "--listen", &address, &self.relay.link], FAILED)?;
        bridge.says(&format!("cannot listen on {address}"))?;
        bridge.says("try: another address or port")
    }

    pub(super) fn ends(&self) -> Result<()> {
        let (listener, address) = listen()?;
        drop(listener);
        let words = ["bridge", "--listen", &address, &self.relay.link];
        let mut bridge = Running::start(&mut self.in_terminal(&words))?;
        bridge.until("waiting for your phone")?;
        bridge.says("\u{1b}[2K")?;
        bridge.type_in(CTRL_C)?;
        bridge.ends(DONE)?;
        ensure!(TcpStream::connect(&address).is_err(), "it still listens");
        let mut bridge = Running::start(&mut self.in_terminal(&words))?;
        bridge.until("waiting for your phone")?;
        // With the terminal's own program, the window.
        drop(bridge);
        running::wait_until("the port is free", || TcpListener::bind(&address).is_ok())
    }

    pub(super) fn double_click(&self) -> Result<()> {
        let nobody = self.run(&[], USAGE)?;
        nobody.says("Usage:")?;
        let mut window = Running::start(&mut self.in_terminal(&[]))?;
        window.until("Link:")?;
        window.type_in("hello\r")?;
        window.until("not a whole link")?;
        window.type_in(&format!("\"{}\"\r", self.relay.link))?;
        window.until("If Windows asks")?;
        window.until("waiting for your phone")?;
        window.type_in(CTRL_C)?;
        window.ends(DONE)?;
        // What went wrong can be read.
        let (_listener, address) = listen()?;
        let mut window = Running::start(self.in_terminal(&[]).env("PASARELA_LISTEN", &address))?;
        window.until("Link:")?;
        window.type_in(&format!("{}\r", self.relay.link))?;
        window.until("cannot listen on")?;
        window.until("Press Enter")?;
        window.type_in("\r")?;
        window.ends(FAILED)?;
        Ok(())
    }

    pub(super) fn no_ipv6(&self) -> Result<()> {
        self.wine.stop();
        let mut bridge = self.windows();
        bridge
            .args(["bridge", "--json", "--listen", "[::]:0", &self.relay.link])
            .env("LD_PRELOAD", self.wine.no_ipv6());
        let mut bridge = Running::start(&mut bridge)?;
        let said: Value = serde_json::from_str(&bridge.line()?)?;
        let address = text(&said, "/listen/0")?;
        let port = address.strip_prefix("0.0.0.0:").with_context(|| format!("it listens on {address}"))?;
        self.relay.check(here("pasarela"), &self.relay.authority(), &["--via", &format!("127.0.0.1:{port}")])
    }

    /// The program under Wine.
    fn windows(&self) -> Command {
        self.wine.command(self.program)
    }

    /// The same, in a terminal.
    fn in_terminal(&self, words: &[&str]) -> Command {
        let all = [self.wine.loader().to_path_buf(), self.program.to_path_buf()];
        let all = all.iter().map(|path| path.display().to_string()).chain(words.iter().map(|word| (*word).to_owned()));
        let line = all.map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect::<Vec<_>>().join(" ");
        let mut command = Command::new("script");
        command.args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &format!("stty -icrnl -icanon -echo cols 160 && exec {line}"),
            "/dev/null",
        ]);
        self.wine.set(&mut command);
        command
    }

    /// Runs it to its end, with nobody to ask.
    fn run(&self, words: &[&str], code: i32) -> Result<Running> {
        let mut running = Running::start(self.windows().args(words))?;
        running.nothing_more();
        running.ends(code)?;
        Ok(running)
    }
}

/// As Wine shows this system's files.
fn in_windows(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

fn listen() -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}
