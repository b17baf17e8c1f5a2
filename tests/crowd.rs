//! A crowd of phones, most of them idle, some busy: nothing grows, nothing sticks, nobody is turned away.
//!
//! `--soak` makes it a thousand phones and ten minutes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use pasarela::{
    bridge::Tuning,
    frontend::{Admission, Door, Intake},
};
use pasarela_e2e::{
    bridge::Bridge,
    phone::{self, Chat, Way},
    process,
    socket::PATIENCE,
};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, interval},
};

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

struct Size {
    idle: usize,
    busy: usize,
    lasts: Duration,
    /// Between an idle phone's keep-alives.
    pause: Duration,
}

fn size() -> Size {
    if soak() {
        Size { idle: 1000, busy: 50, lasts: Duration::from_secs(600), pause: Duration::from_secs(40) }
    } else {
        Size { idle: 100, busy: 10, lasts: Duration::from_secs(4), pause: Duration::from_secs(1) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_servers_port_for_phones() -> Result<()> {
    let bench = Bench::start(Kind::Native).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?;
    bench.native()?.serve_raw(listener, Door::ANY, Intake::new(Admission::default())?);
    crowd(&bench, port).await?;
    bench.must_be_idle().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_bridge() -> Result<()> {
    let bench = Bench::start(Kind::Native).await?;
    let bridge = Bridge::start(&[format!("http://{}/", bench.address())], Tuning::default()).await?;
    crowd(&bench, bridge.port()?).await?;
    let standing = bridge.bridge.standing();
    ensure!(standing.failed == 0 && standing.problem.is_none() && standing.refused == 0, "{standing:?}");
    bench.must_be_idle().await
}

async fn crowd(bench: &Bench, port: SocketAddr) -> Result<()> {
    let size = size();
    let (root, ca) = (*bench.sim.root_key(), Arc::new(bench.sim.ca_der().to_vec()));
    let mut idle = Vec::new();
    for number in 0..size.idle {
        let way = [Way::Raw, Way::Edge, Way::Tls("g.whatsapp.net")][number % 3];
        idle.push(phone::chat(port, way, &root).await.with_context(|| format!("phone {number}"))?);
    }
    let end = Instant::now() + size.lasts;
    // A task for each: in one task they would wait for one another.
    let mut phones = JoinSet::new();
    for chat in idle {
        phones.spawn(keep_alive(chat, size.pause, end));
    }
    for _ in 0..size.busy {
        phones.spawn(keep_busy(port, root, Arc::clone(&ca), end));
    }
    // By then everything has had its first round.
    tokio::time::sleep_until(end - size.lasts / 2).await;
    let half = process::resident(std::process::id())?;
    tokio::time::sleep_until(end).await;
    let whole = process::resident(std::process::id())?;
    let mut rounds = 0;
    while let Some(phone) = phones.join_next().await {
        rounds += phone??;
    }
    println!("{rounds} rounds, {} MiB at half time, {} at the end", half >> 20, whole >> 20);
    // Small, a test shares its process with others.
    ensure!(!soak() || whole < half + half / 10 + (8 << 20), "grew from {} to {} MiB", half >> 20, whole >> 20);
    Ok(())
}

/// A phone in use; how often it loaded something.
async fn keep_busy(port: SocketAddr, root: [u8; 32], ca: Arc<Vec<u8>>, end: Instant) -> Result<u64> {
    let mut chat = phone::chat(port, Way::Raw, &root).await?;
    let mut rounds = 0;
    while Instant::now() < end {
        phone::download(port, &ca, 256 << 10, |_| {}).await.with_context(|| format!("round {rounds}"))?;
        chat.ask(PATIENCE).await?;
        rounds += 1;
    }
    Ok(rounds)
}

/// A phone in a pocket.
async fn keep_alive(mut chat: Chat, pause: Duration, end: Instant) -> Result<u64> {
    let mut tick = interval(pause);
    while Instant::now() < end {
        tick.tick().await;
        chat.ask(PATIENCE).await?;
    }
    Ok(0)
}
