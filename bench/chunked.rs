//! An HTTP/1.1 exchange whose two bodies are one stream of bytes: chunks go out while chunks come in.
//!
//! Just enough for a benchmark against a Worker that answers at once; not a general client.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::CHUNK;

/// An exchange that has begun.
pub(super) struct Chunked<S> {
    line: S,
    /// Received and not looked at.
    read: BytesMut,
    /// What is left of the chunk that is being received.
    rest: usize,
    answered: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Chunked<S> {
    /// Sends the request's head.
    pub(super) async fn begin(mut line: S, host: SocketAddr) -> Result<Self> {
        let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
        line.write_all(head.as_bytes()).await?;
        Ok(Self { line, read: BytesMut::new(), rest: 0, answered: false })
    }

    /// Sends one chunk.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        Ok(self.line.write_all(&chunk).await?)
    }

    /// The next bytes of the response's body; `None` at its end.
    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>> {
        if !self.answered {
            self.head().await?;
        }
        if self.rest == 0 {
            let line = self.until(b"\r\n").await?;
            let size = str::from_utf8(&line).ok().and_then(|line| usize::from_str_radix(line.trim(), 16).ok());
            self.rest = size.context("the response's body is not in chunks")?;
            if self.rest == 0 {
                return Ok(None);
            }
            // The line's end behind the chunk is taken with it.
            self.rest += 2;
        }
        loop {
            let n = self.read.len().min(self.rest);
            let payload = n.min(self.rest.saturating_sub(2));
            if payload > 0 {
                self.rest -= payload;
                return Ok(Some(self.read.split_to(payload).freeze()));
            }
            self.read.advance(n);
            self.rest -= n;
            if self.rest == 0 {
                return Ok(Some(Bytes::new()));
            }
            self.more().await?;
        }
    }

    /// Ends the request's body and reads the response's.
    pub(super) async fn end(mut self) -> Result<()> {
        self.line.write_all(b"0\r\n\r\n").await?;
        while self.receive().await?.is_some() {}
        Ok(())
    }

    async fn head(&mut self) -> Result<()> {
        let head = self.until(b"\r\n\r\n").await?;
        ensure!(head.starts_with(b"HTTP/1.1 200"), "answered: {}", String::from_utf8_lossy(&head));
        self.answered = true;
        Ok(())
    }

    /// What comes before `mark`.
    async fn until(&mut self, mark: &[u8]) -> Result<BytesMut> {
        loop {
            if let Some(at) = self.read.windows(mark.len()).position(|window| window == mark) {
                let line = self.read.split_to(at);
                self.read.advance(mark.len());
                return Ok(line);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<()> {
        self.read.reserve(CHUNK);
        if self.line.read_buf(&mut self.read).await? == 0 {
            bail!("the response ends early");
        }
        Ok(())
    }
}
