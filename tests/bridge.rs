//! The bridge before every relay, as a phone sees it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pasarela::bridge::Tuning;
use pasarela_e2e::{
    bridge::Bridge,
    measuring::ask,
    phone::{self, Way},
    socket::PATIENCE,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

mod every {
    crate::relays::against_every_relay! {
    a_phone_chats_and_loads_media_through_one_port,
    a_stream_that_fails_is_reset,
    }
}

async fn before(bench: &Bench) -> Result<Bridge> {
    Bridge::start(&[format!("http://{}/", bench.address())], Tuning::default()).await
}

async fn a_phone_chats_and_loads_media_through_one_port(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let bridge = before(&bench).await?;
    let (port, root) = (bridge.port()?, bench.sim.root_key());
    let (talk, size) = if soak() { (Duration::from_secs(180), 256 << 20) } else { (Duration::from_secs(2), 64 << 20) };
    let chats = [Way::Raw, Way::Edge, Way::Tls("g.whatsapp.net"), Way::Tls("192.168.1.7")].map(|way| async move {
        let mut chat = phone::chat(port, way, root).await.with_context(|| format!("{way:?}"))?;
        let (begun, mut pace) = (Instant::now(), tokio::time::interval(Duration::from_millis(50)));
        while begun.elapsed() < talk {
            pace.tick().await;
            chat.ask(PATIENCE).await.with_context(|| format!("{way:?}"))?;
        }
        anyhow::Ok(())
    });
    let media = phone::download(port, bench.sim.ca_der(), size, |_| {});
    let (chats, media) = tokio::join!(futures_util::future::join_all(chats), media);
    media?;
    chats.into_iter().collect::<Result<()>>()?;
    let standing = bridge.bridge.standing();
    ensure!(standing.taken == 5 && standing.failed == 0 && standing.problem.is_none(), "{standing:?}");
    ensure!(standing.received >= size, "{standing:?}");
    bench.must_be_idle().await
}

async fn a_stream_that_fails_is_reset(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let bridge = before(&bench).await?;
    let mut phone = TcpStream::connect(bridge.port()?).await?;
    phone.write_all(&ask("sim echo")).await?;
    phone.write_all(b"hello").await?;
    let mut echo = [0; 5];
    timeout(PATIENCE, phone.read_exact(&mut echo)).await??;
    bench.sim.shutdown().await;
    let end = timeout(PATIENCE, phone.read(&mut echo)).await?;
    // The simulator goes without a reset; what matters is that the phone is not left waiting.
    ensure!(end.is_err() || end.is_ok_and(|n| n == 0), "more came");
    Ok(())
}
