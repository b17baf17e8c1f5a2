//! What the papers' commands need around them: a simulated WhatsApp, a relay with a key, a bridge in the Wi-Fi; and the
//! program that is run as the reader runs it.
//!
//! It puts these in the place of the papers' HOST, KEY and addresses, and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use pasarela_e2e::{identity::Identity, places};
use pasarela_sim::{Sim, SimConfig};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::common::hex;

/// Everything is on this machine; the slowest is a survey of all ways to a relay.
const PATIENCE: Duration = Duration::from_secs(120);
const KEY: &str = "0123456789abcdefghijklmn";

/// A program that runs on until it is told to end, and says in a first line of JSON that it is up.
pub(super) struct Running {
    child: Child,
    /// That line.
    pub(super) first: Value,
}

impl Running {
    pub(super) async fn start(mut command: Command) -> Result<Self> {
        let mut child = command.spawn().context("it does not start")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.context("it does not say that it is up")??;
        let Some(line) = line else {
            let output = timeout(PATIENCE, child.wait_with_output()).await??;
            bail!("it ends: {}", String::from_utf8_lossy(&output.stderr));
        };
        let first = serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?;
        // Nobody reads on, and nothing that it says later is more than a pipe takes.
        child.stdout = Some(lines.into_inner().into_inner());
        Ok(Self { child, first })
    }

    /// As the system ends it.
    pub(super) async fn end(mut self) -> Result<()> {
        let raw = self.child.id().and_then(|id| i32::try_from(id).ok());
        kill_process(raw.and_then(Pid::from_raw).context("it has ended by itself")?, Signal::TERM)?;
        let ended = timeout(PATIENCE, self.child.wait()).await.context("it does not end")??;
        ensure!(ended.success(), "it ends with {ended}");
        Ok(())
    }
}

/// All of it.
pub(super) struct Stage {
    sim: Sim,
    folder: TempDir,
    link: String,
    via: String,
    running: Vec<Running>,
}

impl Stage {
    pub(super) async fn start() -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let folder = tempfile::tempdir()?;
        let chain = Identity::make(folder.path(), &["relay.example"])?.chain;
        fs::write(folder.path().join("authorities.pem"), fs::read_to_string(chain)? + sim.ca_pem())?;
        let mut stage = Self { sim, folder, link: String::new(), via: String::new(), running: Vec::new() };
        let words = ["serve", "--json", "--listen", "127.0.0.1:0", "--cert", "chain.pem", "--key", "key.pem"];
        let mut command = stage.program(stage.folder.path(), &words.map(str::to_owned))?;
        command.env("RELAY_KEYS", format!("me={KEY}"));
        let relay = Running::start(command).await?;
        let address = relay.first.get("http").and_then(Value::as_str).context("no address")?.to_owned();
        let root = hex(stage.sim.root_key());
        stage.link = format!("https://relay.example/#{KEY}&addr={address}&root={root}");
        let words = ["bridge", "--json", "--listen", "127.0.0.1:0", &stage.link];
        let bridge = Running::start(stage.program(stage.folder.path(), &words.map(str::to_owned))?).await?;
        stage.via = bridge.first.pointer("/listen/0").and_then(Value::as_str).context("no address")?.to_owned();
        stage.running = vec![bridge, relay];
        Ok(stage)
    }

    pub(super) async fn end(self) -> Result<()> {
        for running in self.running {
            running.end().await?;
        }
        Ok(())
    }

    /// A folder as a paper's reader has it, with a certificate.
    pub(super) fn folder(&self) -> Result<TempDir> {
        let folder = tempfile::tempdir()?;
        for (ours, named) in [("chain.pem", "fullchain.pem"), ("key.pem", "privkey.pem")] {
            fs::copy(self.folder.path().join(ours), folder.path().join(named))?;
        }
        Ok(folder)
    }

    /// A text of a paper with what is there in place of what it stands for.
    pub(super) fn filled(&self, text: &str) -> String {
        let links = [
            ("https://HOST2/#KEY2", &*self.link),
            ("https://HOST/#KEY", &*self.link),
            ("192.168.1.7:5222", &*self.via),
        ];
        links.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// The program, towards the simulator instead of WhatsApp, and with nothing of this process's environment that is meant
    /// for it.
    pub(super) fn program(&self, folder: &Path, words: &[String]) -> Result<Command> {
        let mut command = Command::new(places::program()?);
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_uppercase();
            if upper.starts_with("PASARELA_") || upper.ends_with("_PROXY") || upper == "RELAY_KEYS" {
                command.env_remove(name);
            }
        }
        let (chat, media) = (self.sim.chat().to_string(), self.sim.media().to_string());
        let web = format!("http://{}/ws/chat", self.sim.web());
        command.envs([("UPSTREAM_CHAT", chat), ("UPSTREAM_TLS", media), ("UPSTREAM_WEB", web)]);
        command.env("PASARELA_CA", self.authorities()).env("PASARELA_CHECK_ROOT", hex(self.sim.root_key()));
        command.env("LC_ALL", "C.UTF-8");
        // Many programs start at once here.
        command.env("PASARELA_CHECK_TIMEOUT", "30");
        command.args(words).current_dir(folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    fn authorities(&self) -> PathBuf {
        self.folder.path().join("authorities.pem")
    }
}

/// Runs a program that ends, and gives what it said.
pub(super) async fn finished(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.context("it does not end")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
