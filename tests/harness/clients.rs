//! The real clients' drivers: starts one, collects what it tells, and ends it in any case.
//!
//! The contract of the drivers is in `tests/clients/README.md`.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use tokio::{process::Command, time::timeout};

use crate::places;

/// A library whose driver is in `tests/clients`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Node.js.
    Baileys,
    /// Go.
    Whatsmeow,
    /// Rust.
    WhatsappRust,
}

/// What a driver told.
#[derive(Debug)]
pub struct Told {
    /// Its exit code; `None` if it was killed.
    pub exit: Option<i32>,
    /// One JSON object a line.
    pub events: Vec<serde_json::Value>,
    /// The library's log.
    pub log: String,
}

impl Told {
    /// The first event with this name.
    pub fn event(&self, name: &str) -> Option<&serde_json::Value> {
        self.events.iter().find(|event| event.get("event").and_then(serde_json::Value::as_str) == Some(name))
    }

    /// Whether the pairing code came and the library had nothing to complain about.
    ///
    /// # Errors
    /// What it did instead.
    pub fn must_have_qr(&self) -> Result<()> {
        let good = self.exit == Some(0) && self.event("qr").is_some();
        let complained = self.event("warning").or_else(|| self.event("error"));
        anyhow::ensure!(good && complained.is_none(), "no clean pairing code: {self:#?}");
        Ok(())
    }
}

impl Client {
    /// Runs the driver against `url` with extra arguments.
    ///
    /// # Errors
    /// It cannot be started, or does not end by itself.
    pub async fn run(self, url: &str, arguments: &[&str]) -> Result<Told> {
        self.run_with(url, arguments, &[]).await
    }

    /// The same with variables in its environment.
    ///
    /// # Errors
    /// As there.
    pub async fn run_with(self, url: &str, arguments: &[&str], variables: &[(&str, &Path)]) -> Result<Told> {
        let mut command = self.command()?;
        command.envs(variables.iter().copied()).arg(url).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(Duration::from_secs(120), command.output());
        let output = output.await.context("the driver does not end")?.context("cannot start the driver")?;
        let events =
            String::from_utf8_lossy(&output.stdout).lines().map(serde_json::from_str).collect::<Result<_, _>>();
        Ok(Told {
            exit: output.status.code(),
            events: events.context("the driver printed something that is not JSON")?,
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn command(self) -> Result<Command> {
        Ok(match self {
            Self::Baileys => {
                let mut command = Command::new(places::made("node_modules/.bin/node")?);
                command.arg(places::made("tests/clients/baileys/baileys.mjs")?);
                command
            }
            Self::Whatsmeow => Command::new(places::made("target/clients/whatsmeow")?),
            Self::WhatsappRust => Command::new(places::made("target/clients/whatsapp-rust")?),
        })
    }
}
