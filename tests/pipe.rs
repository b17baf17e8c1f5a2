//! `/pipe`: our own Noise client and a TLS client through the relay.

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    handshake, http, measuring,
    phone::Chat,
    places::Runtime,
    socket::{PATIENCE, Socket},
    tls::{self, Hello},
    websocat::Websocat,
    workerd::Options,
};
use pasarela_sim::{Delivery, pattern};

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

mod under {
    crate::relays::against_both! {
        a_noise_handshake_verifies_down_to_the_root_with_every_delivery,
        a_foreign_root_key_is_noticed,
        websocat_makes_a_port_of_it_for_a_phone,
        a_download_arrives_bit_for_bit,
        an_upload_with_4_mib_in_flight_arrives_bit_for_bit,
        tls_goes_to_the_media_host_whatever_the_shape_of_its_hello,
        tls_to_a_foreign_name_is_refused_with_its_code,
        a_dead_first_candidate_costs_nothing_but_its_turn,
        the_operators_proxy_header_tells_the_clients_address,
        what_was_sent_before_the_close_is_flushed,
        who_offers_subprotocols_is_answered_the_first,
    }
}

async fn a_noise_handshake_verifies_down_to_the_root_with_every_delivery(kind: Kind) -> Result<()> {
    for delivery in [Delivery::Frame, Delivery::Coalesced, "bytes:1".parse()?] {
        let bench = Bench::with_delivery(kind, delivery, |options| options).await?;
        handshake::through(&bench.url_of("/pipe/chat"), bench.sim.root_key()).await?;
        bench.must_be_idle().await?;
    }
    Ok(())
}

async fn a_foreign_root_key_is_noticed(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let result = handshake::through(&bench.url_of("/pipe/chat"), &pasarela_noise::WHATSAPP_ROOT).await;
    ensure!(result.is_err_and(|error| format!("{error:#}").contains("certificates")), "the wrong root verified");
    bench.must_be_idle().await
}

async fn websocat_makes_a_port_of_it_for_a_phone(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let websocat = Websocat::towards(&bench.url_of("/pipe/chat")).await?;
    for _ in 0..2 {
        let stream = Box::new(websocat.connect().await?);
        let chat = tokio::time::timeout(PATIENCE, Chat::over(stream, None, bench.sim.root_key())).await;
        let mut chat = chat.context("no handshake in time")??;
        for _ in 0..3 {
            chat.ask(PATIENCE).await?;
        }
    }
    drop(websocat);
    bench.must_be_idle().await
}

async fn a_download_arrives_bit_for_bit(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    measuring::download(&bench.url_of("/pipe/chat"), transfer()).await?;
    bench.must_be_idle().await
}

async fn an_upload_with_4_mib_in_flight_arrives_bit_for_bit(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    for size in [64 << 10, 1460] {
        measuring::upload(&bench.url_of("/pipe/chat"), transfer(), size, 4 << 20).await?;
    }
    bench.must_be_idle().await
}

#[tokio::test]
async fn the_older_runtime_carries_both_ways_as_well() -> Result<()> {
    let bench = Bench::with(Kind::Object, |options| options.runtime(Runtime::Old)).await?;
    measuring::download(&bench.url_of("/pipe/chat"), 64 << 20).await?;
    measuring::upload(&bench.url_of("/pipe/chat"), 16 << 20, 64 << 10, 4 << 20).await?;
    bench.must_be_idle().await
}

async fn tls_goes_to_the_media_host_whatever_the_shape_of_its_hello(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let url = bench.url_of("/pipe/tls");
    for (name, hello) in [
        ("mmg.whatsapp.net", Hello::Plain),
        ("media-gru1-1.cdn.whatsapp.net", Hello::TwoRecords),
        ("whatsapp.net", Hello::NoName),
    ] {
        let mut session = tls::connect(&url, name, bench.sim.ca_der(), hello).await.context(name)?;
        let answer = tls::get(&mut session, "/bytes/100000").await?;
        let body = answer.len().checked_sub(100_000).context("too short")?;
        ensure!(pattern::matches(0, &answer[body..]), "{name}: other bytes arrived");
    }
    bench.must_be_idle().await
}

async fn tls_to_a_foreign_name_is_refused_with_its_code(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let hello = client_hello("example.com")?;
    let mut socket = Socket::connect(&bench.url_of("/pipe/tls")).await?;
    socket.send(hello).await?;
    ensure!(socket.closed().await? == (1008, "destination".to_owned()));
    drop(socket);
    ensure!(bench.sim.stats().media.total == 0, "the relay dialled all the same");
    bench.must_be_idle().await
}

async fn a_dead_first_candidate_costs_nothing_but_its_turn(kind: Kind) -> Result<()> {
    let two = |options: Options| {
        let live = options.vars.iter().find(|(name, _)| name == "UPSTREAM_CHAT").map(|(_, value)| value.clone());
        options.var("UPSTREAM_CHAT", &format!("127.0.0.1:1 {}", live.unwrap_or_default()))
    };
    let bench = Bench::with(kind, two).await?;
    handshake::through(&bench.url_of("/pipe/chat"), bench.sim.root_key()).await?;
    bench.must_be_idle().await
}

async fn the_operators_proxy_header_tells_the_clients_address(kind: Kind) -> Result<()> {
    for (version, number) in [("v1", 1), ("v2", 2)] {
        let bench = Bench::with(kind, |options| options.var("PROXY_HEADER", version)).await?;
        let url = bench.url_of("/pipe/chat");
        let mut socket =
            Socket::connect_with(&url, &[("cf-connecting-ip", "192.0.2.7"), ("x-forwarded-for", "192.0.2.7")]).await?;
        socket.send(measuring::ask("sim echo")).await?;
        socket.send(&b"still the first byte of the stream"[..]).await?;
        ensure!(socket.binary().await? == b"still the first byte of the stream"[..]);
        let seen = bench.sim.stats().proxy.context("no PROXY header arrived")?;
        let (source, destination) = seen.addresses.context("it names nobody")?;
        ensure!((seen.version, source, destination) == (number, "192.0.2.7:0".parse()?, "0.0.0.0:0".parse()?));
        socket.close().await?;
        bench.must_be_idle().await?;
    }
    Ok(())
}

async fn what_was_sent_before_the_close_is_flushed(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    socket.send(measuring::ask("sim sink")).await?;
    let mut bytes = vec![0; 8 << 20];
    pattern::fill(0, &mut bytes);
    for message in bytes.chunks(64 << 10) {
        socket.send(message.to_vec()).await?;
    }
    socket.close().await?;
    bench.must_be_idle().await?;
    ensure!(bench.sim.stats().chat.bytes_in >= 8 << 20, "lost: {:?}", bench.sim.stats().chat);
    Ok(())
}

fn transfer() -> u64 {
    if soak() { 512 << 20 } else { 64 << 20 }
}

/// The first flight of a real TLS client that asks for `name`.
pub(crate) fn client_hello(name: &str) -> Result<Vec<u8>> {
    let config = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
    let name = rustls::pki_types::ServerName::try_from(name.to_owned())?;
    let mut client = rustls::ClientConnection::new(std::sync::Arc::new(config.with_no_client_auth()), name)?;
    let mut flight = Vec::new();
    client.write_tls(&mut flight)?;
    Ok(flight)
}

async fn who_offers_subprotocols_is_answered_the_first(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    for (offered, chosen) in [(Some("binary, chat"), Some("binary")), (Some("a b"), None), (None, None)] {
        let offer = offered.map(|offered| ("Sec-WebSocket-Protocol", offered));
        let headers: Vec<_> = http::UPGRADE.into_iter().chain(offer).collect();
        let head = http::request(bench.address(), "GET", "/pipe/chat", &headers).await?.head.to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 101"), "{head}");
        let told = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
        ensure!(told == chosen, "{offered:?} is answered {told:?}");
    }
    bench.must_be_idle().await
}
