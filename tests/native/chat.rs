//! What a client sees from its first byte to the pairing stanza, in every delivery mode.

use pasarela_noise::{Initiator, wire};
use pasarela_sim::PayloadSeen;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    assert_all_closed,
    client::{Client, Link, PAYLOAD},
    start, start_with, wait, within,
};

async fn check_pairing(delivery: &str) {
    let sim = start_with(delivery).await;
    let mut client = Client::connect(&sim, Link::tcp(&sim).await, &wire::HEADER).await;
    client.pair().await;
    drop(client);
    assert_all_closed(&sim).await;
    let stats = sim.stats();
    assert_eq!((stats.handshakes, stats.pairings, stats.pings), (1, 1, 1));
    let payload = PayloadSeen { len: PAYLOAD.len(), parsed: true };
    assert_eq!(stats.payload, Some(payload));
    assert!(stats.chat.bytes_in > 150 && stats.chat.bytes_out > 500, "{:?}", stats.chat);
}

#[tokio::test]
async fn pairing_over_raw_tcp_by_frames() {
    check_pairing("frame").await;
}

#[tokio::test]
async fn pairing_over_raw_tcp_coalesced() {
    check_pairing("coalesced").await;
}

#[tokio::test]
async fn pairing_over_raw_tcp_in_pieces() {
    check_pairing("bytes:1").await;
    check_pairing("bytes:7").await;
}

#[tokio::test]
async fn pairing_over_raw_tcp_delayed() {
    check_pairing("delayed:2").await;
}

#[tokio::test]
async fn pairing_over_raw_tcp_cut_later() {
    check_pairing("cut:100000").await;
}

#[tokio::test]
async fn pairing_over_web_socket_whatever_the_delivery() {
    for delivery in ["frame", "bytes:1"] {
        let sim = start_with(delivery).await;
        let mut client = Client::connect(&sim, Link::web(&sim).await, &wire::HEADER).await;
        client.pair().await;
        drop(client);
        assert_all_closed(&sim).await;
        assert_eq!(sim.stats().web.total, 1);
    }
}

#[tokio::test]
async fn coalesced_frames_come_in_one_piece() {
    let sim = start_with("coalesced").await;
    let mut client = Client::connect(&sim, Link::tcp(&sim).await, &wire::HEADER).await;
    // One write on loopback is one read.
    let bytes = within(client.link.read()).await.expect("both stanzas");
    let (_, rest) = wire::decode_frame(&bytes).expect("the pairing stanza");
    let (_, rest) = wire::decode_frame(rest).expect("the ping behind it");
    assert!(rest.is_empty());
}

#[tokio::test]
async fn the_upgrade_request_is_remembered() {
    let sim = start().await;
    let url = format!("{}?ED=CAIIBQgS", sim.web_url());
    let headers = [("origin", "https://web.whatsapp.com"), ("user-agent", "test")];
    let _web = Link::web_at(&sim, &url, &headers).await;
    let upgrade = sim.stats().upgrade.expect("seen");
    assert_eq!(upgrade.query("ED"), Some("CAIIBQgS"));
    assert_eq!(upgrade.header("origin"), Some("https://web.whatsapp.com"));
    assert_eq!(upgrade.header("user-agent"), Some("test"));
    assert_eq!(upgrade.header("sec-websocket-version"), Some("13"));
    assert_eq!(upgrade.header("cookie"), None);
}

#[tokio::test]
async fn the_web_listener_answers_http_too() {
    let sim = start().await;
    for (path, status) in [("/", "200"), ("/sw.js", "200"), ("/x", "404"), ("/ws/chat", "426")] {
        let mut stream = TcpStream::connect(sim.web()).await.expect("listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("connected");
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.expect("text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
    assert_all_closed(&sim).await;
}

#[tokio::test]
async fn preambles_are_taken_off_and_remembered() {
    let sim = start().await;
    let edge = wire::intro(Some(&[8, 2, 5])).expect("short");
    let mut client = Client::connect(&sim, Link::tcp(&sim).await, &edge).await;
    client.pair().await;
    assert_eq!(sim.stats().routing_info, Some(vec![8, 2, 5]));
    assert_eq!(sim.stats().proxy_headers, 0);

    let proxied = [b"PROXY TCP4 192.0.2.1 0.0.0.0 0 0\r\n", &*edge].concat();
    Client::connect(&sim, Link::tcp(&sim).await, &proxied).await.pair().await;
    let seen = sim.stats().proxy.expect("seen");
    assert_eq!(seen.version, 1);
    let (source, _) = seen.addresses.expect("with addresses");
    assert_eq!(source.to_string(), "192.0.2.1:0");

    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\0\0\0\0\0\0\0\0";
    let proxied = [v2.as_slice(), &wire::HEADER].concat();
    Client::connect(&sim, Link::tcp(&sim).await, &proxied).await.pair().await;
    let seen = sim.stats().proxy.expect("seen");
    let (source, destination) = seen.addresses.expect("with addresses");
    assert_eq!((seen.version, sim.stats().proxy_headers), (2, 2));
    assert_eq!(source.to_string(), "192.0.2.7:0");
    assert_eq!(destination.to_string(), "0.0.0.0:0");
}

#[tokio::test]
async fn cobalts_empty_frames_are_skipped() {
    let sim = start().await;
    let intro = [wire::HEADER.as_slice(), &[0; 3]].concat();
    Client::connect(&sim, Link::tcp(&sim).await, &intro).await.pair().await;
}

#[tokio::test]
async fn cut_resets_in_the_middle_of_a_frame() {
    let sim = start_with("cut:100").await;
    let mut stream = TcpStream::connect(sim.chat()).await.expect("listens");
    let (_, hello) = Initiator::new([6; 32]);
    let mut first = wire::HEADER.to_vec();
    wire::encode_frame(&hello, &mut first).expect("short");
    stream.write_all(&first).await.expect("connected");
    let mut got = Vec::new();
    let end = within(stream.read_to_end(&mut got)).await.expect_err("a reset");
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(got.len(), 100);
    assert_all_closed(&sim).await;
}

#[tokio::test]
async fn silent_reads_and_never_answers() {
    let sim = start_with("silent").await;
    let mut stream = TcpStream::connect(sim.chat()).await.expect("listens");
    let sent = vec![7; 4 << 20];
    within(stream.write_all(&sent)).await.expect("is read");
    stream.shutdown().await.expect("connected");
    let mut got = Vec::new();
    within(stream.read_to_end(&mut got)).await.expect("an orderly end");
    assert!(got.is_empty());
    assert_all_closed(&sim).await;
    assert_eq!(sim.stats().chat.bytes_in, sent.len() as u64);
}

#[tokio::test]
async fn deaf_never_reads_and_still_notices_the_end() {
    let sim = start_with("deaf").await;
    let mut stream = TcpStream::connect(sim.chat()).await.expect("listens");
    stream.write_all(&[7; 1000]).await.expect("fits the buffers");
    wait(&sim, |stats| stats.chat.open == 1).await;
    drop(stream);
    assert_all_closed(&sim).await;
    assert_eq!(sim.stats().chat.bytes_in, 0);
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let sim = start().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"WA\x06\x03\0\0\x01x", b"WA\x06\x03\0\0\x07sim nop"] {
        let mut tcp = Link::tcp(&sim).await;
        tcp.send(garbage).await;
        assert!(within(tcp.read()).await.is_none(), "{garbage:?}");
        let mut web = Link::web(&sim).await;
        web.send(garbage).await;
        assert!(within(web.read()).await.is_none(), "{garbage:?}");
    }
    assert_all_closed(&sim).await;
}
