//! The tunnel when carriers come and go.

use pasarela::tunnel::{Code, Error, Options, Tunnel, TunnelStream};
use pasarela_e2e::cutter::{Cutter, Direction, How, Plan};
use pasarela_sim::pattern;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    assert_all_closed,
    tunnel::{download, upload},
    tunnels::{Nobody, World, ask, assert_relay_empty, command, options, relay, until},
    within,
};

/// Several windows.
const TOTAL: u64 = 8 << 20;

/// A world whose relay is reached through a line.
async fn world() -> (World, Cutter) {
    let world = World::start().await;
    let line = Cutter::start(world.relay.address()).await.expect("a free port");
    (world, line)
}

/// The connections that are there carry nothing any more, nor do those that come.
fn silence(line: &Cutter) {
    line.plan(Plan::default().cut(0, Direction::Down, How::Silence));
    line.cut_all(How::Silence);
}

async fn assert_empty(world: &World) {
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

/// Does something to the tunnel each time another half a MiB has come, while a download runs.
async fn disturbed_download(stream: &mut TunnelStream, mut disturb: impl FnMut(&TunnelStream)) {
    let mut buffer = vec![0; 64 * 1024];
    let (mut at, mut next) = (0, 0);
    while at < TOTAL {
        let n = within(stream.read(&mut buffer)).await.expect("no failure");
        assert!(n > 0, "ended after {at}");
        assert!(pattern::matches(at, &buffer[..n]), "wrong bytes after {at}");
        at += n as u64;
        if at >= next {
            disturb(stream);
            next += 512 * 1024;
        }
    }
    assert_eq!(within(stream.read(&mut buffer)).await.expect("an end"), 0);
    stream.shutdown().await.expect("no failure");
}

#[tokio::test]
async fn rotation_under_load_loses_and_doubles_nothing() {
    let world = World::start().await;
    let mut stream = world.open(&format!("sim source {TOTAL}")).await;
    disturbed_download(&mut stream, |stream| stream.handle().rotate()).await;
    let status = stream.handle().status();
    assert!(status.carriers > 3, "{status:?}");
    drop(stream);
    assert_empty(&world).await;
}

#[tokio::test]
async fn a_download_survives_the_cuts_of_its_carriers() {
    let (world, line) = world().await;
    let tunnel = Tunnel::new(options(line.address()));
    let mut stream = ask(tunnel.open(), &format!("sim source {TOTAL}")).await;
    disturbed_download(&mut stream, |_| line.cut_all(How::Reset)).await;
    let status = stream.handle().status();
    assert!(status.carriers > 3, "{status:?}");
    drop(stream);
    assert_empty(&world).await;
}

#[tokio::test]
async fn an_upload_survives_the_cuts_of_its_carriers() {
    let (world, line) = world().await;
    let stream = ask(Tunnel::new(options(line.address())).open(), "sim sink").await;
    let handle = stream.handle().clone();
    until(&handle, |status| status.connected).await;
    let cuts = async {
        for n in 1..8 {
            until(&handle, |status| status.sent > n << 20).await;
            line.cut_all(How::Reset);
        }
    };
    tokio::join!(upload(stream, TOTAL), cuts);
    assert!(line.accepted() > 3);
    assert_empty(&world).await;
}

#[tokio::test]
async fn a_carrier_that_went_silent_is_found_dead_and_replaced() {
    let (world, line) = world().await;
    let mut stream = ask(Tunnel::new(options(line.address())).open(), "sim echo").await;
    until(stream.handle(), |status| status.connected).await;
    silence(&line);
    stream.write_all(b"into the void").await.expect("buffered");
    until(stream.handle(), |status| !status.attached).await;
    line.plan(Plan::default());
    let mut got = [0; 13];
    within(stream.read_exact(&mut got)).await.expect("no failure");
    assert_eq!(&got, b"into the void");
    let status = stream.handle().status();
    assert!(status.carriers >= 2, "{status:?}");
    drop(stream);
    assert_empty(&world).await;
}

#[tokio::test]
async fn a_budget_moves_the_stream_before_it_is_used_up() {
    let world = World::start().await;
    let options = Options { budget: Some(64 * 1024), ..world.options() };
    let mut stream = ask(Tunnel::new(options).open(), "sim source 1000000").await;
    download(&mut stream, 1_000_000).await;
    stream.shutdown().await.expect("no failure");
    let status = stream.handle().status();
    assert!(status.carriers >= 15, "{status:?}");
    drop(stream);
    assert_empty(&world).await;
}

#[tokio::test]
async fn both_ends_are_known_though_the_last_carrier_was_cut() {
    let (world, line) = world().await;
    let mut stream = ask(Tunnel::new(options(line.address())).open(), "sim echo").await;
    until(stream.handle(), |status| status.connected).await;
    silence(&line);
    stream.write_all(b"last").await.expect("buffered");
    stream.shutdown().await.expect("no failure");
    line.cut_all(How::Reset);
    line.plan(Plan::default());
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.expect("an end, no failure");
    assert_eq!(rest, b"last");
    assert_empty(&world).await;
}

#[tokio::test]
async fn a_reset_reaches_the_far_end_though_the_carrier_was_cut() {
    let (world, line) = world().await;
    let stream = ask(Tunnel::new(options(line.address())).open(), "sim echo").await;
    until(stream.handle(), |status| status.connected).await;
    silence(&line);
    line.cut_all(How::Reset);
    drop(stream);
    line.plan(Plan::default());
    line.cut_all(How::Reset);
    assert_empty(&world).await;
}

#[tokio::test]
async fn a_relay_that_was_restarted_knows_nothing_and_the_stream_is_gone() {
    let (world, line) = world().await;
    let mut stream = ask(Tunnel::new(options(line.address())).open(), "sim echo").await;
    until(stream.handle(), |status| status.connected).await;
    let World { sim, relay: old } = world;
    let new = relay(sim.chat()).await;
    line.set_target(new.address());
    drop(old);
    line.cut_all(How::Reset);
    let error = within(stream.read(&mut [0])).await.expect_err("no end");
    assert!(matches!(Error::of(&error), Some(Error::Reset(Code::Gone))), "{error}");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_all_closed(&sim).await;
    assert_relay_empty(&new).await;
}

#[tokio::test]
async fn a_relay_that_is_not_there_yet_is_waited_for() {
    let (world, line) = world().await;
    // Accepts and resets: nobody is behind it.
    let nobody = Nobody::new();
    let nowhere = Cutter::start(nobody.address()).await.expect("a free port");
    let mut stream = ask(Tunnel::new(options(nowhere.address())).open(), "sim source 10").await;
    until(stream.handle(), |status| status.dialled >= 3).await;
    nowhere.set_target(line.address());
    download(&mut stream, 10).await;
    stream.shutdown().await.expect("no failure");
    drop(stream);
    assert_empty(&world).await;
}

#[tokio::test]
async fn who_answers_in_the_relays_place_is_outlived_by_a_stream_that_was_opened() {
    let (world, line) = world().await;
    let mut stream = ask(Tunnel::new(options(line.address())).open(), "sim echo").await;
    let before = until(stream.handle(), |status| status.connected).await;
    // Its answer is 404.
    line.set_target(world.sim.web());
    line.cut_all(How::Reset);
    until(stream.handle(), |status| status.dialled > before.dialled + 2).await;
    line.set_target(world.relay.address());
    stream.write_all(b"still here").await.expect("no failure");
    let mut heard = [0; 10];
    within(stream.read_exact(&mut heard)).await.expect("no failure");
    assert_eq!(&heard, b"still here");
}

#[tokio::test]
async fn a_tunnel_that_is_over_is_seen_without_a_carrier_however_it_ended() {
    let world = World::start().await;
    // In order, by a reset for what is no pattern, and dropped.
    for (mode, more) in [("sim source 10", 0), ("sim sink", 100), ("sim echo", 0)] {
        let tunnel = Tunnel::new(world.options());
        let handle = tunnel.handle();
        let (mut near, mut far) = tokio::io::duplex(1000);
        far.write_all(&[command(mode), vec![1; more]].concat()).await.expect("room");
        if mode == "sim source 10" {
            far.shutdown().await.expect("open");
        }
        tokio::select! {
            result = tunnel.carry(&mut near) => match mode {
                "sim source 10" => assert_eq!(result.expect("an end in order"), handle.status()),
                "sim sink" => assert!(matches!(result, Err(Error::Reset(Code::UpstreamReset)))),
                _ => unreachable!("nobody ends it"),
            },
            _ = until(&handle, |status| status.attached && status.connected), if mode == "sim echo" => {}
        }
        let status = handle.status();
        assert!(status.connected && !status.attached && handle.watch().has_changed().is_err(), "{mode}: {status:?}");
    }
}

#[tokio::test]
async fn a_slow_line_is_no_dead_one() {
    const RATE: u32 = 32 << 10;
    const BYTES: u64 = 5 * RATE as u64;
    let world = World::start().await;
    let line = Cutter::slow(world.relay.address(), RATE).expect("a free port");
    let open = async |mode: &str| ask(Tunnel::new(options(line.address())).open(), mode).await;
    let up = async {
        let stream = open("sim sink").await;
        let handle = stream.handle().clone();
        upload(stream, BYTES).await;
        handle.status().carriers
    };
    let down = async {
        let mut stream = open(&format!("sim source {BYTES}")).await;
        download(&mut stream, BYTES).await;
        stream.handle().status().carriers
    };
    assert_eq!(within(async { tokio::join!(up, down) }).await, (1, 1));
}
