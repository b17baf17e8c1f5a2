//! Clients that load a tunnel as fast as its window lets them and check none of the bytes.
//!
//! They acknowledge as the library's client does; what it costs itself is not measured here.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::message::{Control, Fin, Reset},
};
use pasarela_e2e::{
    measuring::ask,
    tunnel::{Carrier, Said, open},
};

use super::load::{Cargo, frame};

/// Receives `total` bytes.
pub(super) async fn download(url: &str, total: u64) -> Result<()> {
    let mut tunnel = Tunnel::open(url, &ask(&format!("sim source {total}"))).await?;
    tunnel.receive(total).await?;
    tunnel.end().await
}

/// Sends all of it in messages of `size` bytes, within the window.
pub(super) async fn upload(url: &str, cargo: &Cargo, size: usize) -> Result<()> {
    let hello = ask("sim sink");
    let mut tunnel = Tunnel::open(url, &hello).await?;
    let mut rest = cargo.0.clone();
    let end = (hello.len() + rest.len()) as u64;
    let (mut sent, mut acked) = (hello.len() as u64, 0);
    while acked < end {
        while !rest.is_empty() && sent + size as u64 <= acked + u64::from(tunnel.window) {
            let message = rest.split_to(size.min(rest.len()));
            sent += message.len() as u64;
            tunnel.carrier.send(message).await?;
            if rest.is_empty() {
                tunnel.carrier.say(&Control::Fin(Fin { n: end })).await?;
            }
        }
        if let Said::Control(Control::Ack(ack)) = tunnel.next().await? {
            acked = ack.n;
        }
    }
    tunnel.end().await
}

/// A tunnel on which the simulator sends everything back: how long each of `count` round trips of `size` bytes took.
pub(super) async fn echo(url: &str, count: usize, size: usize) -> Result<Vec<Duration>> {
    let mut tunnel = Tunnel::open(url, &ask("sim echo")).await?;
    let message = bytes::Bytes::from(frame(size.saturating_sub(3)));
    let mut times = Vec::with_capacity(count);
    for n in 1..=count {
        let start = Instant::now();
        tunnel.carrier.send(message.clone()).await?;
        tunnel.receive((n * size) as u64).await?;
        times.push(start.elapsed());
    }
    tunnel.end().await?;
    Ok(times)
}

struct Tunnel {
    carrier: Carrier,
    window: u32,
}

impl Tunnel {
    async fn open(url: &str, hello: &[u8]) -> Result<Self> {
        let mut carrier = Carrier::open(url, open(limits::WINDOW_MAX), hello).await?;
        let window = carrier.opened().await?.window;
        Ok(Self { carrier, window })
    }

    async fn receive(&mut self, until: u64) -> Result<()> {
        while self.carrier.received < until {
            self.next().await?;
        }
        ensure!(self.carrier.received == until, "{} bytes instead of {until}", self.carrier.received);
        Ok(())
    }

    async fn next(&mut self) -> Result<Said> {
        let said = self.carrier.next().await?;
        if let Said::Closed(..) | Said::Control(Control::Reset(_)) = said {
            bail!("{said:?}");
        }
        self.carrier.ack_if_due(limits::CLIENT_ACK_BYTES).await?;
        Ok(said)
    }

    /// Ends it, and waits until the relay has.
    async fn end(mut self) -> Result<()> {
        self.carrier.say(&Control::Reset(Reset { code: Code::End })).await?;
        self.carrier.into_socket().closed().await.map(drop)
    }
}
