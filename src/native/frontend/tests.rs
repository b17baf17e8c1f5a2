//! Connections as phones, proxies in front and strangers make them, over real sockets.

use std::net::{Ipv4Addr, SocketAddr};

use pasarela_core::{
    proxy::{Version, encode},
    route::Kind,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::tls::anybody;

const HELLO: &[u8] = b"WA\x06\x03\x00\x00\x24and more";

fn intake(trusted: &[&str]) -> Intake {
    let trusted = trusted.iter().map(|network| network.parse().expect("a network")).collect();
    Intake::new(Admission { trusted, ..Admission::default() }).expect("a certificate")
}

/// A phone's end and what the door makes of it.
async fn connect(intake: Intake, door: Door) -> (TcpStream, tokio::task::JoinHandle<Result<Accepted, Refusal>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("bound");
    let phone = TcpStream::connect(address).await.expect("listening");
    let (tcp, _) = listener.accept().await.expect("connected");
    (phone, tokio::spawn(async move { intake.accept(tcp, door).await }))
}

async fn said(door: Door, trusted: &[&str], pieces: &[&[u8]]) -> Result<Accepted, Refusal> {
    let (mut phone, accepted) = connect(intake(trusted), door).await;
    for piece in pieces {
        phone.write_all(piece).await.expect("connected");
    }
    phone.shutdown().await.expect("connected");
    accepted.await.expect("no panic")
}

async fn all(accepted: Accepted) -> Vec<u8> {
    let mut bytes = accepted.first.to_vec();
    let mut local = accepted.local;
    local.read_to_end(&mut bytes).await.expect("an end");
    bytes
}

fn name(text: &str) -> ServerName<'static> {
    ServerName::try_from(text.to_owned()).expect("a name")
}

/// Chat inside TLS to this name.
async fn chat_in_tls(door: Door, to: &str) -> Result<Vec<u8>, Refusal> {
    let (phone, accepted) = connect(intake(&[]), door).await;
    let to = name(to);
    let talk = tokio::spawn(async move {
        let mut phone = TlsConnector::from(anybody()).connect(to, phone).await.expect("any certificate");
        phone.write_all(HELLO).await.expect("connected");
        phone.shutdown().await.expect("connected");
        // Held until the other end has read all.
        let _ = phone.read_to_end(&mut Vec::new()).await;
    });
    let accepted = accepted.await.expect("no panic")?;
    assert!(accepted.local.is_tls() && accepted.kind == Kind::Chat);
    let bytes = all(accepted).await;
    talk.await.expect("no panic");
    Ok(bytes)
}

/// The TLS hello for this name.
fn hello(to: &str) -> Vec<u8> {
    let config = anybody();
    let mut client = rustls::ClientConnection::new(config, name(to)).expect("a name");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("a buffer");
    hello
}

#[tokio::test]
async fn chat_is_known_however_it_comes() {
    let edge = [b"ED\x00\x01\x00\x00\x05\x08\x02\x08\x05\x12", HELLO].concat();
    for bytes in [HELLO, &edge] {
        let accepted = said(Door::ANY, &[], &[bytes]).await.expect("chat");
        assert_eq!((accepted.kind, accepted.client), (Kind::Chat, Ipv4Addr::LOCALHOST.into()));
        assert_eq!(all(accepted).await, bytes);
        let pieces: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(all(said(Door::ANY, &[], &pieces).await.expect("chat")).await, bytes);
    }
}

#[tokio::test]
async fn tls_for_chat_ends_here_and_tls_for_media_passes_through() {
    for to in ["g.whatsapp.net", "e7.whatsapp.net", "chat.cdn.whatsapp.net", "192.168.1.7", "laptop.local"] {
        assert_eq!(chat_in_tls(Door::ANY, to).await.expect("chat"), HELLO, "{to}");
    }
    for to in ["mmg.whatsapp.net", "web.whatsapp.com"] {
        let accepted = said(Door::ANY, &[], &[&hello(to)[..]]).await.expect("TLS");
        assert!(!accepted.local.is_tls() && accepted.kind == Kind::Tls);
        assert!(all(accepted).await.starts_with(&[0x16, 3, 1]));
    }
}

#[tokio::test]
async fn on_official_ports_the_port_decides() {
    let [(443, chat_tls), _, _, (587, media), ..] = OFFICIAL else { unreachable!("in this order") };
    assert_eq!(chat_in_tls(chat_tls, "mmg.whatsapp.net").await.expect("chat"), HELLO);
    assert_eq!(said(media, &[], &[&hello("g.whatsapp.net")[..]]).await.expect("TLS").kind, Kind::Tls);
    assert_eq!(said(media, &[], &[HELLO]).await.expect_err("no TLS"), Refusal::Garbage);
    let foreign = said(media, &[], &[&hello("example.com")[..]]).await;
    assert_eq!(foreign.expect_err("not WhatsApp's"), Refusal::Destination);
}

#[tokio::test]
async fn a_proxy_header_counts_from_whom_it_is_believed() {
    let required =
        OFFICIAL.map(|(_, door)| door).into_iter().find(|door| door.proxy == Proxy::Required && door.role == Role::Any);
    let required = required.expect("8080");
    let client = Ipv4Addr::new(192, 168, 7, 9).into();
    for version in [Version::V1, Version::V2] {
        // Whoever is in front, a stranger stays one.
        let abroad = encode(version, Some(Ipv4Addr::new(203, 0, 113, 9).into()));
        let refused = said(Door::ANY, &["127.0.0.0/8"], &[&abroad, HELLO]).await;
        assert_eq!(refused.expect_err("from abroad"), Refusal::Stranger);
        let header = encode(version, Some(client));
        for door in [Door::ANY, required] {
            let accepted = said(door, &["127.0.0.0/8"], &[&header, HELLO]).await.expect("believed");
            assert_eq!((accepted.client, &accepted.first[..]), (client, HELLO));
            assert_eq!(said(door, &[], &[&header, HELLO]).await.expect_err("a stranger's"), Refusal::Proxy);
        }
    }
    let local = said(required, &["127.0.0.0/8"], &[&encode(Version::V2, None), HELLO]).await.expect("believed");
    assert_eq!(local.client, Ipv4Addr::LOCALHOST.to_string().parse::<std::net::IpAddr>().expect("an address"));
    assert_eq!(said(required, &["127.0.0.0/8"], &[HELLO]).await.expect_err("no header"), Refusal::Proxy);
}

#[tokio::test]
async fn what_is_nothing_of_whatsapps_is_refused() {
    for garbage in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", b"\x05\x01\x00"] {
        assert_eq!(said(Door::ANY, &[], &[garbage]).await.expect_err("garbage"), Refusal::Garbage);
    }
    assert_eq!(said(Door::ANY, &[], &[b"W"]).await.expect_err("half"), Refusal::Silent);
    assert_eq!(said(Door::ANY, &[], &[]).await.expect_err("nothing"), Refusal::Silent);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_cut_in_time() {
    let (_phone, accepted) = connect(intake(&[]), Door::ANY).await;
    assert_eq!(accepted.await.expect("no panic").expect_err("silence"), Refusal::Silent);
}
