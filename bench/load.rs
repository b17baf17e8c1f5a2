//! Clients that load a relay as fast as it goes and check none of the bytes.
//!
//! What they ask of the simulator is documented in `pasarela_sim`; how a connection is made is `conn`'s part; the clients
//! that check are in the harness's `measuring`.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use pasarela_e2e::measuring::ask;
use pasarela_noise::wire;
use pasarela_sim::pattern;
use tokio::{task::JoinSet, time::timeout};

use super::conn::{Conn, Target};

/// Nothing takes so long unless something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Connections that are being made at once where many are.
pub(super) const AT_ONCE: usize = 8;

/// What an upload may be ahead of what has arrived, in bytes.
const AHEAD: u64 = 4 << 20;

/// Receives `total` bytes on each of `count` connections at once.
pub(super) async fn download(target: &Target, total: u64, count: usize) -> Result<()> {
    let one = |_| receive(target.clone(), format!("sim source {total}"), total);
    at_once((0..count).map(one)).await.map(drop)
}

/// Receives `count` frames of `size` bytes, their headers not counted.
pub(super) async fn frames(target: &Target, count: u64, size: usize) -> Result<()> {
    let total = count * (wire::FRAME_HEADER + size) as u64;
    patient(receive(target.clone(), format!("sim frames {count} {size}"), total)).await
}

async fn receive(target: Target, mode: String, total: u64) -> Result<()> {
    let mut conn = Conn::open(&target, &ask(&mode)).await?;
    let mut received = 0;
    while received < total {
        let bytes = conn.receive().await?;
        received += bytes.with_context(|| format!("{received} bytes instead of {total}"))?.len() as u64;
    }
    ensure!(received == total, "{received} bytes instead of {total}");
    conn.end().await
}

/// What an upload sends, made beforehand: the simulator wants its pattern.
#[derive(Clone)]
pub(super) struct Cargo(Bytes);

impl Cargo {
    pub(super) fn new(len: usize) -> Self {
        let mut bytes = vec![0; len];
        pattern::fill(0, &mut bytes);
        Self(bytes.into())
    }
}

/// Sends all of it on each of `count` connections at once, in messages of `size` bytes.
pub(super) async fn upload(target: &Target, cargo: &Cargo, size: usize, count: usize) -> Result<()> {
    at_once((0..count).map(|_| send(target.clone(), cargo.clone(), size))).await.map(drop)
}

async fn send(target: Target, Cargo(mut rest): Cargo, size: usize) -> Result<()> {
    let mut conn = Conn::open(&target, &ask("sim sink")).await?;
    let total = rest.len() as u64;
    let (mut sent, mut arrived, mut partial) = (0, 0, Vec::new());
    while arrived < total {
        while sent < total && sent - arrived < AHEAD && conn.may_send(size) {
            let message = rest.split_to(size.min(rest.len()));
            sent += message.len() as u64;
            conn.feed(message).await?;
        }
        conn.flush().await?;
        let bytes = conn.receive().await?;
        partial.extend_from_slice(bytes.with_context(|| format!("ended after {arrived} of {total} bytes"))?);
        // Counts are eight bytes each; of several together the last is the newest.
        let whole = partial.len() - partial.len() % 8;
        if let Some(count) = partial.get(..whole).and_then(|counts| counts.last_chunk::<8>()) {
            arrived = u64::from_be_bytes(*count);
        }
        partial.drain(..whole);
    }
    conn.end().await
}

/// How long each of `count` round trips of `size` bytes took, one after another on one connection.
pub(super) async fn echo(target: &Target, count: usize, size: usize) -> Result<Vec<Duration>> {
    patient(async {
        let mut echo = Echo::open(target).await?;
        let times = echo.round_trips(count, size).await?;
        echo.0.end().await?;
        Ok(times)
    })
    .await
}

/// Sends `count` frames of `size` bytes, at most `ahead` of what has come back, and waits for the last.
pub(super) async fn stream(target: &Target, count: usize, size: usize, ahead: usize) -> Result<()> {
    patient(async {
        let Echo(mut conn) = Echo::open(target).await?;
        let payload = frame(size);
        let (mut sent, mut back) = (0, 0);
        while back < count * size {
            while sent < count && sent * size < back + ahead * size {
                conn.feed(payload.clone()).await?;
                sent += 1;
            }
            conn.flush().await?;
            back += conn.receive().await?.context("ended early")?.len();
        }
        conn.end().await
    })
    .await
}

/// So many connections, a few at once, each closed once an echo has come back on it.
pub(super) async fn connections(target: &Target, count: usize) -> Result<()> {
    let some = |n| {
        let target = target.clone();
        async move {
            for _ in (n..count).step_by(AT_ONCE) {
                Echo::open(&target).await?.0.end().await?;
            }
            Ok(())
        }
    };
    at_once((0..AT_ONCE.min(count)).map(some)).await.map(drop)
}

/// How long each of so many connections, one after another, took from its beginning to the first byte back.
pub(super) async fn first_bytes(target: &Target, count: usize) -> Result<Vec<Duration>> {
    patient(async {
        let mut times = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            let Echo(conn) = Echo::open(target).await?;
            times.push(begun.elapsed());
            conn.end().await?;
        }
        Ok(times)
    })
    .await
}

/// Connections that stay open after one echo each.
pub(super) async fn idle(target: &Target, count: usize) -> Result<Vec<Echo>> {
    let some = |n| {
        let target = target.clone();
        async move {
            let mut open = Vec::new();
            for _ in (n..count).step_by(AT_ONCE) {
                open.push(Echo::open(&target).await?);
            }
            Ok(open)
        }
    };
    Ok(at_once((0..AT_ONCE.min(count)).map(some)).await?.into_iter().flatten().collect())
}

/// A client that asks for this and reads none of it, with little room for it.
pub(super) async fn stalled(target: &Target, mode: &str) -> Result<Conn> {
    patient(Conn::open_with(target, &ask(mode), Some(16 << 10))).await
}

/// A connection on which the simulator sends everything back.
pub(super) struct Echo(Conn);

impl Echo {
    /// Opens it and sees one echo of a few bytes, which are a whole frame so that any route lets them pass.
    pub(super) async fn open(target: &Target) -> Result<Self> {
        let frame = frame(wire::FRAME_HEADER + 2);
        let first = [&ask("sim echo")[..], &frame].concat();
        let mut echo = Self(Conn::open(target, &first).await?);
        echo.back(frame.len()).await?;
        Ok(echo)
    }

    /// Round trips of a frame of `size` bytes, its header included; how long each took.
    pub(super) async fn round_trips(&mut self, count: usize, size: usize) -> Result<Vec<Duration>> {
        let payload = frame(size);
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            self.0.feed(payload.clone()).await?;
            self.0.flush().await?;
            self.back(size).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    }

    async fn back(&mut self, len: usize) -> Result<()> {
        let mut received = 0;
        while received < len {
            received += self.0.receive().await?.context("an echo is missing")?.len();
        }
        Ok(())
    }
}

/// A frame of WhatsApp's that is so long with its header.
fn frame(size: usize) -> Bytes {
    let mut frame = Vec::new();
    // Fails only for a frame of 16 MiB.
    wire::encode_frame(&vec![b'x'; size.saturating_sub(wire::FRAME_HEADER)], &mut frame).unwrap_or_default();
    frame.into()
}

/// Does all of it at once; done when all is, or the first fails.
pub(super) async fn at_once<T: Send + 'static, F>(work: impl Iterator<Item = F>) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let mut tasks: JoinSet<_> = work.collect();
    patient(async {
        let mut all = Vec::with_capacity(tasks.len());
        while let Some(done) = tasks.join_next().await {
            all.push(done??);
        }
        Ok(all)
    })
    .await
}

async fn patient<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, work).await.context("it hangs")?
}
