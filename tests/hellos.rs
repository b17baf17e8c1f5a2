//! The hello of a browser, as this program says it with the feature `browser-hello`, beside what Chromium says.
//!
//! `tests/hellos/chromium.txt` is what Debian's Chromium 156 says when a page opens a WebSocket. The tests have the one without
//! windows, which says the same but for the authorities that it names. With `PASARELA_KEEP_HELLO=1` all but those is written anew.

#![cfg(not(target_arch = "wasm32"))]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela::{
    connect::{Connector, Detour, Resolver, Setup, Spares, Stack},
    link::Link,
    trouble::Trouble,
    tunnel::Dialer,
};
use pasarela_e2e::{
    browser::{Browser, Visitor},
    hello::{describe, ja4, whole},
    identity::certified,
    places::root,
    socket::PATIENCE,
};
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Browsers take it for this machine without asking anybody.
const NAME: &str = "relay.localhost";

/// The extension that names authorities.
const AUTHORITIES: &str = "extension ca34 trust_anchors: ";

/// The hello of whoever connects next, and the connection behind it.
async fn hello(listener: &TcpListener) -> Result<Vec<u8>> {
    let (mut tcp, _) = listener.accept().await?;
    let mut read = Vec::new();
    loop {
        if let Some(hello) = whole(&read) {
            return Ok(hello.to_vec());
        }
        ensure!(tcp.read_buf(&mut read).await? > 0, "no hello");
    }
}

async fn local() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn committed() -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root().join("tests/hellos/chromium.txt"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// A page that opens a WebSocket to this port.
async fn serve_page(listener: TcpListener, port: u16) -> Result<()> {
    let page = format!("<!doctype html><script>new WebSocket('wss://{NAME}:{port}/')</script>");
    let mut served = JoinSet::new();
    loop {
        let (mut tcp, _) = listener.accept().await?;
        let page = page.clone();
        // A browser makes connections that it may not use.
        served.spawn(async move {
            if tcp.read(&mut [0; 4096]).await? > 0 {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", page.len());
                tcp.write_all(format!("{head}{page}").as_bytes()).await?;
            }
            anyhow::Ok(())
        });
    }
}

#[tokio::test]
async fn chromium_says_what_is_committed() -> Result<()> {
    let (page, at) = local().await?;
    let (relay, address) = local().await?;
    let serving = tokio::spawn(serve_page(page, address.port()));
    let browser = Browser::start()?;
    let visit = browser.visit(Visitor::default()).await?;
    let open = visit.open(at, "/");
    let (said, opened) = timeout(PATIENCE, async { tokio::join!(hello(&relay), open) }).await?;
    opened?;
    serving.abort();
    let mut said = describe(&said?)?;
    said.extend(committed()?.into_iter().filter(|line| line.starts_with(AUTHORITIES)));
    said.sort_by_key(|line| (line.starts_with("extension"), line.starts_with("extension").then(|| line.clone())));
    if std::env::var_os("PASARELA_KEEP_HELLO").is_some() {
        std::fs::write(root().join("tests/hellos/chromium.txt"), said.join("\n") + "\n")?;
    }
    assert_eq!(said, committed()?);
    Ok(())
}

/// Who has it trusted, and the server's side.
fn relay_s_tls() -> Result<(CertificateDer<'static>, TlsAcceptor)> {
    let (mut config, authority) = certified(&[NAME])?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((authority, TlsAcceptor::from(Arc::new(config))))
}

/// The relay, behind a network that resets every hello but a browser's. Gives the browser's.
async fn behind_a_censor(listener: TcpListener, acceptor: TlsAcceptor) -> Result<(Vec<u8>, TcpStream)> {
    loop {
        let (tcp, _) = listener.accept().await?;
        let mut seen = vec![0; 4096];
        let hello = loop {
            let count = tcp.peek(&mut seen).await?;
            if let Some(hello) = whole(seen.get(..count).unwrap_or_default()) {
                break hello.to_vec();
            }
            ensure!(count > 0, "no hello");
            tokio::task::yield_now().await;
        };
        if describe(&hello)?.iter().any(|line| line.starts_with("suites grease ")) {
            let mut tls = acceptor.accept(tcp).await?;
            tls.write_all(b"hello").await?;
            tls.flush().await?;
            return Ok((hello, tls.into_inner().0));
        }
        tcp.set_zero_linger()?;
    }
}

fn connector(link: &str, authority: Option<CertificateDer<'static>>) -> Result<Connector> {
    let link: Link = link.parse()?;
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = authority.into_iter().collect();
    setup.spares = Spares::NONE;
    Ok(Connector::new(&link, &setup)?)
}

#[tokio::test]
async fn where_only_a_browser_passes_the_bridge_says_its_hello() -> Result<()> {
    let (authority, acceptor) = relay_s_tls()?;
    let (listener, address) = local().await?;
    let relay = tokio::spawn(behind_a_censor(listener, acceptor));
    let connector = connector(&format!("https://{NAME}/#&addr={address}"), Some(authority))?;
    let mut dialled = timeout(PATIENCE, connector.dial()).await??;
    let mut read = [0; 5];
    dialled.stream.read_exact(&mut read).await?;
    ensure!(&read == b"hello", "{read:?}");
    let detour = connector.detour().context("no other way")?;
    ensure!(
        matches!(detour, Detour { stack: Stack::Browser, .. }) && detour.to_string() == "browser-hello",
        "{detour}"
    );
    let (hello, _) = relay.await??;
    let (ours, browsers) = (describe(&hello)?, committed()?);
    assert_eq!(ja4(&ours)?, ja4(&browsers)?);

    // What differs still.
    let differing = |line: &&String| !browsers.contains(line);
    let ours: Vec<_> = ours.iter().filter(differing).map(String::as_str).collect();
    // With names of authorities a server might choose a chain that only Chromium can verify.
    let expected = [format!("{AUTHORITIES}0000")];
    assert_eq!(ours, expected);
    Ok(())
}

/// A TLS server that does this with each connection.
fn serve<F: Future<Output = Result<()>> + Send>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    what: impl Fn(TlsStream<TcpStream>) -> F + Copy + Send + 'static,
) -> JoinHandle<Result<()>> {
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await?;
            // Whoever does not like the certificate says so and goes.
            if let Ok(tls) = acceptor.accept(tcp).await {
                what(tls).await?;
            }
        }
    })
}

#[tokio::test]
async fn a_browser_s_hello_takes_no_certificate_that_another_would_not() -> Result<()> {
    let (authority, acceptor) = relay_s_tls()?;
    let (listener, address) = local().await?;
    let relay = serve(listener, acceptor, async |_| Ok(()));
    let pin = "A".repeat(43);
    for (link, authority, trouble) in [
        (format!("https://{NAME}/#&addr={address}"), None, Trouble::CertificateIssuer),
        (format!("https://another.localhost/#&addr={address}"), Some(&authority), Trouble::CertificateName),
        (format!("https://{NAME}/#&addr={address}&pin={pin}"), Some(&authority), Trouble::CertificatePin),
    ] {
        let connector = connector(&format!("{link}&ways=browser"), authority.cloned())?;
        let all = connector.candidates(Duration::from_secs(5)).await?;
        ensure!(all.len() == 2, "{all:?}");
        for candidate in &all {
            let refused = connector.try_candidate(candidate, PATIENCE).await.map(drop);
            assert_eq!(refused, Err(trouble), "{candidate:?}");
        }
    }
    relay.abort();
    Ok(())
}

/// The other side takes little at a time, so that what is written waits and moves.
#[tokio::test]
async fn much_goes_through_whatever_waits_for_it() -> Result<()> {
    let (authority, acceptor) = relay_s_tls()?;
    let (listener, address) = local().await?;
    let relay = serve(listener, acceptor, async |mut tls| {
        let mut part = [0; 1000];
        loop {
            let count = tls.read(&mut part).await?;
            if count == 0 {
                return Ok(());
            }
            tls.write_all(part.get(..count).context("no more than fits")?).await?;
            // rustls keeps what the socket had no room for until the next write, and there may be none.
            tls.flush().await?;
        }
    });
    let connector = connector(&format!("https://{NAME}/#&addr={address}&ways=browser"), Some(authority))?;
    let all = connector.candidates(Duration::from_secs(5)).await?;
    let browsers = all.last().context("no browser's")?;
    let dialled = connector.try_candidate(browsers, PATIENCE).await.map_err(|trouble| anyhow::anyhow!("{trouble}"))?;
    let (mut from, mut to) = split(dialled.stream);
    let writing = tokio::spawn(async move {
        for number in 0..2000_usize {
            let message = vec![u8::try_from(number % 251)?; 1 + number];
            to.write_all(&message).await?;
            to.flush().await?;
        }
        anyhow::Ok(to)
    });
    let reading = async {
        for number in 0..2000_usize {
            let mut message = vec![0; 1 + number];
            from.read_exact(&mut message).await?;
            let expected = u8::try_from(number % 251)?;
            ensure!(message.iter().all(|byte| *byte == expected), "message {number} is another");
        }
        Ok(())
    };
    timeout(PATIENCE, reading).await??;
    drop(writing.await??);
    relay.abort();
    Ok(())
}
