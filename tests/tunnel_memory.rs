//! What tunnels make the relay hold: no more than their windows, however fast one side and slow the other.
//!
//! V8 never returns to its start, so growth is compared with a plateau after the same load, and with a naive Worker's.

#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else comes is the failure")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::message::{Control, Fin},
};
use pasarela_e2e::{
    measuring::ask,
    process::resident,
    socket::{PATIENCE, Socket},
    tunnel::{Carrier, Said, open},
    workerd::{Options, Workerd},
};
use pasarela_sim::pattern;
use tokio::time::{Instant, interval, sleep_until, timeout};

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

const MIB: u64 = 1 << 20;

mod every {
    crate::relays::against_every_relay! {
        a_stalled_reader_holds_a_window_and_gets_all_of_it_later,
        a_fast_writer_is_held_at_the_window_and_all_of_it_arrives,
        small_messages_hold_no_more_than_large_ones,
        who_ignores_every_limit_is_closed_as_a_flood,
    }
    crate::relays::against! { one Object: a_hundred_stalled_readers_share_what_there_is }
}

/// The most that the memory grows within this time.
async fn growth(memory: impl Fn() -> Result<u64>, plateau: u64, within: Duration) -> Result<u64> {
    let end = Instant::now() + within;
    let mut highest = plateau;
    while Instant::now() < end {
        highest = highest.max(memory()?);
        sleep_until((Instant::now() + Duration::from_millis(50)).min(end)).await;
    }
    Ok(highest.saturating_sub(plateau))
}

fn stall_time() -> Duration {
    Duration::from_secs(if soak() { 10 } else { 2 })
}

async fn a_stalled_reader_holds_a_window_and_gets_all_of_it_later(kind: Kind) -> Result<()> {
    let total = if soak() { 256 * MIB } else { 64 * MIB };
    let bench = Bench::start(kind).await?;
    let hello = ask(&format!("sim source {total}"));
    let mut warm = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &hello).await?;
    warm.opened().await?;
    warm.download(total).await?;
    drop(warm);
    let plateau = bench.memory()?;
    let mut stalled = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &hello).await?;
    stalled.opened().await?;
    let ours = growth(|| bench.memory(), plateau, stall_time()).await?;
    stalled.download(total).await?;
    println!("{kind:?}: grew by {} KiB", ours >> 10);
    ensure!(ours <= bench.growth_allowed(), "grew by {} MiB", ours / MIB);
    Ok(())
}

async fn a_fast_writer_is_held_at_the_window_and_all_of_it_arrives(kind: Kind) -> Result<()> {
    let total = if soak() { 1024 * MIB } else { 128 * MIB };
    let bench = Bench::start(kind).await?;
    // The simulator verifies every byte and says how many they were.
    upload(&bench, total).await?;
    let plateau = bench.memory()?;
    let hello = ask("sim stall");
    let mut stalled = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &hello).await?;
    let window = u64::from(stalled.opened().await?.window);
    // What the kernel's buffers take is acknowledged; then nothing more, and a client that keeps to it waits.
    let (mut sent, mut acked) = (hello.len() as u64, 0);
    loop {
        ensure!(sent < 64 * MIB, "more is acknowledged than anybody has taken");
        while sent < acked + window {
            let len = (acked + window - sent).min(64 << 10);
            stalled.send(vec![7; usize::try_from(len)?]).await?;
            sent += len;
        }
        match tokio::time::timeout(stall_time(), stalled.next()).await {
            Ok(said) => match said? {
                Said::Control(Control::Ack(ack)) => acked = ack.n,
                other => anyhow::bail!("{other:?}"),
            },
            Err(_) => break,
        }
    }
    let ours = growth(|| bench.memory(), plateau, Duration::from_millis(200)).await?;
    println!("{kind:?}: held at {} KiB beyond what was taken, grew by {} KiB", (sent - acked) >> 10, ours >> 10);
    ensure!(ours <= bench.growth_allowed(), "grew by {} MiB", ours / MIB);
    Ok(())
}

/// Sends the pattern to the simulator's sink within the window.
async fn upload(bench: &Bench, total: u64) -> Result<()> {
    let hello = ask("sim sink");
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &hello).await?;
    let window = u64::from(carrier.opened().await?.window);
    let skip = hello.len() as u64;
    let (mut sent, mut acked, mut counts) = (0, 0, Vec::new());
    loop {
        while sent < total && sent + skip < acked + window {
            let len = (acked + window - sent - skip).min(64 << 10).min(total - sent);
            let mut message = vec![0; usize::try_from(len)?];
            pattern::fill(sent, &mut message);
            carrier.send(message).await?;
            sent += len;
            if sent == total {
                carrier.say(&Control::Fin(Fin { n: sent + skip })).await?;
            }
        }
        match carrier.next().await? {
            Said::Control(Control::Ack(ack)) => acked = ack.n,
            Said::Data(bytes) => counts.extend(bytes),
            Said::Control(Control::Fin(_)) => break,
            other => anyhow::bail!("after {acked} of {total}: {other:?}"),
        }
        // The counts come back as a stream of their own; the last is all that is looked at.
        carrier.ack_if_due(limits::CLIENT_ACK_BYTES).await?;
        counts.drain(..counts.len().saturating_sub(16) / 8 * 8);
    }
    let verified = counts.last_chunk::<8>().map(|count| u64::from_be_bytes(*count));
    ensure!(verified == Some(total), "verified {verified:?} of {total}");
    Ok(())
}

async fn small_messages_hold_no_more_than_large_ones(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    for size in [1, 84] {
        let mut warm = echoes(&bench, size).await?;
        let mut plateau = 0;
        for round in 0..2 {
            let before = bench.memory()?;
            plateau = plateau.max(before);
            warm.push(stalled_echo(&bench, size).await?);
            let ours = growth(|| bench.memory(), plateau, Duration::from_millis(500)).await?;
            println!("{kind:?}, {size} bytes, round {round}: grew by {} KiB", ours >> 10);
            ensure!(ours <= bench.growth_allowed(), "grew by {} MiB", ours / MIB);
        }
    }
    Ok(())
}

/// Small echoes that are read, for the plateau.
async fn echoes(bench: &Bench, size: usize) -> Result<Vec<Carrier>> {
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
    carrier.opened().await?;
    let total = (limits::IN_FLIGHT_MESSAGES * size) as u64;
    for _ in 0..limits::IN_FLIGHT_MESSAGES {
        carrier.send(vec![7; size]).await?;
    }
    while carrier.received < total {
        carrier.next().await?;
    }
    Ok(vec![carrier])
}

/// Small messages, as many as a polite client has in flight, whose echoes nobody reads.
async fn stalled_echo(bench: &Bench, size: usize) -> Result<Carrier> {
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
    carrier.opened().await?;
    for _ in 0..limits::IN_FLIGHT_MESSAGES {
        carrier.send(vec![7; size]).await?;
    }
    Ok(carrier)
}

async fn who_ignores_every_limit_is_closed_as_a_flood(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim stall")).await?;
    let window = carrier.opened().await?.window;
    // The kernel's buffers towards the stalled upstream are filled in windows, so that what follows is held.
    let (mut sent, mut acked) = (ask("sim stall").len() as u64, 0);
    while let Ok(said) = {
        while sent < acked + u64::from(window) - (64 << 10) {
            carrier.send(vec![7; 64 << 10]).await?;
            sent += 64 << 10;
        }
        tokio::time::timeout(Duration::from_secs(3), carrier.next()).await
    } {
        let Said::Control(Control::Ack(ack)) = said? else { anyhow::bail!("no acknowledgement") };
        acked = ack.n;
    }
    // The larger ones would still fit the window.
    for n in 0..limits::UNDELIVERED_MESSAGES as usize + 100 {
        if carrier.send(vec![7; [1, 8][n % 2]]).await.is_err() {
            break;
        }
    }
    carrier.fails_with(Code::Flood).await
}

async fn a_hundred_stalled_readers_share_what_there_is(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = ask(&format!("sim source {}", 8 * MIB));
    let mut warm =
        Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask(&format!("sim source {}", 256 * MIB))).await?;
    warm.opened().await?;
    warm.download(256 * MIB).await?;
    drop(warm);
    let plateau = bench.memory()?;
    let mut stalled = Vec::new();
    let mut windows = Vec::new();
    for _ in 0..100 {
        let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &hello).await?;
        windows.push(carrier.opened().await?.window);
        stalled.push(carrier);
    }
    let ours = growth(|| bench.memory(), plateau, stall_time()).await?;
    println!(
        "a hundred stalled readers: windows {} … {} KiB, grew by {} MiB",
        windows[0] >> 10,
        windows[99] >> 10,
        ours / MIB
    );
    ensure!(ours <= limits::HELD as u64 + 24 * MIB, "grew by {} MiB", ours / MIB);
    let mut next = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &hello).await?;
    ensure!(next.opened().await?.window < windows[0], "the 101st gets as much as the first");
    for carrier in &mut stalled {
        carrier.download(8 * MIB).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_naive_worker_swells_under_the_same_load() -> Result<()> {
    let bench = Bench::start(Kind::Worker).await?;
    let naive = Workerd::start(&Options::towards(&bench.sim).script("bench/workers/naive.mjs")).await?;
    let url = naive.url("/pipe/chat");
    // Not `measuring::download`: this Worker has close codes of its own.
    let mut warm = Socket::connect(&url).await?;
    warm.send(ask(&format!("sim source {}", 64 * MIB))).await?;
    let mut received = 0;
    while received < 64 * MIB {
        received += warm.binary().await?.len() as u64;
    }
    let plateau = resident(naive.pid())?;
    let mut stalled = Socket::connect(&url).await?;
    stalled.send(ask(&format!("sim source {}", 256 * MIB))).await?;
    let mut look = interval(Duration::from_millis(50));
    let swells = async {
        while resident(naive.pid())?.saturating_sub(plateau) <= 100 * MIB {
            look.tick().await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, swells).await.context("it grows by less: the others' bounds prove nothing")??;
    naive.kill().await
}
