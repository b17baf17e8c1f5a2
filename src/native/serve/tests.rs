//! The server over real sockets: HTTP as a prober speaks it, and its limits.
//!
//! What passes through it is tested beside the edge, end to end.

use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_websockets::ServerBuilder;

use super::*;

const KEY: &str = "a-key-of-the-tests";

const UPGRADE: &str = "GET /a-key-of-the-tests/pipe/chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port")
}

async fn relay(options: Options) -> Relay {
    let vars = |name: &str| (name == "RELAY_KEYS").then(|| format!("tests={KEY}"));
    let config = Config::from_vars(vars).expect("usable");
    Relay::start_with(listener().await, config, options).expect("bound")
}

/// Says this, and hears what is answered up to an empty line.
async fn head(tcp: &mut TcpStream, request: &str) -> String {
    tcp.write_all(request.as_bytes()).await.expect("connected");
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let byte = tcp.read_u8().await.expect("an answer");
        head.push(char::from(byte));
    }
    head
}

async fn connect(relay: &Relay) -> TcpStream {
    TcpStream::connect(relay.address()).await.expect("listening")
}

/// All that is answered before the end.
async fn answer(to: SocketAddr, request: &str) -> String {
    let mut tcp = TcpStream::connect(to).await.expect("listening");
    tcp.write_all(request.as_bytes()).await.expect("connected");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("an end");
    answer
}

#[tokio::test]
async fn its_debug_holds_no_key() {
    let relay = relay(Options::default()).await;
    let shown = format!("{relay:?}");
    assert!(shown.contains("tunnels: 0") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn a_connection_may_ask_more_than_once_as_of_any_web_server() {
    let relay = relay(Options::default()).await;
    let last = "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = answer(relay.address(), &format!("GET /a HTTP/1.1\r\nHost: x\r\n\r\n{last}")).await;
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 2, "{answers}");
    let long = |len: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(len));
    assert!(answer(relay.address(), &long(12 * 1024)).await.starts_with("HTTP/1.1 404"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_says_all_is_cut_in_time() {
    let relay = relay(Options::default()).await;
    let body = format!("POST /{KEY}/tunnel HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1");
    for request in ["", "GET / HTTP/1.1\r\n", &body] {
        let begun = tokio::time::Instant::now();
        let mut tcp = connect(&relay).await;
        tcp.write_all(request.as_bytes()).await.expect("connected");
        // A reset is an end, too.
        let _ = tcp.read_to_end(&mut Vec::new()).await;
        assert!(begun.elapsed() <= Duration::from_secs(121));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lasts_as_long_as_it_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "bicycles").expect("written");
    std::fs::write(folder.path().join("film"), vec![7; FILM]).expect("written");
    let vars = |name: &str| match name {
        "RELAY_KEYS" => Some(format!("tests={KEY}")),
        "SITE" => Some("own".to_owned()),
        _ => None,
    };
    let site = Some(Arc::new(Site::read(folder.path()).expect("readable")));
    let options = Options { site, ..Options::default() };
    let relay = Relay::start_with(listener().await, Config::from_vars(vars).expect("usable"), options).expect("bound");
    let mut tcp = connect(&relay).await;
    for _ in 0..6 {
        assert!(head(&mut tcp, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
        tokio::time::sleep(Duration::from_secs(50)).await;
    }
    // Somebody on a slow line who reads on gets the whole of it.
    assert!(head(&mut tcp, "GET /film HTTP/1.1\r\nHost: x\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
    let mut part = vec![0; FILM / 8];
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_secs(50)).await;
        tcp.read_exact(&mut part).await.expect("it goes on");
    }
    // Who reads none of it is cut.
    let mut tcp = connect(&relay).await;
    tcp.write_all(b"GET /film HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("connected");
    tokio::time::sleep(Duration::from_secs(125)).await;
    let mut got = Vec::new();
    // A reset is an end, too.
    let _ = tcp.read_to_end(&mut got).await;
    assert!(got.len() < FILM);
}

/// More than the kernel takes of an answer that nobody reads, in bytes.
const FILM: usize = 32 << 20;

#[tokio::test(start_paused = true)]
async fn a_request_without_an_end_takes_nothing_that_others_need() {
    let relay = relay(Options { room: Room { streams: 1, ..Room::default() }, ..Options::default() }).await;
    let mut first = connect(&relay).await;
    assert!(head(&mut first, UPGRADE).await.starts_with("HTTP/1.1 101 "));
    let turns = || relay.shared.turned_away.available_permits();
    let (free, begun) = (turns(), tokio::time::Instant::now());
    let mut endless = connect(&relay).await;
    let asked = UPGRADE.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
    endless.write_all(asked.as_bytes()).await.expect("connected");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(turns(), free);
    assert!(head(&mut endless, "").await.starts_with("HTTP/1.1 426 "));
    assert!(begun.elapsed() <= Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn overload_is_told_by_a_close_and_only_to_who_has_the_key() {
    let relay = relay(Options { room: Room { streams: 1, ..Room::default() }, ..Options::default() }).await;
    let mut first = connect(&relay).await;
    assert!(head(&mut first, UPGRADE).await.starts_with("HTTP/1.1 101 "));
    let mut second = connect(&relay).await;
    let told = head(&mut second, UPGRADE).await;
    assert!(told.starts_with("HTTP/1.1 101 ") && told.contains("retry-after: 5\r\n"), "{told}");
    assert_eq!(closed(&mut second).await, b"\x03\xf5busy");
    let stranger = UPGRADE.replace(KEY, "another-key-of-tests");
    assert!(head(&mut connect(&relay).await, &stranger).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_stream_that_gives_up_its_place_is_told_so() {
    let other = "another-key-of-tests";
    let whatsapp = listener().await;
    let chat = whatsapp.local_addr().expect("bound").to_string();
    let (web, _accepting) = silent_web().await;
    for (path, mode) in [("pipe/chat", "tcp"), ("tunnel", "tcp"), ("ws/chat", "tcp"), ("ws/chat", "wss")] {
        let vars = |name: &str| match name {
            "RELAY_KEYS" => Some(format!("ana={KEY} bo={other}")),
            "UPSTREAM_CHAT" => Some(chat.clone()),
            "UPSTREAM_WEB" => Some(format!("http://{web}/ws/chat")),
            "WEB_UPSTREAM" => Some(mode.to_owned()),
            _ => None,
        };
        let options = Options { room: Room { streams: 2, ..Room::default() }, ..Options::default() };
        let relay = Relay::start_with(listener().await, Config::from_vars(vars).expect("usable"), options);
        let relay = relay.expect("bound");
        let upgrade = UPGRADE.replace("pipe/chat", path);
        let protocol =
            "sec-websocket-protocol: pasarela.v1, m.eyJvcGVuIjp7InJvdXRlIjoiY2hhdCIsIndpbmRvdyI6NjU1MzZ9fQ\r\n\r\n";
        let upgrade = if path == "tunnel" { upgrade.replace("\r\n\r\n", &format!("\r\n{protocol}")) } else { upgrade };
        let mut first = connect(&relay).await;
        assert!(!head(&mut first, &upgrade).await.contains("retry-after"), "{path} {mode}");
        let mut second = connect(&relay).await;
        assert!(!head(&mut second, &upgrade).await.contains("retry-after"), "{path} {mode}");
        let mut others = connect(&relay).await;
        let told = head(&mut others, &upgrade.replace(KEY, other)).await;
        assert!(told.starts_with("HTTP/1.1 101 ") && !told.contains("retry-after"), "{path} {mode}: {told}");
        let mut said = Vec::new();
        while !said.ends_with(b"\x88\x06\x03\xf5busy") {
            said.push(second.read_u8().await.expect("a close"));
        }
        for (who, kept) in [("the first", &mut first), ("the other's", &mut others)] {
            let mut said = Vec::new();
            let heard = tokio::time::timeout(Duration::from_millis(100), kept.read_to_end(&mut said)).await;
            assert!(heard.is_err() && !said.ends_with(b"busy"), "{path} {mode}: {who} has ended");
        }
    }
}

/// WhatsApp's WebSocket, which says nothing, until the guard is dropped.
async fn silent_web() -> (SocketAddr, tokio::task::JoinSet<()>) {
    let web = listener().await;
    let address = web.local_addr().expect("bound");
    let mut accepting = tokio::task::JoinSet::new();
    accepting.spawn(async move {
        let mut sockets = Vec::new();
        while let Ok((tcp, _)) = web.accept().await {
            sockets.push(ServerBuilder::new().accept(tcp).await.expect("an upgrade"));
        }
    });
    (address, accepting)
}

#[tokio::test]
async fn who_asks_too_often_is_told_to_come_again() {
    let relay = relay(Options { rate: 1, ..Options::default() }).await;
    let mut kept = Vec::new();
    for _ in 0..10 {
        let mut tcp = connect(&relay).await;
        assert!(!head(&mut tcp, UPGRADE).await.contains("retry-after"));
        kept.push(tcp);
    }
    let mut tcp = connect(&relay).await;
    let told = head(&mut tcp, UPGRADE).await;
    // One comes every six seconds.
    assert!(["6", "5"].iter().any(|seconds| told.contains(&format!("retry-after: {seconds}\r\n"))), "{told}");
    assert_eq!(closed(&mut tcp).await, b"\x03\xf5busy");
}

/// What the close behind a message, if there is one, says.
async fn closed(tcp: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), tcp.read_to_end(&mut said)).await;
    let close = said.windows(2).position(|header| header == b"\x88\x06").expect("a close");
    said.split_off(close + 2)
}

#[tokio::test]
async fn what_is_not_quite_an_upgrade_is_told_what_one_is() {
    let relay = relay(Options::default()).await;
    for (right, wrong) in [
        ("HTTP/1.1", "HTTP/1.0"),
        ("Sec-WebSocket-Key", "X"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "x"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("Sec-WebSocket-Version", "X"),
        ("Upgrade: websocket", "Upgrade: h2c"),
    ] {
        let head = head(&mut connect(&relay).await, &UPGRADE.replace(right, wrong)).await;
        let told = ["upgrade: websocket", "sec-websocket-version: 13"].iter().all(|header| head.contains(header));
        assert!(head.contains(" 426 ") && told, "{wrong}: {head}");
    }
    for (one, other) in
        [("Connection: Upgrade", "Connection: keep-alive, UPGRADE"), ("Upgrade: websocket", "upgrade: h2c, WebSocket")]
    {
        assert!(head(&mut connect(&relay).await, &UPGRADE.replace(one, other)).await.contains(" 101 "), "{other}");
    }
}

#[tokio::test]
async fn a_body_of_nothing_that_comes_late_is_no_message() {
    let relay = relay(Options::default()).await;
    let mut tcp = connect(&relay).await;
    let asked = UPGRADE.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
    tcp.write_all(asked.as_bytes()).await.expect("connected");
    tokio::task::yield_now().await;
    let answer = head(&mut tcp, "0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    // A ping with an empty payload, and its answer: the stream is at its first frame.
    tcp.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.expect("connected");
    let mut pong = [0; 2];
    tcp.read_exact(&mut pong).await.expect("an answer");
    assert_eq!(pong, [0x8a, 0]);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_told_so_before_it_has_come() {
    let relay = relay(Options::default()).await;
    let mut tcp = connect(&relay).await;
    assert!(head(&mut tcp, UPGRADE).await.starts_with("HTTP/1.1 101 "));
    // Two fragments that are too long together.
    let header = |kind, len: usize| [&[kind, 0xff][..], &(len as u64).to_be_bytes(), &[0; 4]].concat();
    let first = [header(0x02, 70_000), vec![0; 70_000], header(0x80, MESSAGE_MAX - 70_000 + 1)].concat();
    tcp.write_all(&first).await.expect("connected");
    let mut said = [0; 11];
    tcp.read_exact(&mut said).await.expect("a close");
    assert_eq!(said[2..], b"\x03\xf1too-big"[..]);
}

#[tokio::test]
async fn shutting_down_tells_every_client_and_takes_no_new_one() {
    let relay = relay(Options::default()).await;
    let address = relay.address();
    let mut tcp = connect(&relay).await;
    head(&mut tcp, UPGRADE).await;
    let idle = connect(&relay).await;
    relay.shutdown().await;
    let mut said = Vec::new();
    tcp.read_to_end(&mut said).await.expect("an end");
    assert_eq!(said.get(2..), Some(&b"\x03\xe9draining"[..]));
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn the_metrics_count_and_name_nobody() {
    let relay = relay(Options::default()).await;
    let metrics = listener().await;
    let address = metrics.local_addr().expect("bound");
    relay.serve_metrics(metrics);
    let mut tcp = connect(&relay).await;
    head(&mut tcp, UPGRADE).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let text = answer(address, &get("/metrics")).await;
    for line in [
        "pasarela_key_clients{key=\"tests\"} 1",
        "pasarela_clients 1",
        "pasarela_upgrades_total{route=\"pipe/chat\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
    // A page on the web that has made its own name this machine's reads nothing.
    let rebound = answer(address, &get("/metrics").replace("localhost", "rebound.example")).await;
    assert!(rebound.starts_with("HTTP/1.1 421 ") && !rebound.contains("pasarela"), "{rebound}");
    assert!(answer(address, &get("/")).await.starts_with("HTTP/1.1 404 "));
    assert!(answer(relay.address(), &get("/metrics")).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_carrier_is_not_bound_by_the_time_that_its_upgrade_may_take() {
    use pasarela_noise::wire;

    use crate::tunnel::{Kind, Options as Tunnelled, Tunnel};

    let upstream = listener().await;
    let chat = upstream.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        let (mut tcp, _) = upstream.accept().await.expect("listening");
        let (mut from, mut to) = tcp.split();
        tokio::io::copy(&mut from, &mut to).await
    });
    let vars = |name: &str| match name {
        "RELAY_KEYS" => Some(format!("tests={KEY}")),
        "UPSTREAM_CHAT" => Some(chat.clone()),
        _ => None,
    };
    let relay = Relay::start(listener().await, Config::from_vars(vars).expect("usable")).expect("bound");
    let url = format!("ws://{}/{KEY}/tunnel", relay.address());
    let mut stream = Tunnel::new(Tunnelled::new(&url, Kind::Chat).expect("usable")).open();
    let mut echo = wire::HEADER;
    stream.write_all(&echo).await.expect("no failure");
    stream.read_exact(&mut echo).await.expect("an echo");
    // Longer than an upgrade may take, and shorter than a stream may idle.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    stream.write_all(b"still").await.expect("no failure");
    let mut still = [0; 5];
    stream.read_exact(&mut still).await.expect("an echo");
    assert_eq!((&still, stream.handle().status().carriers), (b"still", 1));
}
