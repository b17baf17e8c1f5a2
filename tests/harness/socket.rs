//! A WebSocket client that sends and receives binary messages and tells how it was closed.
//!
//! A thin layer over `tokio-websockets`, with a time limit on every wait.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_websockets::{ClientBuilder, Error, Limits, MaybeTlsStream, Message, WebSocketStream};

/// No answer may take longer than this in a test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What comes from the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A binary message.
    Binary(Bytes),
    /// A text message.
    Text(String),
    /// The close frame; the code is 1006 if there was none.
    Closed(u16, String),
}

impl Socket {
    /// Connects.
    ///
    /// # Errors
    /// No connection, or no upgrade.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, &[]).await
    }

    /// Connects with extra headers.
    ///
    /// # Errors
    /// As `connect`.
    pub async fn connect_with(url: &str, headers: &[(&'static str, &str)]) -> Result<Self> {
        let mut builder = ClientBuilder::new().uri(url)?.limits(Limits::unlimited());
        for (name, value) in headers {
            builder = builder.add_header(http::HeaderName::from_static(name), value.parse()?)?;
        }
        let connected = timeout(PATIENCE, builder.connect()).await.context("no answer to the upgrade")?;
        let (socket, _) = connected.with_context(|| format!("cannot connect to {url}"))?;
        Ok(Self(socket))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        Ok(self.0.send(Message::binary(bytes.into())).await?)
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send_text(&mut self, text: impl Into<String>) -> Result<()> {
        Ok(self.0.send(Message::text(text.into())).await?)
    }

    /// Sends a close frame.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn close(&mut self) -> Result<()> {
        Ok(self.0.close().await?)
    }

    /// The next message or the end.
    ///
    /// # Errors
    /// Nothing comes in time, or something that is neither.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            let message = match timeout(PATIENCE, self.0.next()).await.context("nothing comes")? {
                Some(Ok(message)) => message,
                None | Some(Err(Error::Io(_))) => return Ok(Event::Closed(1006, String::new())),
                Some(Err(error)) => return Err(error.into()),
            };
            if let Some((code, reason)) = message.as_close() {
                return Ok(Event::Closed(code.into(), reason.to_owned()));
            }
            if message.is_binary() {
                return Ok(Event::Binary(message.into_payload().into()));
            }
            if let Some(text) = message.as_text() {
                return Ok(Event::Text(text.to_owned()));
            }
        }
    }

    /// The next binary message.
    ///
    /// # Errors
    /// The other side closes instead.
    pub async fn binary(&mut self) -> Result<Bytes> {
        match self.next().await? {
            Event::Binary(bytes) => Ok(bytes),
            Event::Text(text) => bail!("a text message: {text:?}"),
            Event::Closed(code, reason) => bail!("closed with {code} {reason:?}"),
        }
    }

    /// Reads on to the close frame.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn closed(&mut self) -> Result<(u16, String)> {
        loop {
            if let Event::Closed(code, reason) = self.next().await? {
                return Ok((code, reason));
            }
        }
    }

    /// Both halves, for those who send and receive at once.
    pub fn into_inner(self) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        self.0
    }
}
