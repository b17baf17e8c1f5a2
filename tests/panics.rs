//! After a panic in the Worker: who is told what, what ends and what goes on.
//!
//! The Worker here is the instrumented one: it panics where a request's `x-instrument` says, and when a stream is sent the
//! message `panic`.

use std::fs;

use anyhow::{Context, Result, ensure};
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::{
        message::{Control, Resume},
        upgrade,
    },
};
use pasarela_e2e::{
    http,
    measuring::{self, ask},
    places,
    process::resident,
    socket::Socket,
    tunnel::{Carrier, Said, open},
    workerd,
};
use tempfile::TempDir;

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_every_edge! {
        a_request_that_panics_is_answered_with_an_error_and_the_next_as_ever,
        a_panic_ends_every_stream_at_its_next_event,
        what_the_runtime_has_coupled_goes_on,
        panic_after_panic_leaves_little_behind,
    }
}

mod kept {
    crate::relays::against! { object Object: an_object_that_panics_loses_its_tunnels_and_takes_new_ones }
    crate::relays::against! { object_in_old_runtime OldObject: an_object_that_panics_loses_its_tunnels_and_takes_new_ones }
}

#[test]
fn the_worker_that_is_given_away_cannot_be_told_to_panic() -> Result<()> {
    let tells = |wasm: &[u8]| wasm.windows(12).any(|bytes| bytes == b"x-instrument");
    ensure!(
        tells(&fs::read(places::made("target/edge/instrumented/index_bg.wasm")?)?),
        "this test looks for another word"
    );
    ensure!(workerd::relay()?.iter().all(|(_, file)| !tells(file)), "build/ has the feature `instrumented`");
    Ok(())
}

/// What ends a stream whose instance is gone.
const CRASHED: (u16, &str) = (Code::Crashed.number(), Code::Crashed.token());

/// The Worker that panics, and the folder with what it says on standard error.
async fn bench(kind: Kind) -> Result<(Bench, TempDir)> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    Ok((Bench::with(kind, |options| options.instrumented().log(&log)).await?, folder))
}

/// The log says where it was, and nothing that the panic's message quotes.
fn was_told(folder: &TempDir, place: &str) -> Result<()> {
    let log = fs::read_to_string(folder.path().join("log")).context("no log")?;
    ensure!(log.contains(place), "no {place:?} in the log: {log}");
    ensure!(!log.contains("203.0.113.7"), "the log quotes the message: {log}");
    Ok(())
}

/// A stream to the simulator's echo that works.
async fn echo(bench: &Bench) -> Result<Socket> {
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    socket.send(ask("sim echo")).await?;
    still_echoes(&mut socket).await?;
    Ok(socket)
}

async fn still_echoes(socket: &mut Socket) -> Result<()> {
    socket.send(&b"there?"[..]).await?;
    ensure!(socket.binary().await? == b"there?"[..], "not an echo");
    Ok(())
}

async fn crashes(socket: &mut Socket) -> Result<()> {
    let (code, reason) = socket.closed().await?;
    ensure!((code, reason.as_str()) == CRASHED, "closed with {code} {reason:?}");
    Ok(())
}

async fn a_request_that_panics_is_answered_with_an_error_and_the_next_as_ever(kind: Kind) -> Result<()> {
    let (bench, folder) = bench(kind).await?;
    let before = http::request(bench.address(), "GET", "/", &[]).await?.without_date();
    let answer = http::request(bench.address(), "GET", "/", &[("x-instrument", "panic at entry")]).await?;
    ensure!(answer.status() == 500, "answered {}", answer.head);
    ensure!(!answer.body.contains("203.0.113.7"), "the answer quotes the panic: {}", answer.body);
    ensure!(
        http::request(bench.address(), "GET", "/", &[]).await?.without_date() == before,
        "another page than before"
    );
    let mut socket = echo(&bench).await?;
    socket.close().await?;
    was_told(&folder, "panic at src/edge/instrument.rs:")?;
    bench.must_be_idle().await
}

async fn a_panic_ends_every_stream_at_its_next_event(kind: Kind) -> Result<()> {
    let (bench, folder) = bench(kind).await?;
    // An exception that no binding catches is a trap like a panic.
    for word in ["panic", "throw"] {
        let mut first = echo(&bench).await?;
        let mut talks = echo(&bench).await?;
        let mut listens = Socket::connect(&bench.url_of("/pipe/chat")).await?;
        listens.send(ask(&format!("sim source {}", 1_u64 << 40))).await?;
        listens.binary().await?;
        let mut tunnel = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
        tunnel.opened().await?;
        first.send_text(word).await?;
        crashes(&mut first).await?;
        crashes(&mut listens).await?;
        talks.send(&b"there?"[..]).await?;
        crashes(&mut talks).await?;
        tunnel.send(&b"there?"[..]).await?;
        let said = tunnel.next().await?;
        ensure!(said == Said::Closed(CRASHED.0, CRASHED.1.to_owned()), "{said:?}");
        let mut fresh = echo(&bench).await?;
        fresh.close().await?;
        // Not one connection to WhatsApp is left, of those that ended either.
        bench.must_be_idle().await?;
    }
    was_told(&folder, "a stream ended with its instance: TypeError")
}

async fn what_the_runtime_has_coupled_goes_on(kind: Kind) -> Result<()> {
    let (bench, _folder) = bench(kind).await?;
    let mut coupled = Socket::connect(&bench.url_of("/ws/chat")).await?;
    coupled.send(ask("sim echo")).await?;
    still_echoes(&mut coupled).await?;
    http::request(bench.address(), "GET", "/", &[("x-instrument", "panic at entry")]).await?;
    still_echoes(&mut coupled).await?;
    coupled.close().await
}

async fn panic_after_panic_leaves_little_behind(kind: Kind) -> Result<()> {
    let (bench, _folder) = bench(kind).await?;
    let worker = bench.workerd()?.pid();
    let mut before = 0;
    for round in 0..40 {
        let mut stream = echo(&bench).await?;
        http::request(bench.address(), "GET", "/", &[("x-instrument", "panic at entry")]).await?;
        stream.send(&b"there?"[..]).await?;
        crashes(&mut stream).await?;
        if round == 20 {
            before = resident(worker)?;
        }
    }
    let grown = resident(worker)?.saturating_sub(before) >> 20;
    println!("twenty panics: {grown} MiB more");
    // An instance has 2 MiB, and V8 takes its time to collect it.
    ensure!(grown < 64, "grew by {grown} MiB");
    measuring::upload(&bench.url_of("/pipe/chat"), 4 << 20, 64 << 10, 1 << 20).await
}

async fn an_object_that_panics_loses_its_tunnels_and_takes_new_ones(kind: Kind) -> Result<()> {
    let (bench, folder) = bench(kind).await?;
    let mut tunnel = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
    let session = tunnel.opened().await?.session.context("no session")?;
    // The request that makes the object panic may fail, but does not hang.
    let offer = upgrade::encode(&Control::Open(open(limits::WINDOW_MAX)), &ask("sim echo"));
    let asks = [("sec-websocket-protocol", offer.as_str()), ("x-instrument", "panic at object")];
    let answer = http::request(bench.address(), "GET", "/tunnel", &[&http::UPGRADE[..], &asks].concat()).await?;
    ensure!([101, 500].contains(&answer.status()), "answered {}", answer.head);
    was_told(&folder, "panic at src/edge/instrument.rs:")?;
    tunnel.send(&b"there?"[..]).await?;
    let said = tunnel.next().await?;
    ensure!(said == Said::Closed(CRASHED.0, CRASHED.1.to_owned()), "{said:?}");
    let resume = Resume { session, attach: 1, received: 0, window: limits::WINDOW_MAX, budget: None, packets: None };
    Carrier::resume(&bench.url(), resume).await?.fails_with(Code::Gone).await?;
    let mut fresh = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
    ensure!(fresh.opened().await?.session.is_some(), "the object keeps no sessions any more");
    Ok(())
}
