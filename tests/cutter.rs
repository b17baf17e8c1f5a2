//! The proxy that cuts connections, itself: each way of damaging one, seen from both of its ends.

use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    cutter::{Carried, Cutter, Direction, How, Plan},
    socket::PATIENCE,
};
use pasarela_sim::pattern;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Nothing came for so long: nothing will. What is there arrives on one machine within a millisecond.
const NOTHING: Duration = Duration::from_millis(200);

/// A proxy in front of a listener of the test's own.
struct Line {
    listener: TcpListener,
    cutter: Cutter,
}

impl Line {
    async fn start(plan: Plan) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let cutter = Cutter::start(listener.local_addr()?).await?;
        cutter.plan(plan);
        Ok(Self { listener, cutter })
    }

    /// A connection through the proxy: the client's end and the server's.
    async fn connect(&self) -> Result<(TcpStream, TcpStream)> {
        let client = TcpStream::connect(self.cutter.address()).await?;
        let (server, _) = timeout(PATIENCE, self.listener.accept()).await.context("nobody connects")??;
        Ok((client, server))
    }
}

fn bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    pattern::fill(0, &mut bytes);
    bytes
}

/// Reads to the end or the failure; both the bytes and how it was.
async fn read_all(socket: &mut TcpStream) -> Result<(Vec<u8>, io::Result<()>)> {
    let mut all = Vec::new();
    let ended = timeout(PATIENCE, socket.read_to_end(&mut all)).await.context("neither an end nor a reset")?;
    Ok((all, ended.map(drop)))
}

fn is_reset(ended: &io::Result<()>) -> bool {
    ended.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn without_a_plan_everything_is_carried_and_so_are_ends_and_resets() -> Result<()> {
    let line = Line::start(Plan::default()).await?;
    let (mut client, mut server) = line.connect().await?;
    let echo = tokio::spawn(async move {
        let (mut from, mut to) = server.split();
        copy(&mut from, &mut to).await?;
        to.shutdown().await
    });
    let sent = bytes(3 << 20);
    let (mut from, mut to) = client.split();
    let mut received = Vec::new();
    let send = async {
        to.write_all(&sent).await?;
        to.shutdown().await
    };
    tokio::try_join!(send, from.read_to_end(&mut received))?;
    echo.await??;
    ensure!(received == sent, "other bytes arrived");
    ensure!(line.cutter.carried() == [Carried { up: 3 << 20, down: 3 << 20 }], "{:?}", line.cutter.carried());
    line.cutter.wait_live(0).await?;

    let (mut client, server) = line.connect().await?;
    server.set_zero_linger()?;
    drop(server);
    ensure!(is_reset(&read_all(&mut client).await?.1), "a reset was not passed on");
    drop(line.listener);
    let mut client = TcpStream::connect(line.cutter.address()).await?;
    ensure!(is_reset(&read_all(&mut client).await?.1), "no relay, and no reset");
    line.cutter.wait_accepted(3).await?;
    line.cutter.wait_live(0).await
}

#[tokio::test]
async fn a_cut_comes_after_exactly_so_many_bytes() -> Result<()> {
    for (how, after) in [(How::Reset, 0), (How::Reset, 16_000), (How::Close, 1), (How::Close, 100_000)] {
        let line = Line::start(Plan::default().cut(after, Direction::Down, how)).await?;
        let mut client = TcpStream::connect(line.cutter.address()).await?;
        if after > 0 {
            let (mut server, _) = line.listener.accept().await?;
            client.write_all(b"up").await?;
            server.read_exact(&mut [0; 2]).await?;
            server.write_all(&bytes(200_000)).await?;
            let (all, ended) = read_all(&mut server).await?;
            ensure!(all.is_empty());
            // A server whose bytes nobody took sees a reset in any case.
            ensure!(how == How::Close || is_reset(&ended), "{how:?}: {ended:?} at the server");
            ensure!(line.cutter.carried() == [Carried { up: 2, down: after }], "{:?}", line.cutter.carried());
        }
        let (all, ended) = read_all(&mut client).await?;
        ensure!(all == bytes(usize::try_from(after)?), "{how:?}: {} bytes, not {after}", all.len());
        ensure!(if how == How::Reset { is_reset(&ended) } else { ended.is_ok() }, "{how:?}: {ended:?} at the client");
        ensure!((line.cutter.live(), line.cutter.accepted()) == (0, 1));
    }
    Ok(())
}

#[tokio::test]
async fn silence_leaves_both_sockets_open_and_empty() -> Result<()> {
    let line = Line::start(Plan::default().freeze_after(5000)).await?;
    let (mut client, mut server) = line.connect().await?;
    server.write_all(&bytes(6000)).await?;
    let mut received = vec![0; 5000];
    client.read_exact(&mut received).await?;
    ensure!(received == bytes(5000));
    ensure!(line.cutter.live() == 0, "a silent connection carries nothing");
    client.write_all(b"is anybody there?").await?;
    let mut byte = [0];
    ensure!(timeout(NOTHING, client.read(&mut byte)).await.is_err(), "something came down");
    ensure!(timeout(NOTHING, server.read(&mut byte)).await.is_err(), "something came up");
    // Even its peer's end does not arrive.
    client.shutdown().await?;
    ensure!(timeout(NOTHING, server.read(&mut byte)).await.is_err(), "an end came up");
    line.cutter.cut_all(How::Reset);
    ensure!(is_reset(&read_all(&mut client).await?.1) && is_reset(&read_all(&mut server).await?.1), "no reset");
    Ok(())
}

#[tokio::test]
async fn all_connections_can_be_cut_at_once_and_the_next_ones_led_elsewhere() -> Result<()> {
    for how in [How::Reset, How::Close] {
        let line = Line::start(Plan::default()).await?;
        let (mut one, mut other) = (line.connect().await?, line.connect().await?);
        line.cutter.wait_live(2).await?;
        line.cutter.cut_all(how);
        ensure!(line.cutter.live() == 0);
        for socket in [&mut one.0, &mut one.1, &mut other.0, &mut other.1] {
            let (all, ended) = read_all(socket).await?;
            ensure!(all.is_empty() && is_reset(&ended) == (how == How::Reset), "{how:?}: {ended:?}");
        }
        let elsewhere = TcpListener::bind("127.0.0.1:0").await?;
        line.cutter.set_target(elsewhere.local_addr()?);
        let mut client = TcpStream::connect(line.cutter.address()).await?;
        timeout(PATIENCE, elsewhere.accept()).await.context("nobody connects")??.0.write_all(b"new").await?;
        ensure!(read_all(&mut client).await?.0 == b"new");
        drop(line.cutter);
        ensure!(read_all(&mut client).await?.0.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn latency_keeps_the_order_and_does_not_divide_the_throughput() -> Result<()> {
    let one_way = Duration::from_millis(50);
    let line = Line::start(Plan::default().delay(one_way)).await?;
    let (mut client, mut server) = line.connect().await?;
    let start = Instant::now();
    client.write_all(b"ping").await?;
    server.read_exact(&mut [0; 4]).await?;
    ensure!(start.elapsed() >= one_way, "too early: {:?}", start.elapsed());

    let start = Instant::now();
    let sent = bytes(8 << 20);
    let send = async {
        server.write_all(&sent).await?;
        server.shutdown().await?;
        Ok(())
    };
    let ((), (received, ended)) = tokio::try_join!(send, read_all(&mut client))?;
    ended?;
    ensure!(received == sent, "other bytes arrived");
    // One read a latency would be 128 of them.
    ensure!(start.elapsed() >= one_way && start.elapsed() < 80 * one_way, "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_slow_reader_slows_the_sender() -> Result<()> {
    for delay in [Duration::ZERO, Duration::from_millis(5)] {
        let line = Line::start(Plan::default().delay(delay)).await?;
        let (mut client, mut server) = line.connect().await?;
        let chunk = bytes(1 << 20);
        let mut sent = 0;
        // What the system's own buffers and the proxy's take is much less.
        while let Ok(written) = timeout(NOTHING, client.write(&chunk[sent % chunk.len()..])).await {
            sent += written?;
            ensure!(sent < 64 << 20, "64 MiB are under way to a server that reads nothing");
        }
        client.shutdown().await?;
        let (received, ended) = read_all(&mut server).await?;
        ended?;
        ensure!(received.len() == sent && received.chunks(chunk.len()).all(|part| chunk.starts_with(part)));
    }
    Ok(())
}
