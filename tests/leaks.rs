//! Nothing is left in the Worker of a connection that has ended, whatever its route and however it ended.
//!
//! The instrumented Worker tells the bytes on its heap and how many objects of JavaScript it ever held at once. Both stand
//! still from one round of the same load to the next, after the garbage collector has been asked for.

use std::{pin::Pin, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela::sim::Delivery;
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::message::{Control, Reset},
};
use pasarela_e2e::{
    http,
    measuring::ask,
    socket::Socket,
    tunnel::{Carrier, open},
    workerd::Options,
};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against! { worker Worker:
        a_pipe
        a_pipe_of_garbage
        a_pipe_whose_client_vanishes
        a_pipe_whose_upstream_refuses
        a_library_in_wss_mode
        a_library_in_wss_mode_whose_upstream_refuses
        a_library_in_tcp_mode
        a_tunnel
        a_page
        a_status
    }
    crate::relays::against! { object Object: a_tunnel a_status }
    crate::relays::against! { old OldWorker: a_library_in_wss_mode a_pipe }
}

/// Connections a round: a leak of a single object in each is seen.
const ROUND: usize = 200;

/// Allowed from one round to the next, in bytes on the heap: less than one a connection.
const SLACK: u64 = 199;

type Visit<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Runs the load until a round leaves nothing, at most five times: the first ones fill what is kept for good.
async fn leaves_nothing(bench: &Bench, visit: impl Fn(&Bench) -> Visit<'_>) -> Result<()> {
    let mut rounds = Vec::new();
    for _ in 0..5 {
        for _ in 0..ROUND {
            visit(bench).await?;
        }
        bench.must_be_idle().await?;
        rounds.push(holdings(bench).await?);
        if let [.., before, now] = rounds.as_slice()
            && now.0 <= before.0 + SLACK
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

async fn a_page(kind: Kind) -> Result<()> {
    leaves_nothing(&bench(kind, |options| options).await?, |bench| asked(bench, "/")).await
}

async fn a_status(kind: Kind) -> Result<()> {
    leaves_nothing(&bench(kind, |options| options).await?, |bench| asked(bench, "/status.json")).await
}
