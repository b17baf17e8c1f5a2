//! What the relay holds stays bounded, whatever its clients do.
//!
//! V8 never returns to its start, so growth is compared: with a naive Worker in the same run, or between rounds of the
//! same load.

use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt, StreamExt};
use pasarela_e2e::{
    measuring::{self, ask},
    process::resident,
    socket::{PATIENCE, Socket},
    workerd::{Options, Workerd},
};
use tokio::time::timeout;
use tokio_websockets::Message;

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

const MIB: u64 = 1 << 20;

/// Rounds of load before memory is looked at.
const WARM_UP: usize = 7;

/// Sends far more than the stalled sink takes, without pacing, until it is closed; returns the growth of the Worker's memory
/// and how the client was closed, if it was.
async fn flood(worker: &Workerd, total: u64) -> Result<(u64, Option<(u16, String)>)> {
    measuring::upload(&worker.url("/pipe/chat"), 64 * MIB, 64 << 10, 4 * MIB).await.context("warm-up")?;
    let before = resident(worker.pid())?;
    let mut socket = Socket::connect(&worker.url("/pipe/chat")).await?;
    socket.send(ask("sim stall")).await?;
    let (mut sink, mut source) = socket.into_inner().split();
    let message = Message::binary(vec![7; 64 << 10]);
    let send_on = async {
        for _ in 0..total / message.as_payload().len() as u64 {
            sink.send(message.clone()).await?;
        }
        anyhow::Ok(None)
    };
    let listen = async {
        loop {
            let message = source.next().await.context("no close frame")??;
            if let Some((code, reason)) = message.as_close() {
                return anyhow::Ok(Some((u16::from(code), reason.to_owned())));
            }
        }
    };
    // It stops when it is told to: what it would send on is garbage to the Worker, but V8 takes its time to collect it.
    let closed = timeout(PATIENCE, async {
        tokio::select! {
            biased;
            closed = listen => closed,
            sent = send_on => sent,
        }
    });
    let closed = closed.await.context("neither taken nor closed")??;
    let after = resident(worker.pid())?;
    Ok((after.saturating_sub(before), closed))
}

#[tokio::test]
async fn an_unpaced_client_before_a_stalled_upstream_is_closed_and_a_naive_worker_swells() -> Result<()> {
    let bench = Bench::start(Kind::Object).await?;
    let naive = Workerd::start(&Options::towards(&bench.sim).script("bench/workers/naive.mjs")).await?;
    let total = 512 * MIB;
    let (ours, closed) = flood(bench.workerd()?, total).await?;
    let (theirs, never) = flood(&naive, total).await?;
    println!("growth: ours {} MiB, naive {} MiB", ours / MIB, theirs / MIB);
    ensure!(closed == Some((1009, "queue".to_owned())), "closed with {closed:?}");
    ensure!(never.is_none(), "the naive Worker closes: {never:?}");
    ensure!(ours < 64 * MIB, "grew by {} MiB", ours / MIB);
    ensure!(theirs > 250 * MIB, "the naive Worker grew by {} MiB only: this test proves nothing", theirs / MIB);
    naive.kill().await?;
    // Not the simulator's count: no FIN gets through buffers that a stalled peer never empties.
    bench.gauges_must_be_zero().await
}

#[tokio::test]
async fn five_rounds_of_the_same_load_leave_nothing_behind() -> Result<()> {
    let bench = Bench::with(Kind::Object, |options| options).await?;
    let clients = if soak() { 2000 } else { 500 };
    // V8 grows its heap over the first few thousand connections, and then no more.
    let mut after_round = Vec::new();
    for round in 0..WARM_UP + 5 {
        let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(one_echo(bench.url_of("/pipe/chat")))).collect();
        for task in tasks {
            task.await??;
        }
        bench.must_be_idle().await?;
        if round >= WARM_UP {
            after_round.push(resident(bench.workerd()?.pid())? / MIB);
        }
    }
    println!("resident after each round: {after_round:?} MiB");
    let growth = after_round.last().zip(after_round.first()).map_or(0, |(last, first)| last.saturating_sub(*first));
    // What would be a leak of 12 KiB a client: less is told from V8's own ups and downs by more clients only.
    let leak = (clients * (after_round.len() - 1)) as u64 * (12 << 10) / MIB;
    ensure!(growth <= leak, "the later rounds grow by more than {leak} MiB: {after_round:?} MiB");
    Ok(())
}

async fn one_echo(url: String) -> Result<()> {
    let mut socket = Socket::connect(&url).await?;
    socket.send(ask("sim echo")).await?;
    socket.send(&b"echo"[..]).await?;
    ensure!(socket.binary().await? == b"echo"[..]);
    socket.close().await?;
    // The relay answers the close; until then it still counts this client.
    socket.closed().await.map(drop)
}
