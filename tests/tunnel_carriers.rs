//! Tunnels that lose their carriers, with the library's client in front of every relay that keeps them.

#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else comes is the failure")]

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use pasarela::tunnel::{self, Error, Kind as Route, Options, Timing, TunnelStream};
use pasarela_core::codes::Code;
use pasarela_e2e::{
    clients::Client,
    cutter::{Cutter, Direction, How, Plan},
    measuring::ask,
    socket::PATIENCE,
};
use pasarela_sim::pattern;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{interval, timeout},
};
use tokio_websockets::{Message, ServerBuilder};

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

mod keeper {
    crate::relays::against_every_keeper! {
        a_download_survives_every_kind_of_cut,
        an_upload_survives_every_kind_of_cut,
        a_network_that_freezes_connections_is_outrun,
        rotation_under_load_loses_nothing,
        a_relay_that_restarts_ends_the_stream_with_gone,
        baileys_stays_connected_while_the_carrier_is_cut_again_and_again,
    }
}

/// Impatient, so that silence costs a test half a second.
const TIMING: Timing = Timing {
    quiet: Duration::from_millis(200),
    pong: Duration::from_millis(300),
    backoff: (Duration::from_millis(20), Duration::from_millis(500)),
    ..Timing::DEFAULT
};

fn options(cutter: &Cutter) -> Result<Options> {
    Ok(Options { timing: TIMING, ..Options::new(&cutter.url("/tunnel"), Route::Chat)? })
}

/// Cuts the connections one after the other, each at a random byte of this direction and in another way, and then no more.
async fn saboteur(cutter: &Cutter, direction: Direction, cuts: usize, total: u64) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(cuts as u64);
    for cut in 0..cuts {
        let how = [How::Reset, How::Silence, How::Close][cut % 3];
        // The first is to tell its session; of the others now and then even the upgrade is cut, some 200 bytes.
        let least = if cut == 0 { 8 << 10 } else { 100 };
        let after = rng.random_range(least..total / cuts as u64);
        cutter.plan(Plan::default().cut(after, direction, how));
        cutter.wait_accepted(cut + 1).await?;
    }
    cutter.plan(Plan::default());
    Ok(())
}

fn size() -> (usize, u64) {
    if soak() { (200, 64 << 20) } else { (30, 8 << 20) }
}

async fn download(stream: &mut TunnelStream, total: u64) -> Result<()> {
    let (mut at, mut buffer) = (0, vec![0; 64 << 10]);
    while at < total {
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await;
        let n = read.with_context(|| format!("nothing after {at} of {total}"))??;
        ensure!(n > 0, "ended after {at} of {total}");
        ensure!(pattern::matches(at, &buffer[..n]), "wrong bytes after {at} of {total}");
        at += n as u64;
    }
    ensure!(at == total && timeout(PATIENCE, stream.read(&mut buffer)).await?? == 0, "more than {total}");
    Ok(())
}

async fn a_download_survives_every_kind_of_cut(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let cutter = Cutter::start(bench.address()).await?;
    let (cuts, total) = size();
    let mut stream = tunnel::open(options(&cutter)?);
    let handle = stream.handle().clone();
    let transfer = async {
        stream.write_all(&ask(&format!("sim source {total}"))).await?;
        download(&mut stream, total).await?;
        stream.shutdown().await?;
        anyhow::Ok(())
    };
    tokio::try_join!(transfer, saboteur(&cutter, Direction::Down, cuts, total))?;
    println!("{kind:?}: {:?} over {} connections", handle.status(), cutter.accepted());
    drop(stream);
    bench.must_be_idle().await?;
    ensure!(bench.sim.stats().chat.total == 1 && cutter.accepted() > cuts, "{:?}", bench.sim.stats());
    Ok(())
}

async fn an_upload_survives_every_kind_of_cut(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let cutter = Cutter::start(bench.address()).await?;
    let (cuts, total) = size();
    let (mut source, mut sink) = tokio::io::split(tunnel::open(options(&cutter)?));
    let send = async {
        sink.write_all(&ask("sim sink")).await?;
        let (mut sent, mut buffer) = (0, vec![0; 64 << 10]);
        while sent < total {
            let piece = usize::try_from(total - sent)?.min(buffer.len());
            pattern::fill(sent, &mut buffer[..piece]);
            timeout(PATIENCE, sink.write_all(&buffer[..piece])).await.context("not taken")??;
            sent += piece as u64;
        }
        sink.shutdown().await?;
        anyhow::Ok(())
    };
    let receive = async {
        // Counts of what the simulator has verified; the last is all of it.
        let mut counts = Vec::new();
        timeout(PATIENCE * 5, source.read_to_end(&mut counts)).await.context("no end")??;
        let last = counts.last_chunk::<8>().map(|count| u64::from_be_bytes(*count));
        ensure!(last == Some(total), "{last:?} of {total} verified");
        Ok(())
    };
    tokio::try_join!(send, receive, saboteur(&cutter, Direction::Up, cuts, total))?;
    bench.must_be_idle().await?;
    ensure!(bench.sim.stats().chat.total == 1 && cutter.accepted() > cuts, "{:?}", bench.sim.stats());
    Ok(())
}

async fn a_network_that_freezes_connections_is_outrun(kind: Kind) -> Result<()> {
    const FREEZE: u64 = 16_000;
    let total = if soak() { 1 << 20 } else { 256 << 10 };
    let bench = Bench::start(kind).await?;
    let cutter = Cutter::start(bench.address()).await?;
    cutter.plan(Plan::default().freeze_after(FREEZE));
    let mut stream = tunnel::open(Options { budget: Some(12 << 10), timing: Timing::DEFAULT, ..options(&cutter)? });
    stream.write_all(&ask(&format!("sim source {total}"))).await?;
    download(&mut stream, total).await?;
    stream.shutdown().await?;
    let most = cutter.carried().iter().map(|carried| carried.down).max();
    println!("{kind:?}: {} connections, at most {most:?} bytes down", cutter.accepted());
    ensure!(most < Some(FREEZE), "a connection ran into the freeze: {most:?}");
    drop(stream);
    bench.must_be_idle().await?;
    ensure!(bench.sim.stats().chat.total == 1);
    Ok(())
}

async fn rotation_under_load_loses_nothing(kind: Kind) -> Result<()> {
    let total = 32 << 20;
    let bench = Bench::start(kind).await?;
    let cutter = Cutter::start(bench.address()).await?;
    let mut stream = tunnel::open(options(&cutter)?);
    let handle = stream.handle().clone();
    stream.write_all(&ask(&format!("sim source {total}"))).await?;
    let (mut at, mut rotations, mut buffer) = (0, 0, vec![0; 64 << 10]);
    while at < total {
        let n = timeout(PATIENCE, stream.read(&mut buffer)).await??;
        ensure!(n > 0 && pattern::matches(at, &buffer[..n]), "after {at} of {total}");
        at += n as u64;
        if at >= (rotations + 1) << 20 {
            handle.rotate();
            rotations += 1;
        }
    }
    ensure!(timeout(PATIENCE, stream.read(&mut buffer)).await?? == 0, "more than {total}");
    stream.shutdown().await?;
    let carriers = handle.status().carriers;
    println!("{kind:?}: {rotations} times asked, {carriers} carriers");
    // One that is asked for while the stream moves is the same move.
    ensure!(carriers > 3, "{carriers} carriers only");
    drop(stream);
    bench.must_be_idle().await?;
    ensure!(bench.sim.stats().chat.total == 1);
    Ok(())
}

async fn a_relay_that_restarts_ends_the_stream_with_gone(kind: Kind) -> Result<()> {
    let mut bench = Bench::start(kind).await?;
    let cutter = Cutter::start(bench.address()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut local = TcpStream::connect(listener.local_addr()?).await?;
    let (mut accepted, _) = listener.accept().await?;
    let options = options(&cutter)?;
    let carried = tokio::spawn(async move {
        let result = tunnel::carry(&mut accepted, options).await;
        if result.is_err() {
            accepted.set_zero_linger()?;
        }
        anyhow::Ok(result)
    });
    local.write_all(&ask("sim echo")).await?;
    local.write_all(b"hello").await?;
    let mut echo = [0; 5];
    timeout(PATIENCE, local.read_exact(&mut echo)).await??;
    bench.restart(kind).await?;
    cutter.set_target(bench.address());
    cutter.cut_all(How::Reset);
    let reset = timeout(PATIENCE, local.read(&mut echo)).await?;
    ensure!(reset.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "{reset:?}");
    let Err(error) = carried.await?? else { bail!("it ended well") };
    ensure!(matches!(error, Error::Reset(Code::Gone)), "{error:?}");
    Ok(())
}

/// A WebSocket server for a library client on this machine, whose messages' bytes go through the tunnel.
async fn adapter(listener: TcpListener, options: Options) -> Result<()> {
    let (tcp, _) = listener.accept().await?;
    let (_, socket) = ServerBuilder::new().accept(tcp).await?;
    let (mut sink, mut source) = socket.split();
    let (mut down, mut up) = tokio::io::split(tunnel::open(options));
    let upward = async {
        while let Some(Ok(message)) = source.next().await {
            if message.is_binary() {
                up.write_all(message.as_payload()).await?;
            }
        }
        up.shutdown().await?;
        anyhow::Ok(())
    };
    let downward = async {
        let mut buffer = bytes::BytesMut::new();
        while down.read_buf(&mut buffer).await? > 0 {
            sink.send(Message::binary(buffer.split().freeze())).await?;
        }
        sink.close().await?;
        anyhow::Ok(())
    };
    tokio::try_join!(upward, downward).map(drop)
}

async fn baileys_stays_connected_while_the_carrier_is_cut_again_and_again(kind: Kind) -> Result<()> {
    let stay = if soak() { "60" } else { "10" };
    let bench = Bench::start(kind).await?;
    let cutter = Cutter::start(bench.address()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/ws/chat", listener.local_addr()?);
    let carried = tokio::spawn(adapter(listener, options(&cutter)?));
    let root_key = crate::common::hex(bench.sim.root_key());
    let arguments = ["--root-key", &root_key, "--stay", stay];
    let client = Client::Baileys.run(&url, &arguments);
    let cut = async {
        // A connection that is cut before its session was told is made anew, and so is the one to WhatsApp.
        let begun = bench.sim.wait_until(PATIENCE, |stats| stats.handshakes == 1).await;
        begun.map_err(|stats| anyhow::anyhow!("it does not begin: {stats:?}"))?;
        let mut every = interval(Duration::from_secs(1));
        for how in [How::Reset, How::Silence, How::Close].into_iter().cycle() {
            every.tick().await;
            cutter.cut_all(how);
        }
        unreachable!("it goes on for ever")
    };
    let told = tokio::select! {
        told = client => told?,
        ended = cut => return ended,
    };
    told.must_have_qr()?;
    let cuts = cutter.accepted() - 1;
    // Silence is often noticed only by the next cut, and a busy machine takes its time.
    ensure!(cuts >= 5, "only {cuts} cuts were felt: this test proves nothing");
    ensure!(bench.sim.stats().chat.total == 1, "{:?}", bench.sim.stats());
    carried.abort();
    Ok(())
}
