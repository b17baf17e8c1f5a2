//! Whatever goes wrong has its close code, and nothing is left behind.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{measuring, socket::Socket};
use pasarela_sim::Delivery;
use tokio::net::{TcpSocket, TcpStream};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_both! {
        an_upstream_that_refuses,
        an_upstream_that_answers_no_connection_at_all,
        an_upstream_that_resets_in_mid_frame,
        a_silent_upstream_is_left_alone_and_forgotten_with_its_client,
        a_client_that_vanishes_without_a_word,
        garbage_in_place_of_whatsapps_prologue,
        no_first_bytes_within_ten_seconds,
        a_text_message,
        a_message_larger_than_the_relay_would_hold,
        the_same_codes_in_tcp_mode_of_library_clients,
        the_status_counts_what_is_open_and_probes_on_request,
        who_asks_while_a_probe_runs_starts_no_other_and_is_told_nothing_false,
    }
}

const HELLO: &[u8] = b"WA\x06\x03";

/// Opens the pipe for chat, sends these messages and checks how it is closed.
async fn check(bench: &Bench, messages: &[Vec<u8>], expected: (u16, &str)) -> Result<()> {
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    for message in messages {
        socket.send(message.clone()).await?;
    }
    let (code, reason) = socket.closed().await?;
    ensure!((code, reason.as_str()) == expected, "closed with {code} {reason:?}, not {expected:?}");
    drop(socket);
    bench.must_be_idle().await
}

async fn an_upstream_that_refuses(kind: Kind) -> Result<()> {
    let dead = |options: pasarela_e2e::workerd::Options| options.var("UPSTREAM_CHAT", "127.0.0.1:1 127.0.0.1:2");
    let bench = Bench::with(kind, dead).await?;
    check(&bench, &[HELLO.to_vec()], (1011, "upstream-refused")).await
}

async fn an_upstream_that_answers_no_connection_at_all(kind: Kind) -> Result<()> {
    // A listener whose backlog is full drops what comes.
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(0)?;
    let deaf = listener.local_addr()?;
    let _filling = [TcpStream::connect(deaf).await?];
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_CHAT", &deaf.to_string())).await?;
    check(&bench, &[HELLO.to_vec()], (1011, "upstream-timeout")).await
}

async fn an_upstream_that_resets_in_mid_frame(kind: Kind) -> Result<()> {
    let bench = Bench::with_delivery(kind, Delivery::Cut(100), |options| options).await?;
    let (_, hello) = pasarela_noise::Initiator::new(rand::random());
    let mut first = pasarela_noise::wire::intro(None).map_err(|_| anyhow::anyhow!("no intro"))?;
    pasarela_noise::wire::encode_frame(&hello, &mut first).map_err(|_| anyhow::anyhow!("too long"))?;
    check(&bench, &[first], (1011, "upstream-reset")).await
}

async fn a_silent_upstream_is_left_alone_and_forgotten_with_its_client(kind: Kind) -> Result<()> {
    let bench = Bench::with_delivery(kind, Delivery::Silent, |options| options).await?;
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    socket.send(HELLO.to_vec()).await?;
    bench.reaches_upstream(1).await?;
    socket.close().await?;
    drop(socket);
    bench.must_be_idle().await
}

async fn a_client_that_vanishes_without_a_word(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    socket.send(measuring::ask("sim echo")).await?;
    bench.reaches_upstream(1).await?;
    drop(socket);
    bench.must_be_idle().await
}

async fn garbage_in_place_of_whatsapps_prologue(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x00"] {
        check(&bench, &[garbage.to_vec()], (1008, "garbage")).await?;
    }
    ensure!(bench.sim.stats().chat.total == 0, "the relay dialled for garbage");
    Ok(())
}

async fn no_first_bytes_within_ten_seconds(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let (nothing, too_little) = ([], [b"W".to_vec()]);
    let both = tokio::join!(check(&bench, &nothing, (1008, "silent")), check(&bench, &too_little, (1008, "silent")));
    both.0.and(both.1)
}

async fn a_text_message(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    socket.send_text("hello").await?;
    ensure!(socket.closed().await? == (1003, "text".to_owned()));
    drop(socket);
    bench.must_be_idle().await
}

async fn a_message_larger_than_the_relay_would_hold(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    check(&bench, &[vec![0; 31 << 20]], (1009, "too-big")).await
}

async fn the_same_codes_in_tcp_mode_of_library_clients(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| options.var("WEB_UPSTREAM", "tcp")).await?;
    let mut socket = Socket::connect(&bench.url_of("/ws/chat")).await?;
    socket.send(&b"garbage"[..]).await?;
    ensure!(socket.closed().await? == (1008, "garbage".to_owned()));
    drop(socket);
    bench.must_be_idle().await
}

async fn the_status_counts_what_is_open_and_probes_on_request(kind: Kind) -> Result<()> {
    // One candidate that is dead says nothing about the others.
    let bench = Bench::with(kind, |mut options| {
        for (name, value) in &mut options.vars {
            match name.as_str() {
                "UPSTREAM_CHAT" => *value = format!("127.0.0.1:1 {value}"),
                "UPSTREAM_WEB" => *value = format!("http://127.0.0.1:1/ws/chat {value}"),
                _ => {}
            }
        }
        options
    })
    .await?;
    let mut socket = Socket::connect(&bench.url_of("/pipe/chat")).await?;
    socket.send(measuring::ask("sim echo")).await?;
    socket.send(&b"x"[..]).await?;
    socket.binary().await?;
    ensure!(bench.gauge("pipe").await? == 1);
    let status = |target| pasarela_e2e::http::request(bench.address(), "GET", target, &[]);
    ensure!(status("/status.json").await?.json()?.get("upstreams").is_none(), "probed without being asked");
    let probed = status("/status.json?probe=1").await?.json()?;
    for upstream in ["chat", "web", "tls"] {
        ensure!(probed.pointer(&format!("/upstreams/{upstream}")) == Some(&true.into()), "{upstream}: {probed}");
    }
    let once = |stats: &pasarela_sim::Stats| stats.chat.total == 2 && stats.web.total == 1 && stats.media.total == 1;
    let dialled = bench.sim.wait_until(Duration::from_secs(10), once).await;
    dialled.map_err(|stats| anyhow::anyhow!("not one connection more each: {stats:?}"))?;
    status("/status.json?probe=1").await?;
    ensure!(once(&bench.sim.stats()), "probed twice within a minute");
    socket.close().await?;
    drop(socket);
    bench.must_be_idle().await
}

async fn who_asks_while_a_probe_runs_starts_no_other_and_is_told_nothing_false(kind: Kind) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(0)?;
    let deaf = listener.local_addr()?;
    let _filling = [TcpStream::connect(deaf).await?];
    let bench = Bench::with(kind, |options| options.var("UPSTREAM_TLS", &deaf.to_string())).await?;
    let relay = bench.address();
    let probe = || pasarela_e2e::http::request(relay, "GET", "/status.json?probe=1", &[]);
    let first = tokio::spawn(probe());
    // The TLS upstream is looked at last, and keeps the probe waiting.
    let waiting = bench.sim.wait_until(Duration::from_secs(10), |stats| stats.web.total == 1).await;
    waiting.map_err(|stats| anyhow::anyhow!("no probe: {stats:?}"))?;
    let second = probe().await?.json()?;
    ensure!(second.get("upstreams").is_none(), "told before it was known: {second}");
    let first = first.await??.json()?;
    ensure!(
        first.pointer("/upstreams/chat") == Some(&true.into())
            && first.pointer("/upstreams/tls") == Some(&false.into())
    );
    ensure!(bench.sim.stats().chat.total == 1, "probed twice");
    Ok(())
}

#[tokio::test]
async fn an_unusable_variable_does_not_unmask_a_relay_behind_the_operators_own_site() -> Result<()> {
    let hidden = |options: pasarela_e2e::workerd::Options| {
        let options = options.var("SITE", "own").var("RELAY_KEYS", "me=short");
        pasarela_e2e::workerd::Options { site: Some("a shop for bicycles"), ..options }
    };
    let bench = Bench::with(Kind::Object, hidden).await?;
    for target in ["/", "/anything"] {
        let answer = pasarela_e2e::http::request(bench.address(), "GET", target, &[]).await?;
        ensure!(answer.body.contains("bicycles"), "{target}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn keys_that_cannot_be_used_do_not_unmask_a_relay_either() -> Result<()> {
    for unusable in ["me=short", "me="] {
        let bench = Bench::with(Kind::Object, |options| options.var("OPEN", "0").var("RELAY_KEYS", unusable)).await?;
        for target in ["/", "/check.js", "/anything"] {
            let answer = pasarela_e2e::http::request(bench.address(), "GET", target, &[]).await?;
            ensure!(answer.status() == 404 && answer.body.is_empty(), "{unusable}, {target}: {answer:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_unusable_variable_closes_the_relay_and_is_not_shown() -> Result<()> {
    let bench = Bench::with(Kind::Object, |options| options.var("UPSTREAM_CHAT", "not an address")).await?;
    let relay: SocketAddr = bench.address();
    let guide = pasarela_e2e::http::request(relay, "GET", "/", &[]).await?;
    ensure!(guide.status() == 200 && guide.body.contains("data-relay=\"misconfigured\""));
    ensure!(!guide.body.contains("not an address"));
    let status = pasarela_e2e::http::request(relay, "GET", "/status.json", &[]).await.context("status")?;
    ensure!(status.status() == 404);
    Ok(())
}
