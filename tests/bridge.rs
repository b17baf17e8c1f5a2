//! The bridge before every relay, as a phone sees it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pasarela::bridge::Tuning;
use pasarela_e2e::{
    bridge::Bridge,
    clients::Client,
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
    common::{hex, soak},
    relays::{Bench, Kind},
};

mod every {
    crate::relays::against_every_relay! {
    a_phone_chats_and_loads_media_through_one_port,
    a_stream_that_fails_is_reset,
    baileys_reaches_its_pairing_code_through_socks5,
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

async fn baileys_reaches_its_pairing_code_through_socks5(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let bridge = before(&bench).await?;
    let authority = tempfile::NamedTempFile::new()?;
    std::fs::write(authority.path(), bench.sim.ca_pem())?;
    let (socks, root) = (bridge.socks()?.to_string(), hex(bench.sim.root_key()));
    let arguments = ["--socks5", &socks, "--root-key", &root];
    let variables = [("NODE_EXTRA_CA_CERTS", authority.path())];
    Client::Baileys.run_with("wss://web.whatsapp.com/ws/chat", &arguments, &variables).await?.must_have_qr()?;
    ensure!(bench.sim.stats().media.total == 1, "it went another way: {:?}", bench.sim.stats());
    ensure!(bridge.bridge.standing().received > 0, "{:?}", bridge.bridge.standing());
    bench.must_be_idle().await
}

#[tokio::test]
async fn baileys_reaches_nothing_but_whatsapp_through_socks5() -> Result<()> {
    let bench = Bench::start(Kind::Native).await?;
    let bridge = before(&bench).await?;
    let socks = bridge.socks()?.to_string();
    let told = Client::Baileys.run("wss://whatsapp.example/ws/chat", &["--socks5", &socks]).await?;
    let close = told.event("close").with_context(|| format!("no close: {told:#?}"))?;
    let library = close.get("library").and_then(serde_json::Value::as_str).unwrap_or_default();
    ensure!(library.contains("NotAllowed"), "{close}");
    ensure!(bridge.bridge.standing().taken == 0 && bench.sim.stats().media.total == 0, "it was let through");
    Ok(())
}
