//! A TLS server with encrypted hellos in front of a relay: `tests/clients/ech-server`.
//!
//! It is started and ended here; what it saw is judged by the tests.

use std::{net::SocketAddr, process::Stdio};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{places, socket::PATIENCE};

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct EchServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its authority, DER.
    pub ca: Vec<u8>,
    /// Its ECHConfigList.
    pub ech: Vec<u8>,
    /// One whose key it does not have.
    pub stale: Vec<u8>,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// What the server saw of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The name; of the inner hello, if it was accepted.
    pub sni: String,
    /// Whether the encrypted hello was accepted.
    pub ech: bool,
    /// The protocol chosen.
    pub alpn: String,
}

impl EchServer {
    /// For these two names, in front of `upstream`.
    ///
    /// # Errors
    /// It is not built, or does not start.
    pub async fn start(inner: &str, public: &str, upstream: SocketAddr) -> Result<Self> {
        let mut child = Command::new(places::made("target/clients/ech-server")?)
            .args([inner, public, &upstream.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the server")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = next(&mut lines).await?;
        let text = |name: &str| first.get(name).and_then(serde_json::Value::as_str).context("a field is missing");
        Ok(Self {
            address: text("address")?.parse()?,
            ca: hex(text("ca")?)?,
            ech: hex(text("ech")?)?,
            stale: hex(text("stale")?)?,
            lines,
            _child: child,
        })
    }

    /// The next handshake that was done.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn handshake(&mut self) -> Result<Handshake> {
        let seen = next(&mut self.lines).await?;
        let text = |name: &str| seen.get(name).and_then(serde_json::Value::as_str).context("a field is missing");
        Ok(Handshake {
            sni: text("sni")?.to_owned(),
            ech: seen.get("ech").and_then(serde_json::Value::as_bool).context("a field is missing")?,
            alpn: text("alpn")?.to_owned(),
        })
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<serde_json::Value> {
    let line = timeout(PATIENCE, lines.next_line()).await.context("the server says nothing")??;
    Ok(serde_json::from_str(&line.context("the server is gone")?)?)
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
    digits.collect()
}
