//! What somebody without a key sees: what a server would answer that has nothing, byte by byte.
//!
//! The models run beside the relay: for the edge a Worker that answers as Cloudflare's own server of static files does where
//! there is no file; for a server of one's own axum without a route, which uses the same libraries down to the socket.

/// All that is asked.
mod asked;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use pasarela::serve;
use pasarela_core::config::Config;
use pasarela_e2e::{
    http::{self, UPGRADE},
    socket::Socket,
    workerd::{Options, Workerd},
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against_both! {
        whoever_has_no_key_is_answered_as_by_a_server_that_has_nothing,
        whoever_has_no_key_is_answered_as_quickly_whatever_he_asks,
        the_right_key_opens_every_route,
        every_key_that_is_set_carries_a_stream,
        who_wants_the_guide_in_front_has_it,
        without_a_key_the_relay_is_closed_and_its_page_tells_the_operator,
        the_operators_own_site_stands_in_front_and_the_guide_only_behind_the_key,
    }
}

const KEY: &str = "0123456789abcdefghij";

fn keyed(options: Options) -> Options {
    options.var("OPEN", "0").var("RELAY_KEYS", &format!("ana=aaaaaaaaaaaaaaaaaaaa bo={KEY}"))
}

/// A server that has nothing.
enum Model {
    Edge(Box<Workerd>),
    Native(SocketAddr),
}

impl Model {
    async fn beside(kind: Kind, bench: &Bench) -> Result<Self> {
        if kind != Kind::Native {
            let nothing = Options::towards(&bench.sim).script("tests/workers/nothing.mjs");
            return Ok(Self::Edge(Box::new(Workerd::start(&nothing).await?)));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
        Ok(Self::Native(address))
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Edge(workerd) => workerd.address(),
            Self::Native(address) => *address,
        }
    }
}

/// What comes back for these bytes, up to the end, or to a second's silence for who waits for more.
async fn answer(to: SocketAddr, bytes: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(bytes).await?;
    Ok(without_dates(&read(&mut stream).await))
}

/// Everything up to the end, to a reset, or to a while without anything.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut got = Vec::new();
    while let Ok(Ok(1..)) = timeout(QUIET, stream.read_buf(&mut got)).await {}
    got
}

/// Longer than an answer takes on a busy machine, shorter than a relay waits for more.
const QUIET: Duration = Duration::from_millis(1500);

fn without_dates(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let date = |line: &&str| line.to_ascii_lowercase().starts_with("date:");
    text.split('\n').filter(|line| !date(line)).collect::<Vec<_>>().join("\n")
}

async fn whoever_has_no_key_is_answered_as_by_a_server_that_has_nothing(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, keyed).await?;
    let model = Model::beside(kind, &bench).await?;
    let probes = asked::all(KEY);
    ensure!(probes.len() > 100, "{} probes", probes.len());
    // Some wait for what never comes, so many are asked at once.
    for some in probes.chunks(40) {
        let (ours, theirs) = (bench.address(), model.address());
        let answers = some.iter().map(|probe| async move {
            let (relay, model) = tokio::join!(answer(ours, probe), answer(theirs, probe));
            anyhow::Ok((probe, relay?, model?))
        });
        for answered in futures_util::future::join_all(answers).await {
            let (probe, relay, model) = answered?;
            let probe = String::from_utf8_lossy(probe.get(..probe.len().min(200)).unwrap_or_default());
            ensure!(relay == model, "{probe:?}\n{relay:?}\nis not\n{model:?}");
        }
    }
    bench.must_be_closed_to_strangers().await
}

async fn whoever_has_no_key_is_answered_as_quickly_whatever_he_asks(kind: Kind) -> Result<()> {
    const ROUNDS: usize = 100;
    let bench = Bench::with(kind, keyed).await?;
    let near = format!("/{}X/tunnel", KEY.get(..KEY.len() - 1).unwrap_or_default());
    let targets = ["/nothing/tunnel", near.as_str(), "/aaaaaaaaaaaaaaaaaaab/tunnel", "/", "/check.wasm"];
    let mut took = vec![Vec::new(); targets.len()];
    // In turn, so that what else the machine does hits all of them.
    for _ in 0..ROUNDS {
        for (target, took) in targets.iter().zip(&mut took) {
            let begun = Instant::now();
            http::request(bench.address(), "GET", target, &UPGRADE).await?;
            took.push(begun.elapsed());
        }
    }
    took.iter_mut().for_each(|took| took.sort_unstable());
    let medians: Vec<_> = took.iter().filter_map(|took| took.get(ROUNDS / 2)).collect();
    let (least, most) = (medians.iter().min().context("none")?, medians.iter().max().context("none")?);
    ensure!(**most < **least * 3, "{targets:?} take {medians:?}");
    Ok(())
}

#[tokio::test]
async fn with_a_certificate_of_its_own_it_is_that_server_too() -> Result<()> {
    let sim = pasarela_sim::Sim::start(pasarela_sim::SimConfig::default()).await?;
    let made = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let var = |name: &str| match name {
        "RELAY_KEYS" => Some(format!("bo={KEY}")),
        "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
        _ => None,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let options = serve::Options { tls: Some(Arc::clone(&config)), ..serve::Options::default() };
    let relay = serve::Relay::start_with(listener, Config::from_vars(var)?, options)?;
    let model = axum_behind(TlsAcceptor::from(config)).await?;

    for plain in asked::without_tls() {
        let (ours, theirs) = tokio::join!(answer(relay.address(), &plain), answer(model, &plain));
        let (ours, theirs) = (ours?, theirs?);
        ensure!(ours == theirs, "{plain:?}\n{ours:?}\nis not\n{theirs:?}");
    }
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone())?;
    let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    for (sni, alpn) in [(true, "http/1.1"), (false, "http/1.1"), (true, "h2"), (false, "")] {
        client.enable_sni = sni;
        client.alpn_protocols = if alpn.is_empty() { Vec::new() } else { vec![alpn.into()] };
        let connector = TlsConnector::from(Arc::new(client.clone()));
        for probe in asked::all(KEY).iter().step_by(7) {
            let said = async |to| {
                let stream = TcpStream::connect(to).await?;
                let mut session = match connector.connect(ServerName::try_from("relay.example")?, stream).await {
                    Ok(session) => session,
                    Err(error) => return Ok(error.to_string()),
                };
                session.write_all(probe).await?;
                session.flush().await?;
                anyhow::Ok(without_dates(&read(&mut session).await))
            };
            let (ours, theirs) = tokio::join!(said(relay.address()), said(model));
            let (ours, theirs) = (ours?, theirs?);
            ensure!(ours == theirs, "{:?}\n{ours:?}\nis not\n{theirs:?}", String::from_utf8_lossy(probe));
        }
    }
    Ok(())
}

/// axum without a route behind TLS, connection by connection.
async fn axum_behind(acceptor: TlsAcceptor) -> Result<SocketAddr> {
    struct Sessions(TcpListener, TlsAcceptor);

    impl axum::serve::Listener for Sessions {
        type Io = tokio_rustls::server::TlsStream<TcpStream>;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (Self::Io, SocketAddr) {
            loop {
                let Ok((stream, peer)) = self.0.accept().await else { continue };
                // One after the other: nobody else is here.
                if let Ok(session) = self.1.accept(stream).await {
                    return (session, peer);
                }
            }
        }

        fn local_addr(&self) -> std::io::Result<SocketAddr> {
            self.0.local_addr()
        }
    }

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(Sessions(listener, acceptor), axum::Router::new()).await });
    Ok(address)
}

async fn the_right_key_opens_every_route(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, keyed).await?;
    let relay = bench.address();
    let get = async |rest: &str| http::request(relay, "GET", &format!("/{KEY}{rest}"), &[]).await;
    let guide = get("/").await?;
    ensure!(guide.status() == 200 && guide.body.contains("data-relay=\"ready\""), "{guide:?}");
    ensure!(guide.head.to_ascii_lowercase().contains("referrer-policy: no-referrer"), "the key would leak");
    let head = http::request(relay, "HEAD", &format!("/{KEY}/?lang=fa"), &[]).await?;
    ensure!(head.status() == 200 && head.body.is_empty(), "{head:?}");
    let persian = http::request(relay, "GET", &format!("/{KEY}/"), &[("Accept-Language", "fa-IR, en;q=0.5")]).await?;
    ensure!(persian.body.contains("<html lang=\"fa\" dir=\"rtl\""), "{persian:?}");
    // The check is embedded, or the page does not speak of it.
    for file in ["/check.js", "/check.wasm"] {
        let status = if guide.body.contains(" data-check=\"yes\"") { 200 } else { 404 };
        ensure!(get_head(relay, &format!("/{KEY}{file}")).await?.status() == status, "{file}");
        ensure!(get_head(relay, file).await?.status() == 404, "{file} without the key");
    }
    ensure!(get("/status.json").await?.status() == 200);
    let without_upgrade = get("/pipe/chat").await?;
    ensure!(without_upgrade.status() == 426, "{without_upgrade:?}");
    Ok(())
}

async fn get_head(relay: std::net::SocketAddr, target: &str) -> Result<http::Response> {
    http::request(relay, "HEAD", target, &[]).await
}

async fn every_key_that_is_set_carries_a_stream(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, keyed).await?;
    for key in [KEY, "aaaaaaaaaaaaaaaaaaaa"] {
        let url = bench.url_of(&format!("/{key}/pipe/chat"));
        pasarela_e2e::handshake::through(&url, bench.sim.root_key()).await?;
    }
    Ok(())
}

async fn without_a_key_the_relay_is_closed_and_its_page_tells_the_operator(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| options.var("OPEN", "0")).await?;
    let guide = http::request(bench.address(), "GET", "/", &[]).await?;
    ensure!(guide.status() == 200 && guide.body.contains("data-relay=\"closed\""));
    bench.must_be_closed_to_strangers().await
}

async fn who_wants_the_guide_in_front_has_it(kind: Kind) -> Result<()> {
    let bench = Bench::with(kind, |options| keyed(options).var("SITE", "guide")).await?;
    let guide = http::request(bench.address(), "GET", "/", &[]).await?;
    ensure!(guide.status() == 200 && guide.body.contains("data-relay=\"ready\""), "{guide:?}");
    let files = if guide.body.contains(" data-check=\"yes\"") { 200 } else { 404 };
    ensure!(get_head(bench.address(), "/check.js").await?.status() == files);
    let wrong = http::request(bench.address(), "GET", "/0123456789abcdefghiX/", &[]).await?.without_date();
    let nothing = http::request(bench.address(), "GET", "/nothing", &[]).await?.without_date();
    ensure!(wrong == nothing && wrong.status() == 404, "{wrong:?}");
    bench.must_be_closed_to_strangers().await
}

async fn the_operators_own_site_stands_in_front_and_the_guide_only_behind_the_key(kind: Kind) -> Result<()> {
    let own = |options| Options { site: Some("a shop for bicycles"), ..keyed(options).var("SITE", "own") };
    let bench = Bench::with(kind, own).await?;
    let relay = bench.address();
    for target in ["/", "/bicycles", "/0123456789abcdefghiX/ws/chat", "/check.js", "/check.wasm"] {
        for headers in [&[][..], &UPGRADE] {
            let answer = http::request(relay, "GET", target, headers).await?;
            ensure!(answer.body.contains("bicycles"), "{target}: {answer:?}");
        }
    }
    let guide = http::request(relay, "GET", &format!("/{KEY}/"), &[]).await?;
    ensure!(guide.body.contains("data-relay=\"ready\""));
    pasarela_e2e::handshake::through(&bench.url_of(&format!("/{KEY}/pipe/chat")), bench.sim.root_key()).await
}

impl Bench {
    /// No relay route exists without a key.
    async fn must_be_closed_to_strangers(&self) -> Result<()> {
        for path in ["/ws/chat", "/pipe/chat", "/pipe/tls", "/tunnel"] {
            let refused = Socket::connect(&self.url_of(path)).await.err().context("the relay is open")?;
            ensure!(format!("{refused:#}").contains("404"), "{refused:#}");
        }
        Ok(())
    }
}
