//! A name of its own, which leads to whoever had it before until the network knows better.

use std::{fs, net::Ipv4Addr, sync::Arc};

use anyhow::{Context, Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela_e2e::{cloudflare::DOMAIN, identity, places};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{Desk, LIMIT, finish, key_of, stop, told};

/// Whoever had the name before, and Cloudflare with a site of the operator's.
const BEFORE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nparked";
const CLOUDFLARE: &[u8] = b"HTTP/1.1 404 \r\nServer: cloudflare\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbike";

/// Who answers first, as a name does that moves; from then on Cloudflare does.
const FIRST: [&[u8]; 4] = [BEFORE, CLOUDFLARE, CLOUDFLARE, BEFORE];
/// How often it has to answer until it is believed.
const IN_A_ROW: usize = 3;

/// Answers by TLS, and tells which path each request has.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, paths: mpsc::UnboundedSender<String>) -> Result<()> {
    for count in 0.. {
        // Whoever is stopped may be gone at any point.
        let Ok(tls) = acceptor.accept(listener.accept().await?.0).await else { continue };
        let (mut tls, mut line) = (BufReader::new(tls), String::new());
        if !tls.read_line(&mut line).await.is_ok_and(|length| length > 0) {
            continue;
        }
        paths.send(line.split(' ').nth(1).unwrap_or_default().to_owned())?;
        let _ = tls.write_all(FIRST.get(count).unwrap_or(&CLOUDFLARE)).await;
        let _ = tls.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn whoever_had_a_name_before_is_not_shown_the_key() -> Result<()> {
    let desk = Desk::still().await?;
    let (config, authority) = identity::certified(&[DOMAIN])?;
    let pem =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(authority));
    fs::write(desk.folder.path().join("ca.pem"), pem)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let link_with = format!("addr={}", listener.local_addr()?);
    let (sender, mut paths) = mpsc::unbounded_channel();
    tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), sender));
    let arguments = ["deploy", "--yes", "--ca", "ca.pem", "--domain", DOMAIN, "--link-with", &link_with, "--worker"];
    let child = desk.command(&arguments)?.arg(places::root()).spawn()?;
    let mut seen = Vec::new();
    while seen.len() < FIRST.len() + IN_A_ROW + 1 {
        seen.push(timeout(LIMIT, paths.recv()).await?.context("nobody asks any more")?);
    }
    stop(&child)?;
    let ended = told(timeout(LIMIT, child.wait_with_output()).await??)?;
    ended.has(1, &["not yet from here", "nobody is shown again"])?;
    let link = ended.err.lines().find_map(|line| line.trim().strip_prefix("https://")).context("no link")?;
    let path = format!("/{}/status.json", key_of(link)?);
    let (last, before) = seen.split_last().context("nothing was asked")?;
    ensure!(*last == path && !before.concat().contains(key_of(link)?), "{seen:?}");

    // The account has the name by now, which does not tell where it leads. A key or none, it is asked as before.
    for more in [&["--key", "ana"][..], &[]] {
        while paths.try_recv().is_ok() {}
        let child = desk.command(&[&arguments[..8], more, &arguments[8..]].concat())?.arg(places::root()).spawn()?;
        let first = timeout(LIMIT, paths.recv()).await?.context("nobody asks any more")?;
        stop(&child)?;
        told(timeout(LIMIT, child.wait_with_output()).await??)?.has(1, &["stopped before the end"])?;
        ensure!(first != "/" && !first.ends_with("/status.json"), "{first}");
    }
    Ok(())
}

#[tokio::test]
async fn a_firewall_rule_is_told_within_seconds_and_stops_no_update() -> Result<()> {
    let desk = Desk::new().await?;
    let told = desk.deployed(&["--json", "--domain", DOMAIN]).await?;
    told.has(0, &["\"verdict\":\"ok\""])?;
    let link = told.json()?["links"]["me"].as_str().context("no link")?.to_owned();
    ensure!(link.starts_with(&format!("https://{DOMAIN}/#")), "{link}");
    // As docs/deploy.md advises it against strangers who use up the day.
    desk.cloud.account().rule = Some(vec![format!("/{}", key_of(&link)?)]);
    // There is no key that could be shown to anybody, and so nothing to wait for.
    desk.deployed(&[]).await?.has(0, &["Cloudflare says 403", "all keys are as they were"])?;
    let quiet = desk.deployed(&["--json"]).await?;
    quiet.has(0, &["\"check\":null"])?;
    ensure!(quiet.err.contains("Cloudflare says 403"), "{quiet:?}");
    let ended = desk.deployed(&["--key", "ana"]).await?;
    ended.has(13, &["Cloudflare says 403", "Not checked: ", "begin with the new /KEY, too"])?;
    let ana = ended.out.lines().find(|line| line.starts_with("https://")).context("no link")?;
    desk.cloud.account().rule = Some(vec![format!("/{}", key_of(ana)?)]);
    finish(desk.command(&["check", "--ca", "ca.pem", ana])?).await?.has(0, &["All well"])
}
