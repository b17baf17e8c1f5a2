//! A name of its own, which leads to whoever had it before until the network knows better.

use std::{fs, net::Ipv4Addr, sync::Arc};

use anyhow::{Context, Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela_e2e::{identity, places};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{Desk, LIMIT, key_of, stop, told};

const NAME: &str = "bicycles.example.org";

/// How often whoever had the name answers, and what; then Cloudflare does.
const BEFORE: (usize, &[u8]) = (2, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nparked");
const CLOUDFLARE: &[u8] = b"HTTP/1.1 404 \r\nServer: cloudflare\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Answers by TLS, and tells which path each request has.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, paths: mpsc::UnboundedSender<String>) -> Result<()> {
    for count in 0.. {
        let mut tls = BufReader::new(acceptor.accept(listener.accept().await?.0).await?);
        let mut line = String::new();
        tls.read_line(&mut line).await?;
        paths.send(line.split(' ').nth(1).unwrap_or_default().to_owned())?;
        tls.write_all(if count < BEFORE.0 { BEFORE.1 } else { CLOUDFLARE }).await?;
        tls.shutdown().await?;
    }
    Ok(())
}

#[tokio::test]
async fn whoever_had_a_name_before_is_not_shown_the_key() -> Result<()> {
    let desk = Desk::still().await?;
    let (config, authority) = identity::certified(NAME)?;
    let pem =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(authority));
    fs::write(desk.folder.path().join("ca.pem"), pem)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let link_with = format!("addr={}", listener.local_addr()?);
    let (sender, mut paths) = mpsc::unbounded_channel();
    tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), sender));
    let arguments = ["deploy", "--yes", "--ca", "ca.pem", "--domain", NAME, "--link-with", &link_with, "--worker"];
    let child = desk.command(&arguments)?.arg(places::root()).spawn()?;
    let mut seen = Vec::new();
    while seen.len() < BEFORE.0 + 2 {
        seen.push(timeout(LIMIT, paths.recv()).await?.context("nobody asks any more")?);
    }
    stop(&child)?;
    let ended = told(timeout(LIMIT, child.wait_with_output()).await??)?;
    ended.has(1, &["not yet from here", "nobody is shown again"])?;
    let link = ended.err.lines().find_map(|line| line.trim().strip_prefix("https://")).context("no link")?;
    let path = format!("/{}/status.json", key_of(link)?);
    let with_key: Vec<_> = seen.iter().map(|seen| *seen == path).collect();
    ensure!(with_key == [false, false, false, true] && !seen[..3].concat().contains(key_of(link)?), "{seen:?}");
    Ok(())
}
