//! What a network sees of the way to a relay, byte by byte, and the encrypted hello against a server that has it.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use pasarela::{
    connect::{Connector, EchStatus, Mode, Provider, Resolver, Setup, Shown, Spares, Step},
    link::Link,
    serve,
    trouble::Trouble,
    tunnel::{Dialer, Kind, Options, Tunnel},
};
use pasarela_core::config::Config;
use pasarela_e2e::{
    cutter::{Cutter, Plan},
    doh::{DohServer, Known},
    ech::{EchServer, Handshake},
    identity::certified,
    measuring::ask,
    socket::PATIENCE,
};
use pasarela_sim::{Sim, SimConfig};
use rustls::{pki_types::CertificateDer, server::Acceptor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::common::hex;

const KEY: &str = "a-key-of-the-wire-tests";
const NAME: &str = "relay.example";
const FRONT: &str = "front.example";

/// A simulated WhatsApp, the relay, TLS in front of it, and whoever listens on the way.
struct Way {
    _sim: Sim,
    relay: serve::Relay,
    server: EchServer,
    network: Cutter,
}

/// What a hello shows to everybody.
#[derive(Debug, PartialEq, Eq)]
struct Shows {
    sni: Option<String>,
    alpn: Vec<Vec<u8>>,
}

/// What listens on the way to the target.
async fn recorder(target: SocketAddr) -> Result<Cutter> {
    let network = Cutter::start(target).await?;
    network.plan(Plan::default().record());
    Ok(network)
}

impl Way {
    async fn start() -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let vars = |name: &str| match name {
            "RELAY_KEYS" => Some(format!("tests={KEY}")),
            "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
            _ => None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let relay = serve::Relay::start(listener, Config::from_vars(vars)?)?;
        let server = EchServer::start(NAME, FRONT, relay.address()).await?;
        let network = recorder(server.address).await?;
        Ok(Self { _sim: sim, relay, server, network })
    }

    /// The link to the relay through the listening network, with more parameters.
    fn link(&self, more: &str) -> Result<Link> {
        Ok(format!("https://{NAME}/#{KEY}&addr={}{more}", self.network.address()).parse()?)
    }

    fn connector(&self, link: &Link) -> Result<Connector> {
        self.connector_by(Resolver::system(), link)
    }

    /// What asks for the relay's configuration for encrypted hellos where it is published, and where that is.
    async fn resolver(&self) -> Result<(DohServer, Arc<Resolver>)> {
        let (identity, authority) = certified(&["127.0.0.1"])?;
        // The list has its length in front.
        let ech = self.server.ech.get(2..).map(<[u8]>::to_vec);
        let known = Known { addresses: vec![Ipv4Addr::LOCALHOST.into()], ech };
        let doh = DohServer::start(&identity, true, BTreeMap::from([(NAME, known)])).await?;
        let provider: Provider = format!("https://{}/dns-query", doh.address).parse()?;
        let resolver = Resolver::new(Mode::Auto, &[provider], &[authority])?;
        Ok((doh, Arc::new(resolver)))
    }

    fn connector_by(&self, resolver: Arc<Resolver>, link: &Link) -> Result<Connector> {
        Ok(Connector::new(link, &Setup { spares: Spares::NONE, ..self.setup(resolver) })?)
    }

    fn setup(&self, resolver: Arc<Resolver>) -> Setup {
        let mut setup = Setup::new(resolver);
        setup.extra_roots = vec![CertificateDer::from(self.server.ca.clone())];
        setup
    }

    /// Dials, and tells the last step.
    async fn dial(&self, connector: &Connector) -> Result<Step> {
        let mut last = None;
        let dialled = timeout(PATIENCE, connector.dial_observed(&mut |step| last = Some(step))).await?;
        dialled?;
        last.context("no step")
    }

    /// Carries a stream to WhatsApp and back.
    async fn echo(&self, link: &Link) -> Result<()> {
        self.echo_by(link, Arc::new(self.connector(link)?)).await
    }

    async fn echo_by(&self, link: &Link, connector: Arc<Connector>) -> Result<()> {
        let scheme = if link.secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{}{}", link.authority(), link.path("/tunnel"));
        let options = Options::with_dialer(&url, Kind::Chat, connector)?;
        let mut stream = Tunnel::new(options).open();
        stream.write_all(&[ask("sim echo"), b"whatsapp.net".to_vec()].concat()).await?;
        let mut heard = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut heard)).await.context("no echo")??;
        ensure!(&heard == b"whatsapp.net", "another echo");
        Ok(())
    }

    /// What was sent on all connections so far.
    fn sent(&self) -> Vec<u8> {
        self.network.sent().concat()
    }
}

fn base64(bytes: &[u8]) -> String {
    bytes.chunks(3).flat_map(sextets).collect()
}

/// URL-safe, no padding.
fn sextets(group: &[u8]) -> impl Iterator<Item = char> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
    (0..=group.len()).map(move |index| char::from(LETTERS[(bits >> (18 - 6 * index) & 63) as usize]))
}

fn shows(mut sent: &[u8]) -> Result<Shows> {
    let mut acceptor = Acceptor::default();
    loop {
        ensure!(acceptor.read_tls(&mut sent)? > 0, "no whole hello");
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error)? {
            let hello = accepted.client_hello();
            return Ok(Shows {
                sni: hello.server_name().map(str::to_owned),
                alpn: hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect(),
            });
        }
    }
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.to_ascii_lowercase().windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn a_network_sees_the_name_that_the_link_says_and_nothing_of_whatsapp() -> Result<()> {
    let mut way = Way::start().await?;
    let ech = format!("&ech={}", base64(&way.server.ech));
    for (more, sni, inner) in [
        (String::new(), Some(NAME), NAME),
        (format!("&sni={FRONT}"), Some(FRONT), FRONT),
        ("&sni=none".to_owned(), None, ""),
        ("&ech=grease".to_owned(), Some(NAME), NAME),
        (ech.clone(), Some(FRONT), NAME),
        (format!("{ech}&sni=none"), Some(FRONT), ""),
    ] {
        let before = way.network.sent().len();
        let link = way.link(&more)?;
        way.echo(&link).await.with_context(|| more.clone())?;
        let sent = way.network.sent().into_iter().nth(before).context("no connection")?;
        let shown = shows(&sent)?;
        ensure!(shown == Shows { sni: sni.map(str::to_owned), alpn: vec![b"http/1.1".to_vec()] }, "{more}: {shown:?}");
        for forbidden in ["whatsapp", "tunnel", KEY].into_iter().chain((sni != Some(NAME)).then_some(NAME)) {
            ensure!(!contains(&sent, forbidden), "{more}: {forbidden} is in the clear");
        }
        let seen = way.server.handshake().await?;
        let expected =
            Handshake { sni: inner.to_owned(), ech: more.starts_with("&ech=A"), alpn: "http/1.1".to_owned() };
        ensure!(seen == expected, "{more}: {seen:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_takes_the_round_trips_that_it_must_and_no_other() -> Result<()> {
    let way = Way::start().await?;
    // Not applied to TCP's own handshake. A busy machine has as long for all that it does meanwhile.
    let round_trip = Duration::from_millis(600);
    way.network.plan(Plan::default().delay(round_trip / 2));
    let link = way.link("")?;
    let connector = Arc::new(Connector::new(&link, &way.setup(Resolver::system()))?);
    // One for TLS and one for the upgrade, in which the first bytes travel.
    for (made_ahead, expected) in [(false, 2), (true, 1)] {
        if made_ahead {
            // With the server's part of the handshake.
            way.network.wait_answered(1).await?;
        }
        let begun = Instant::now();
        way.echo_by(&link, Arc::clone(&connector)).await?;
        let took = begun.elapsed();
        ensure!(took.div_duration_f64(round_trip) as u32 == expected, "{expected} round trips: {took:?}");
    }
    Ok(())
}

/// TLS records, as far as the handshake is in the clear: the lengths of the first.
fn records(sent: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut rest = sent;
    while let [22, 3, _, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        rest = behind.get(length..).unwrap_or_default();
    }
    lengths
}

#[tokio::test]
async fn each_way_looks_on_the_wire_as_it_is_called() -> Result<()> {
    let way = Way::start().await?;
    let (_doh, resolver) = way.resolver().await?;
    let connector = way.connector_by(resolver, &way.link("&sibling=*.relay.example")?)?;
    let candidates = connector.candidates(PATIENCE).await?;
    let mut seen = Vec::new();
    for candidate in &candidates {
        let before = way.network.sent().len();
        // A sibling's name is in no certificate here.
        let _ = connector.try_candidate(candidate, PATIENCE).await;
        let sent = way.network.sent().into_iter().nth(before).context("no connection")?;
        let shown = shows(&sent)?;
        let name = candidate.detour().map_or_else(|| "plain".to_owned(), |detour| detour.to_string());
        let (lengths, cut) = (records(&sent), !contains(&sent, NAME));
        match name.as_str() {
            "plain" => ensure!(shown.sni.as_deref() == Some(NAME) && lengths.len() == 1 && !cut, "{lengths:?}"),
            "nameless" => ensure!(shown.sni.is_none() && lengths.len() == 1 && cut, "{lengths:?} {shown:?}"),
            "sibling" => {
                let sibling = shown.sni.context("no name")?;
                ensure!(sibling.ends_with(".relay.example") && lengths.len() == 1, "{sibling}");
            }
            // Nobody who looks for the whole name in the bytes finds it; who puts records together does.
            "cut-records" | "cut-segments" => {
                ensure!(shown.sni.as_deref() == Some(NAME) && lengths.len() == 2 && cut, "{name}: {lengths:?}");
            }
            "ech" | "ech cut-segments" => {
                ensure!(shown.sni.as_deref() == Some(FRONT) && cut, "{name}: {shown:?}");
                ensure!(lengths.len() == if name == "ech" { 1 } else { 2 }, "{name}: {lengths:?}");
            }
            other => anyhow::bail!("nobody knows how {other} looks"),
        }
        seen.push(name);
    }
    seen.sort();
    assert_eq!(seen, ["cut-records", "cut-segments", "ech", "ech cut-segments", "nameless", "plain", "sibling"]);
    Ok(())
}

#[tokio::test]
async fn an_encrypted_hello_is_accepted_and_a_stale_one_is_mended_once() -> Result<()> {
    let mut way = Way::start().await?;
    let link = way.link(&format!("&ech={}", base64(&way.server.ech)))?;
    let connector = way.connector(&link)?;
    let step = way.dial(&connector).await?;
    ensure!(
        matches!(step, Step::Secured { ech: EchStatus::Accepted, shown: Shown::PublicName, retried: false, .. }),
        "{step:?}"
    );
    ensure!(way.server.handshake().await?.ech, "the server knows nothing of it");
    let link = way.link(&format!("&ech={}", base64(&way.server.stale)))?;
    let connector = way.connector(&link)?;
    for expected in [true, false] {
        let step = way.dial(&connector).await?;
        ensure!(
            matches!(step, Step::Secured { ech: EchStatus::Accepted, retried, .. } if retried == expected),
            "{step:?}"
        );
    }
    ensure!(!contains(&way.sent(), NAME), "the name is in the clear");
    Ok(())
}

#[tokio::test]
async fn where_the_name_is_cut_off_the_configuration_that_is_published_encrypts_it() -> Result<()> {
    let mut way = Way::start().await?;
    way.network.plan(Plan::default().forbid(NAME));
    let (_doh, resolver) = way.resolver().await?;
    let connector = way.connector_by(resolver, &way.link("&ways=ech")?)?;
    let step = way.dial(&connector).await?;
    ensure!(matches!(step, Step::Secured { ech: EchStatus::Accepted, shown: Shown::PublicName, .. }), "{step:?}");
    ensure!(way.server.handshake().await?.ech, "the server knows nothing of it");
    // What worked is repeated, and what was punished is not, also by who begins anew.
    timeout(PATIENCE, connector.dial()).await??;
    way.dial(&connector).await?;
    let sent = way.network.sent();
    let named: Vec<_> = sent.iter().map(|sent| contains(sent, NAME)).collect();
    ensure!(named == [true, false, false, false], "{named:?}");
    Ok(())
}

#[tokio::test]
async fn another_configuration_is_taken_only_from_whom_the_first_one_names() -> Result<()> {
    let way = Way::start().await?;
    // The certificate for the public name is another's: somebody on the way wants to see the name.
    let other = EchServer::start(NAME, "other.example", way.relay.address()).await?;
    let network = recorder(other.address).await?;
    let stale = base64(&way.server.stale);
    let link: Link = format!("https://{NAME}/#{KEY}&addr={}&ech={stale}", network.address()).parse()?;
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = vec![CertificateDer::from(other.ca.clone())];
    let trouble = Connector::new(&link, &setup)?.dial_observed(&mut drop).await.map(drop);
    ensure!(trouble == Err(Trouble::CertificateName), "{trouble:?}");
    ensure!(network.sent().len() == 1 && !contains(&network.sent().concat(), NAME), "the name is in the clear");
    Ok(())
}

#[tokio::test]
async fn the_upgrade_is_a_browsers_without_compression() -> Result<()> {
    let way = Way::start().await?;
    let plain = recorder(way.relay.address()).await?;
    let link: Link = format!("http://{NAME}/#{KEY}&addr={}", plain.address()).parse()?;
    way.echo(&link).await?;
    let sent = plain.sent().concat();
    let head = String::from_utf8_lossy(&sent).split("\r\n\r\n").next().unwrap_or_default().to_owned();
    ensure!(
        head.starts_with(&format!("GET /{KEY}/tunnel HTTP/1.1\r\nHost: {NAME}\r\nConnection: Upgrade\r\n")),
        "{head}"
    );
    ensure!(!contains(&sent, "sec-websocket-extensions"), "{head}");
    ensure!(!contains(&sent, "whatsapp"), "{}", hex(&sent));
    Ok(())
}
