//! Clients that load a relay as fast as it goes and check none of the bytes.
//!
//! What they ask of the simulator is documented in `pasarela::sim`; the checking ones are in the harness's `measuring`.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use pasarela::sim::pattern;
use pasarela_e2e::{measuring::ask, socket::Socket};
use pasarela_noise::wire;
use tokio::net::{TcpSocket, TcpStream};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

/// Receives `total` bytes.
pub(super) async fn download(url: &str, total: u64) -> Result<()> {
    let received = receive(url, &format!("sim source {total}")).await?;
    anyhow::ensure!(received.bytes == total, "{} bytes instead of {total}", received.bytes);
    Ok(())
}

/// Receives `count` frames of `size` bytes, each as a message of its own.
pub(super) async fn frames(url: &str, count: u64, size: usize) -> Result<()> {
    let received = receive(url, &format!("sim frames {count} {size}")).await?;
    anyhow::ensure!(received.messages == count, "{} messages instead of {count}", received.messages);
    Ok(())
}

struct Received {
    messages: u64,
    bytes: u64,
}

async fn receive(url: &str, mode: &str) -> Result<Received> {
    let mut socket = Socket::connect(url).await?.into_inner();
    socket.send(Message::binary(ask(mode))).await?;
    let mut received = Received { messages: 0, bytes: 0 };
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_binary() {
            received.messages += 1;
            received.bytes += message.as_payload().len() as u64;
        }
    }
    Ok(received)
}

/// What an upload sends, made beforehand: the simulator wants its pattern.
pub(super) struct Cargo(pub(super) Bytes);

impl Cargo {
    pub(super) fn new(len: usize) -> Self {
        let mut bytes = vec![0; len];
        pattern::fill(0, &mut bytes);
        Self(bytes.into())
    }
}

/// Sends all of it in messages of `size` bytes, at most `window` ahead of what has arrived.
pub(super) async fn upload(url: &str, cargo: &Cargo, size: usize, window: u64) -> Result<()> {
    let mut socket = Socket::connect(url).await?;
    socket.send(ask("sim sink")).await?;
    let (mut sink, mut source) = socket.into_inner().split();
    let (mut rest, total) = (cargo.0.clone(), cargo.0.len() as u64);
    let (mut sent, mut arrived, mut partial) = (0, 0, Vec::new());
    while arrived < total {
        while sent < total && sent - arrived < window {
            let message = rest.split_to(size.min(rest.len()));
            sent += message.len() as u64;
            sink.feed(Message::binary(message)).await?;
        }
        sink.flush().await?;
        let message = source.next().await.context("ended early")??;
        anyhow::ensure!(message.is_binary(), "closed with {:?} after {arrived} of {total}", message.as_close());
        partial.extend_from_slice(message.as_payload());
        // Counts are eight bytes each; of several together the last is the newest.
        let whole = partial.len() - partial.len() % 8;
        if let Some(count) = partial.get(..whole).and_then(|counts| counts.last_chunk::<8>()) {
            arrived = u64::from_be_bytes(*count);
        }
        partial.drain(..whole);
    }
    sink.close().await?;
    Ok(())
}

/// One connection after another, each closed once an echo has come back on it.
pub(super) async fn connections(url: &str, count: usize) -> Result<()> {
    for _ in 0..count {
        end(Echo::open(url).await?).await?;
    }
    Ok(())
}

/// Connections that stay open after one echo each.
pub(super) async fn idle(url: &str, count: usize) -> Result<Vec<Echo>> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        open.push(Echo::open(url).await?);
    }
    Ok(open)
}

/// Closes a connection and waits until the relay has closed it too.
pub(super) async fn end(mut echo: Echo) -> Result<()> {
    echo.0.close().await?;
    echo.0.closed().await.map(drop)
}

/// A connection on which the simulator sends everything back.
pub(super) struct Echo(Socket);

impl Echo {
    /// Opens it and sees one echo of a few bytes, which are a whole frame so that any route lets them pass.
    pub(super) async fn open(url: &str) -> Result<Self> {
        let mut echo = Self(Socket::connect(url).await?);
        let mut hello = ask("sim echo");
        let frame = frame(2);
        hello.extend(&frame);
        echo.exchange(hello.into(), frame.len()).await?;
        Ok(echo)
    }

    /// Round trips of a frame of `size` bytes, its header included; how long each took.
    pub(super) async fn round_trips(&mut self, count: usize, size: usize) -> Result<Vec<Duration>> {
        let payload = Bytes::from(frame(size.saturating_sub(wire::FRAME_HEADER)));
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            self.exchange(payload.clone(), size).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    }

    /// Sends `count` frames of `size` bytes, `ahead` of what has come back, and waits for the last.
    pub(super) async fn stream(self, count: usize, size: usize, ahead: usize) -> Result<()> {
        let payload = Bytes::from(frame(size.saturating_sub(wire::FRAME_HEADER)));
        let (mut sink, mut source) = self.0.into_inner().split();
        let (mut sent, mut back) = (0, 0);
        while back < count * size {
            while sent < count && sent * size < back + ahead * size {
                sink.feed(Message::binary(payload.clone())).await?;
                sent += 1;
            }
            sink.flush().await?;
            back += source.next().await.context("ended early")??.as_payload().len();
        }
        Ok(sink.close().await?)
    }

    async fn exchange(&mut self, payload: Bytes, answer: usize) -> Result<()> {
        self.0.send(payload).await?;
        let mut received = 0;
        while received < answer {
            received += self.0.binary().await?.len();
        }
        Ok(())
    }
}

pub(super) fn frame(size: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    // Fails only for a frame of 16 MiB.
    wire::encode_frame(&vec![b'x'; size], &mut frame).unwrap_or_default();
    frame
}

/// A client that asks for `total` bytes and reads none of them.
pub(super) async fn stalled(to: SocketAddr, url: &str, total: u64) -> Result<WebSocketStream<TcpStream>> {
    let tcp = TcpSocket::new_v4()?;
    tcp.set_recv_buffer_size(16 << 10)?;
    let stream = tcp.connect(to).await?;
    let builder = ClientBuilder::new().uri(url)?.limits(Limits::unlimited());
    let (mut socket, _) = builder.connect_on(stream).await?;
    socket.send(Message::binary(ask(&format!("sim source {total}")))).await?;
    Ok(socket)
}
