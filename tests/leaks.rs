//! Nothing is left in the Worker of a connection that has ended, whatever its route and however it ended.
//!
//! The instrumented Worker tells the bytes on its heap and how many objects of JavaScript it ever held at once. Both stand
//! still from one round of the same load to the next, after the garbage collector has been asked for.

use std::{
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::message::{Control, Reset, Resume},
};
use pasarela_e2e::{
    http,
    measuring::ask,
    socket::Socket,
    tunnel::{Carrier, open},
    workerd::{Options, Workerd},
};
use pasarela_sim::{Delivery, Sim, SimConfig};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against! { worker Worker:
        a_pipe
        a_pipe_of_garbage
        a_pipe_whose_client_vanishes
        a_pipe_whose_upstream_refuses
        a_pipe_that_stays_silent
        a_pipe_that_is_left_while_it_is_dialled
        a_pipe_of_tls
        a_library_that_is_left_while_it_is_dialled
        a_tunnel_that_is_refused
        a_tunnel_whose_upstream_refuses
        a_tunnel_whose_client_vanishes
        a_library_in_wss_mode
        a_library_in_wss_mode_whose_upstream_refuses
        a_library_in_tcp_mode
        a_tunnel
        a_page
        a_status
    }
    crate::relays::against! { object Object: a_tunnel a_status a_tunnel_that_goes_on a_tunnel_that_is_refused }
    crate::relays::against! { old OldWorker: a_library_in_wss_mode a_pipe }
}

/// Connections a round: a leak of a single object in each is seen.
const ROUND: usize = 200;

type Visit<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// So many connections one after another leave nothing behind.
async fn leaves_nothing(bench: &Bench, visit: impl Fn(&Bench) -> Visit<'_>) -> Result<()> {
    leaves_nothing_of(bench, ROUND, visit).await
}

/// The same with so many connections a round.
async fn leaves_nothing_of(bench: &Bench, connections: usize, visit: impl Fn(&Bench) -> Visit<'_>) -> Result<()> {
    rounds_leave_nothing(bench, connections, async || {
        for _ in 0..connections {
            visit(bench).await?;
        }
        Ok(())
    })
    .await
}

/// Runs rounds of so many connections until one leaves nothing, at most five: the first ones fill what is kept for good, and a
/// leak shows in each. Less than a byte a connection is nothing.
async fn rounds_leave_nothing(bench: &Bench, connections: usize, round: impl AsyncFn() -> Result<()>) -> Result<()> {
    let mut rounds = Vec::new();
    for _ in 0..5 {
        round().await?;
        bench.must_be_idle().await?;
        rounds.push(holdings(bench).await?);
        if let [.., before, now] = rounds.as_slice()
            && now.0 < before.0 + connections as u64
            && now.1 <= before.1
        {
            return Ok(());
        }
    }
    anyhow::bail!("every round leaves something behind (bytes, objects): {rounds:?}")
}

/// Looks at what is held, at most.
const LOOKS: usize = 200;

/// What is held once the collector has freed what it can: it is asked for until nothing more is freed.
async fn holdings(bench: &Bench) -> Result<(u64, u64)> {
    let mut last = (u64::MAX, u64::MAX);
    let mut same = 0;
    let mut look = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..LOOKS {
        look.tick().await;
        let told = http::request(bench.address(), "GET", "/", &[("x-instrument", "holdings")]).await?.json()?;
        let number = |name| told.get(name).and_then(serde_json::Value::as_u64).with_context(|| format!("no {name}"));
        let now = (number("heap")?, number("places")?);
        same = if now == last { same + 1 } else { 0 };
        if same == 3 {
            return Ok(now);
        }
        last = now;
    }
    anyhow::bail!("what is held never stands still: {last:?} at last")
}

async fn bench(kind: Kind, change: impl FnOnce(Options) -> Options) -> Result<Bench> {
    Bench::with(kind, |options| change(options.instrumented())).await
}

/// What JavaScript alone holds the instrumented Worker cannot tell. V8's inspector can, of the real one, and sees a control that
/// keeps one function of each connection.
#[tokio::test]
async fn javascript_keeps_nothing_either() -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let options = || Options::towards(&sim).inspected();
    let ours = Workerd::start(&options()).await?;
    let control = Workerd::start(&options().script("tests/workers/leaking.mjs")).await?;
    let kept = bytes_kept(&ours).await?;
    ensure!(kept < 1, "{kept} bytes of each connection are kept");
    let kept = bytes_kept(&control).await?;
    ensure!(kept >= 16, "only {kept} bytes of each connection are seen in a Worker that leaks");
    Ok(())
}

/// Bytes that are kept of one connection, by the round that kept least. While V8 still compiles, it keeps some of its own; a
/// leak shows in every round.
async fn bytes_kept(worker: &Workerd) -> Result<u64> {
    let mut heaps: Vec<u64> = Vec::new();
    let settled = |heaps: &[u64]| matches!(heaps, [.., before, now] if *now < before + ROUND as u64 / 2);
    while heaps.len() < 4 || (heaps.len() < 10 && !settled(&heaps)) {
        for _ in 0..ROUND / 2 {
            let mut socket = Socket::connect(&worker.url("/pipe/chat")).await?;
            socket.send(ask("sim echo")).await?;
            socket.send(&b"echo"[..]).await?;
            socket.binary().await?;
            socket.close().await?;
            socket.closed().await?;
        }
        heaps.push(worker.heap().await?);
    }
    let grown = heaps.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min();
    println!("{heaps:?}");
    Ok(grown.context("no rounds")? / (ROUND as u64 / 2))
}

/// A WebSocket that echoes once and is closed by its client.
fn echo<'a>(bench: &'a Bench, path: &'static str) -> Visit<'a> {
    Box::pin(async move {
        let mut socket = Socket::connect(&bench.url_of(path)).await?;
        socket.send(ask("sim echo")).await?;
        socket.send(&b"echo"[..]).await?;
        ensure!(socket.binary().await? == b"echo"[..]);
        socket.close().await?;
        socket.closed().await.map(drop)
    })
}

/// A WebSocket that the relay closes with this word behind these first bytes.
fn closed<'a>(bench: &'a Bench, path: &'static str, first: Vec<u8>, word: &'static str) -> Visit<'a> {
    Box::pin(async move {
        let mut socket = Socket::connect(&bench.url_of(path)).await?;
        socket.send(first).await?;
        let (code, reason) = socket.closed().await?;
        ensure!(reason == word, "closed with {code} {reason:?}");
        Ok(())
    })
}

fn asked<'a>(bench: &'a Bench, target: &'static str) -> Visit<'a> {
    Box::pin(async move {
        let answer = http::request(bench.address(), "GET", target, &[]).await?;
        ensure!(answer.status() == 200, "answered {}", answer.head);
        Ok(())
    })
}

async fn a_pipe(kind: Kind) -> Result<()> {
    leaves_nothing(&bench(kind, |options| options).await?, |bench| echo(bench, "/pipe/chat")).await
}

async fn a_pipe_of_garbage(kind: Kind) -> Result<()> {
    let garbage = || b"no protocol of anybody's".to_vec();
    let bench = bench(kind, |options| options).await?;
    leaves_nothing(&bench, |bench| closed(bench, "/pipe/chat", garbage(), "garbage")).await
}

async fn a_pipe_whose_client_vanishes(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    leaves_nothing(&bench, |bench| {
        Box::pin(async move {
            let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
            socket.send(ask("sim echo")).await?;
            socket.send(&b"echo"[..]).await?;
            socket.binary().await.map(drop)
        })
    })
    .await
}

async fn a_pipe_whose_upstream_refuses(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options.var("UPSTREAM_CHAT", "127.0.0.1:1 127.0.0.1:2")).await?;
    leaves_nothing(&bench, |bench| closed(bench, "/pipe/chat", ask("sim echo"), "upstream-refused")).await
}

async fn a_library_in_wss_mode(kind: Kind) -> Result<()> {
    leaves_nothing(&bench(kind, |options| options).await?, |bench| echo(bench, "/ws/chat")).await
}

async fn a_library_in_wss_mode_whose_upstream_refuses(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options.var("UPSTREAM_WEB", "http://127.0.0.1:1/ws/chat")).await?;
    leaves_nothing(&bench, |bench| closed(bench, "/ws/chat", ask("sim echo"), "busy")).await
}

async fn a_library_in_tcp_mode(kind: Kind) -> Result<()> {
    // Its upstream ends in mid-frame.
    let change = |options: Options| options.instrumented().var("WEB_UPSTREAM", "tcp");
    let bench = Bench::with_delivery(kind, Delivery::Cut(100), change).await?;
    let (_, hello) = pasarela_noise::Initiator::new([7; 32]);
    let mut first = pasarela_noise::wire::intro(None).map_err(|_| anyhow::anyhow!("no intro"))?;
    pasarela_noise::wire::encode_frame(&hello, &mut first).map_err(|_| anyhow::anyhow!("too long"))?;
    leaves_nothing(&bench, |bench| closed(bench, "/ws/chat", first.clone(), "upstream-reset")).await
}

async fn a_tunnel(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    leaves_nothing(&bench, |bench| {
        Box::pin(async move {
            let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim source 1000")).await?;
            carrier.opened().await?;
            carrier.download(1000).await?;
            carrier.say(&Control::Reset(Reset { code: Code::End })).await?;
            carrier.into_socket().closed().await.map(drop)
        })
    })
    .await
}

/// All of a round at once, since each waits for its time to be over.
async fn a_pipe_that_stays_silent(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    rounds_leave_nothing(&bench, ROUND, async || {
        let mut sockets = Vec::new();
        for _ in 0..ROUND {
            sockets.push(Socket::connect(&bench.url_of("/pipe/chat")).await?);
        }
        for mut socket in sockets {
            ensure!(socket.closed().await?.1 == "silent");
        }
        Ok(())
    })
    .await
}

/// Somebody who accepts no connection: those that he may be given are there already. Held for as long as nobody is to get in.
async fn full() -> Result<(SocketAddr, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr()?;
    let mut held = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        held.push(connected?);
    }
    // It listens for as long as the test's process.
    std::mem::forget(listener);
    Ok((address, held))
}

fn left<'a>(bench: &'a Bench, path: &'static str) -> Visit<'a> {
    Box::pin(async move {
        let mut socket = Socket::connect(&bench.url_of(path)).await?;
        socket.send(ask("sim echo")).await?;
        socket.close().await
    })
}

async fn a_pipe_that_is_left_while_it_is_dialled(kind: Kind) -> Result<()> {
    let (nowhere, _held) = full().await?;
    let bench = bench(kind, |options| options.var("UPSTREAM_CHAT", &nowhere.to_string())).await?;
    leaves_nothing(&bench, |bench| left(bench, "/pipe/chat")).await
}

async fn a_library_that_is_left_while_it_is_dialled(kind: Kind) -> Result<()> {
    let (nowhere, _held) = full().await?;
    let bench = bench(kind, |options| options.var("UPSTREAM_WEB", &format!("http://{nowhere}/ws/chat"))).await?;
    leaves_nothing_of(&bench, ROUND / 4, |bench| {
        Box::pin(async move {
            // No answer comes: it goes away.
            let url = bench.url_of("/ws/chat");
            ensure!(timeout(Duration::from_millis(50), Socket::connect(&url)).await.is_err(), "it was answered");
            Ok(())
        })
    })
    .await
}

async fn a_pipe_of_tls(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    let hello = crate::pipe::client_hello("example.com")?;
    leaves_nothing(&bench, |bench| closed(bench, "/pipe/tls", hello.clone(), "destination")).await
}

async fn a_tunnel_that_is_refused(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    leaves_nothing(&bench, |bench| {
        Box::pin(async move {
            let mut carrier = Carrier::begin(&bench.url(), "pasarela.v1, m.e30", 0).await?;
            carrier.fails_with(Code::Protocol).await
        })
    })
    .await
}

async fn a_tunnel_whose_upstream_refuses(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options.var("UPSTREAM_CHAT", "127.0.0.1:1 127.0.0.1:2")).await?;
    leaves_nothing(&bench, |bench| {
        Box::pin(async move {
            let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
            carrier.fails_with(Code::UpstreamRefused).await
        })
    })
    .await
}

async fn a_tunnel_whose_client_vanishes(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    leaves_nothing(&bench, |bench| {
        Box::pin(async move {
            let mut carrier = Carrier::open(&bench.url(), open(limits::WINDOW_MAX), &ask("sim echo")).await?;
            carrier.opened().await.map(drop)
        })
    })
    .await
}

async fn a_tunnel_that_goes_on(kind: Kind) -> Result<()> {
    let bench = bench(kind, |options| options).await?;
    leaves_nothing(&bench, |bench| {
        Box::pin(async move {
            let mut first = Carrier::open(&bench.url(), open(limits::WINDOW_MIN), &ask("sim echo")).await?;
            let session = first.opened().await?.session.context("no session")?;
            drop(first);
            let resume =
                Resume { session, attach: 1, received: 0, window: limits::WINDOW_MIN, budget: None, packets: None };
            let mut second = Carrier::resume(&bench.url(), resume).await?;
            second.control().await?;
            second.say(&Control::Reset(Reset { code: Code::End })).await?;
            second.into_socket().closed().await.map(drop)
        })
    })
    .await
}

async fn a_page(kind: Kind) -> Result<()> {
    leaves_nothing(&bench(kind, |options| options).await?, |bench| asked(bench, "/")).await
}

async fn a_status(kind: Kind) -> Result<()> {
    leaves_nothing(&bench(kind, |options| options).await?, |bench| asked(bench, "/status.json")).await
}
