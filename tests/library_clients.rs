//! `/ws/chat`: Baileys, whatsmeow and whatsapp-rust, unmodified, reach their pairing code through the relay.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{clients::Client, places::Runtime, socket::PATIENCE};
use pasarela_sim::Delivery;

use crate::{
    common::hex,
    relays::{Bench, Kind},
};

mod under {
    crate::relays::against_both! {
        baileys_through_an_upstream_websocket,
        baileys_through_raw_tcp_with_every_delivery,
        baileys_sees_a_close_when_the_upstream_resets_in_mid_frame,
        baileys_with_stored_routing_info_in_both_modes,
        whatsmeow_through_an_upstream_websocket,
        whatsmeow_through_raw_tcp_sees_no_split_frame,
        whatsapp_rust_in_both_modes,
        nothing_of_the_client_but_what_whatsapp_expects_goes_upstream,
        an_upstream_url_that_refuses_or_says_nothing_gives_way_to_the_next,
        a_missing_upstream_is_told_by_a_close_code_not_by_http,
    }
}

/// Runs `client` through the relay in this mode and checks that both ends are content.
async fn reaches_its_qr(kind: Kind, client: Client, mode: &str, delivery: Delivery) -> Result<()> {
    let bench = Bench::with_delivery(kind, delivery, |options| options.var("WEB_UPSTREAM", mode)).await?;
    let root = hex(bench.sim.root_key());
    client.run(&bench.url_of("/ws/chat"), &["--root-key", &root]).await?.must_have_qr()?;
    // The answer to the pairing stanza may still be on its way when the client has shown its code.
    let answered = bench.sim.wait_until(PATIENCE, |stats| stats.pairings >= 1).await;
    let stats = answered.map_err(|stats| anyhow::anyhow!("the client did not answer the pairing stanza: {stats:?}"))?;
    ensure!(stats.payload.is_some_and(|payload| payload.parsed), "the sim did not decrypt the client's payload");
    bench.must_be_idle().await
}

fn bytes(n: usize) -> Result<Delivery> {
    format!("bytes:{n}").parse().context("no such delivery")
}

async fn baileys_through_an_upstream_websocket(kind: Kind) -> Result<()> {
    reaches_its_qr(kind, Client::Baileys, "wss", Delivery::Frame).await
}

async fn baileys_through_raw_tcp_with_every_delivery(kind: Kind) -> Result<()> {
    let delayed = Delivery::Delayed(Duration::from_millis(5));
    for delivery in [Delivery::Frame, Delivery::Coalesced, bytes(1)?, bytes(7)?, bytes(100)?, delayed] {
        let shown = format!("{delivery:?}");
        reaches_its_qr(kind, Client::Baileys, "tcp", delivery).await.context(shown)?;
    }
    Ok(())
}

async fn baileys_sees_a_close_when_the_upstream_resets_in_mid_frame(kind: Kind) -> Result<()> {
    // The sim's server hello is over 300 bytes long.
    let bench = Bench::with_delivery(kind, Delivery::Cut(100), |options| options.var("WEB_UPSTREAM", "tcp")).await?;
    let told = Client::Baileys.run(&bench.url_of("/ws/chat"), &[]).await?;
    let close = told.event("close").with_context(|| format!("no close: {told:#?}"))?;
    ensure!(
        close.get("code") == Some(&1011.into()) && close.get("reason") == Some(&"upstream-reset".into()),
        "{close}"
    );
    bench.must_be_idle().await
}

async fn baileys_with_stored_routing_info_in_both_modes(kind: Kind) -> Result<()> {
    for mode in ["wss", "tcp"] {
        let bench = Bench::with(kind, |options| options.var("WEB_UPSTREAM", mode)).await?;
        let url = bench.url_of("/ws/chat");
        Client::Baileys.run(&url, &["--routing-info", "0802050812"]).await?.must_have_qr()?;
        ensure!(bench.sim.stats().routing_info == Some(vec![8, 2, 5, 8, 0x12]), "{mode}: other routing info arrived");
        bench.must_be_idle().await?;
    }
    Ok(())
}

async fn whatsmeow_through_an_upstream_websocket(kind: Kind) -> Result<()> {
    reaches_its_qr(kind, Client::Whatsmeow, "wss", Delivery::Frame).await
}

async fn whatsmeow_through_raw_tcp_sees_no_split_frame(kind: Kind) -> Result<()> {
    for delivery in [Delivery::Frame, bytes(1)?, Delivery::Coalesced] {
        let shown = format!("{delivery:?}");
        reaches_its_qr(kind, Client::Whatsmeow, "tcp", delivery).await.context(shown)?;
    }
    Ok(())
}

async fn whatsapp_rust_in_both_modes(kind: Kind) -> Result<()> {
    for mode in ["wss", "tcp"] {
        reaches_its_qr(kind, Client::WhatsappRust, mode, Delivery::Frame).await.context(mode)?;
    }
    reaches_its_qr(kind, Client::WhatsappRust, "tcp", Delivery::Coalesced).await
}

#[tokio::test]
async fn baileys_on_the_older_runtime_in_both_modes() -> Result<()> {
    for mode in ["wss", "tcp"] {
        let old = |options: pasarela_e2e::workerd::Options| options.runtime(Runtime::Old).var("WEB_UPSTREAM", mode);
        let bench = Bench::with_delivery(Kind::Object, Delivery::Coalesced, old).await?;
        Client::Baileys.run(&bench.url_of("/ws/chat"), &[]).await?.must_have_qr()?;
        bench.must_be_idle().await?;
    }
    Ok(())
}

async fn nothing_of_the_client_but_what_whatsapp_expects_goes_upstream(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let headers = [("cookie", "secret=1"), ("x-forwarded-for", "192.0.2.7"), ("sec-websocket-protocol", "odd")];
    let url = bench.url_of("/ws/chat?ED=CAIIBQgS&other=1");
    let mut socket = pasarela_e2e::socket::Socket::connect_with(&url, &headers).await?;
    socket.close().await?;
    let seen = bench.sim.stats().upgrade.context("no upgrade arrived")?;
    ensure!(seen.target == "/ws/chat?ED=CAIIBQgS", "{}", seen.target);
    ensure!(seen.header("origin") == Some("https://web.whatsapp.com"), "{seen:?}");
    for absent in
        ["cookie", "x-forwarded-for", "cf-connecting-ip", "sec-websocket-protocol", "sec-websocket-extensions"]
    {
        ensure!(seen.header(absent).is_none(), "{absent} went upstream");
    }
    ensure!(bench.gauge("ws_wss_started_total").await? == 1);
    bench.must_be_idle().await
}

async fn an_upstream_url_that_refuses_or_says_nothing_gives_way_to_the_next(kind: Kind) -> Result<()> {
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = mute.local_addr()?;
    let bench = Bench::with(kind, |options| {
        let live = options.vars.iter().find(|(name, _)| name == "UPSTREAM_WEB").map(|(_, url)| url.clone());
        let urls = ["http://127.0.0.1:1/ws/chat", &format!("http://{address}/ws/chat"), &live.unwrap_or_default()];
        options.var("UPSTREAM_WEB", &urls.join(" "))
    })
    .await?;
    pasarela_e2e::handshake::through(&bench.url_of("/ws/chat"), bench.sim.root_key()).await?;
    bench.must_be_idle().await
}

async fn a_missing_upstream_is_told_by_a_close_code_not_by_http(kind: Kind) -> Result<()> {
    let nowhere = |options: pasarela_e2e::workerd::Options| options.var("UPSTREAM_WEB", "http://127.0.0.1:1/ws/chat");
    let bench = Bench::with(kind, nowhere).await?;
    let told = Client::Baileys.run(&bench.url_of("/ws/chat"), &[]).await?;
    let close = told.event("close").with_context(|| format!("no close: {told:#?}"))?;
    ensure!(close.get("code") == Some(&1013.into()) && close.get("reason") == Some(&"busy".into()), "{close}");
    Ok(())
}
