//! One HTTP/1.1 request over a connection of its own, and the response's bytes as they came.
//!
//! For comparing what probers see; not a general client.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::socket::PATIENCE;

/// A response, taken apart only at its empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status line and headers.
    pub head: String,
    /// Everything behind them.
    pub body: String,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The same without the one header that may differ between equal answers.
    #[must_use]
    pub fn without_date(mut self) -> Self {
        let date = |line: &&str| line.to_ascii_lowercase().starts_with("date:");
        self.head = self.head.lines().filter(|line| !date(line)).collect::<Vec<_>>().join("\n");
        self
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        let start = self.body.find('{').context("no JSON in the body")?;
        let end = self.body.rfind('}').context("no JSON in the body")?;
        Ok(serde_json::from_str(self.body.get(start..=end).unwrap_or_default())?)
    }
}

/// Sends a request with these extra headers and reads the answer to its end.
///
/// # Errors
/// No connection, or no HTTP.
pub async fn request(to: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Response> {
    let mut stream = TcpStream::connect(to).await.context("cannot connect")?;
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {to}\r\n");
    let closes = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let close = (!closes).then_some(("Connection", "close"));
    for (name, value) in headers.iter().copied().chain(close) {
        text += &format!("{name}: {value}\r\n");
    }
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    stream.write_all(format!("{text}{length}\r\n").as_bytes()).await?;
    timeout(PATIENCE, read(&mut stream)).await.context("no answer in time")?
}

/// Headers of a WebSocket upgrade.
pub const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Reads to the end of the connection, or of the body where its length is told.
async fn read(stream: &mut TcpStream) -> Result<Response> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let whole = length.is_some_and(|length| body.len() >= length) || body.ends_with("0\r\n\r\n");
            if whole || lower.starts_with("http/1.1 101") {
                return Ok(Response { head: head.to_owned(), body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            let (head, body) = text.split_once("\r\n\r\n").context("the connection ended inside the headers")?;
            return Ok(Response { head: head.to_owned(), body: body.to_owned() });
        }
    }
}
