//! A crowd of phones, most of them idle, some busy: nothing grows, nothing sticks, nobody is turned away.
//!
//! `--soak` makes it a thousand phones and ten minutes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
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

#[tokio::test]
async fn on_a_servers_port_for_phones() -> Result<()> {
    let bench = Bench::start(Kind::Native).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?;
    bench.native()?.serve_raw(listener, Door::ANY, Intake::new(Admission::default())?);
    crowd(&bench, port).await?;
    bench.must_be_idle().await
}

#[tokio::test]
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
    let (root, ca) = (bench.sim.root_key(), bench.sim.ca_der());
    let mut idle = Vec::new();
    for number in 0..size.idle {
        let way = [Way::Raw, Way::Edge, Way::Tls("g.whatsapp.net")][number % 3];
        idle.push(phone::chat(port, way, root).await.with_context(|| format!("phone {number}"))?);
    }
    let end = Instant::now() + size.lasts;
    let pause = size.pause;
    let idle = idle.into_iter().map(|chat| keep_alive(chat, pause, end));
    let busy = (0..size.busy).map(|_| async move {
        let mut chat = phone::chat(port, Way::Raw, root).await?;
        while Instant::now() < end {
            phone::download(port, ca, 256 << 10, |_| {}).await?;
            chat.ask(PATIENCE).await?;
        }
        anyhow::Ok(())
    });
    let grown = async {
        // By then everything has had its first round.
        tokio::time::sleep_until(end - size.lasts / 2).await;
        let half = process::resident(std::process::id())?;
        tokio::time::sleep_until(end).await;
        anyhow::Ok((half, process::resident(std::process::id())?))
    };
    let (idle, busy, grown) = tokio::join!(join_all(idle), join_all(busy), grown);
    idle.into_iter().chain(busy).collect::<Result<()>>()?;
    let (half, whole) = grown?;
    println!("{} MiB at half time, {} at the end", half >> 20, whole >> 20);
    if soak() {
        // Other tests share the process only when they are not many: in soak this one is run for itself.
        ensure!(whole < half + half / 10 + (8 << 20), "grew from {} to {} MiB", half >> 20, whole >> 20);
    }
    Ok(())
}

/// A phone in a pocket.
async fn keep_alive(mut chat: Chat, pause: Duration, end: Instant) -> Result<()> {
    let mut tick = interval(pause);
    while Instant::now() < end {
        tick.tick().await;
        chat.ask(PATIENCE).await?;
    }
    Ok(())
}
