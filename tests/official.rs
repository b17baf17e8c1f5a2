//! The ports of the official WhatsApp proxy, with our own clients: what holds of one proxy holds of every one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use pasarela::{
    bridge::Tuning,
    check::{self, Subject},
    frontend::{Admission, Intake, OFFICIAL},
    serve,
    share::Proxy,
    trouble::Stage,
};
use pasarela_core::{
    config::Config,
    proxy::{self, Version},
};
use pasarela_e2e::{
    bridge::Bridge,
    handshake,
    haproxy::Haproxy,
    official::{self, OfficialPorts, Port},
    tls,
};
use pasarela_sim::{ProxySeen, Sim, SimConfig, pattern};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;

/// Runs each test against every proxy.
macro_rules! against_every_proxy {
    ($($test:ident),* $(,)?) => {
        against! { haproxy Haproxy: $($test)* }
        against! { serve Serve: $($test)* }
        against! { bridge Bridge: $($test)* }
    };
}

macro_rules! against {
    ($name:ident $kind:ident: $($test:ident)*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() -> anyhow::Result<()> {
                    super::super::$test(super::super::Kind::$kind).await
                }
            )*
        }
    };
}

mod every {
    against_every_proxy! {
    chat_passes_by_every_port,
    what_a_load_balancer_says_is_passed_on,
    a_load_balancer_that_says_nothing_is_not_served,
    media_passes_end_to_end,
    a_download_of_media_arrives_bit_for_bit,
    a_check_proves_each,
    }
}

/// Whose ports they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Haproxy,
    Serve,
    Bridge,
}

/// A proxy and the simulated WhatsApp behind it.
struct Scene {
    sim: Sim,
    ports: OfficialPorts,
    _proxy: Running,
}

#[expect(dead_code, reason = "held until the test is over")]
enum Running {
    Haproxy(Box<Haproxy>),
    Serve(serve::Relay),
    Bridge(Bridge, serve::Relay),
}

impl Kind {
    async fn start(self) -> Result<Scene> {
        let sim = Sim::start(SimConfig::default()).await?;
        let (ports, proxy) = match self {
            Self::Haproxy => {
                let proxy = Haproxy::start(&sim).await?;
                (*proxy.ports(), Running::Haproxy(Box::new(proxy)))
            }
            Self::Serve => {
                let relay = relay(&sim).await?;
                (serve_official(&relay).await?, Running::Serve(relay))
            }
            Self::Bridge => {
                let relay = relay(&sim).await?;
                let bridge = Bridge::start(&[format!("http://{}/", relay.address())], Tuning::default()).await?;
                (bridge.official()?, Running::Bridge(bridge, relay))
            }
        };
        Ok(Scene { sim, ports, _proxy: proxy })
    }

    /// What WhatsApp learns of a client that came from one address to the other.
    fn announces(self, source: SocketAddr, destination: SocketAddr) -> Option<ProxySeen> {
        let addresses = match self {
            Self::Haproxy => (source, destination),
            // Which port a user has is nobody's business, and where he connected WhatsApp's least.
            Self::Serve => (SocketAddr::new(source.ip(), 0), SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            // The relay sees the bridge.
            Self::Bridge => (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        };
        Some(ProxySeen { version: 1, addresses: Some(addresses) })
    }
}

/// A relay of ours that tells WhatsApp who connects, as the official proxy does.
async fn relay(sim: &Sim) -> Result<serve::Relay> {
    let (chat, media) = (sim.chat().to_string(), sim.media().to_string());
    let vars = |name: &str| match name {
        "OPEN" => Some("1".to_owned()),
        "PROXY_HEADER" => Some("v1".to_owned()),
        "UPSTREAM_CHAT" => Some(chat.clone()),
        "UPSTREAM_TLS" => Some(media.clone()),
        _ => None,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(serve::Relay::start(listener, Config::from_vars(vars)?)?)
}

async fn serve_official(relay: &serve::Relay) -> Result<OfficialPorts> {
    let trusted = vec!["127.0.0.0/8".parse()?];
    let intake = Intake::new(Admission { public: true, trusted, ..Admission::default() })?;
    let mut places = Vec::new();
    for (number, door) in OFFICIAL {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        places.push((number, listener.local_addr()?));
        relay.serve_raw(listener, door, intake.clone());
    }
    OfficialPorts::of(|number| places.iter().find(|(known, _)| *known == number).map(|(_, place)| *place))
}

impl Scene {
    /// A client behind `header` gets a verified answer; gives its address.
    async fn shake_hands(&self, port: &Port, header: &[u8]) -> Result<SocketAddr> {
        let mut line = official::chat(port, header).await?;
        handshake::over(&mut line.stream, self.sim.root_key()).await.with_context(|| format!("{port:?}"))?;
        Ok(line.local)
    }

    async fn must_be_idle(&self) -> Result<()> {
        let nobody = self.sim.wait_until(Duration::from_secs(10), |stats| stats.open() == 0).await;
        nobody.map(drop).map_err(|stats| anyhow::anyhow!("connections are left at the simulator: {stats:?}"))
    }
}

async fn chat_passes_by_every_port(kind: Kind) -> Result<()> {
    let scene = kind.start().await?;
    for port in scene.ports.chat().iter().filter(|port| !port.balanced) {
        let client = scene.shake_hands(port, b"").await?;
        ensure!(scene.sim.stats().proxy == kind.announces(client, port.address), "{port:?}: {:?}", scene.sim.stats());
    }
    ensure!(scene.sim.stats().chat.total == 3, "not one connection for each: {:?}", scene.sim.stats().chat);
    scene.must_be_idle().await
}

async fn what_a_load_balancer_says_is_passed_on(kind: Kind) -> Result<()> {
    let scene = kind.start().await?;
    for (version, client) in [(Version::V1, "192.168.2.7"), (Version::V2, "192.168.2.8")] {
        for port in scene.ports.chat().iter().filter(|port| port.balanced) {
            scene.shake_hands(port, &proxy::encode(version, Some(client.parse()?))).await?;
            let told =
                kind.announces(SocketAddr::new(client.parse()?, 0), SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
            ensure!(scene.sim.stats().proxy == told, "{port:?}: {:?}", scene.sim.stats());
        }
    }
    scene.must_be_idle().await
}

async fn a_load_balancer_that_says_nothing_is_not_served(kind: Kind) -> Result<()> {
    let scene = kind.start().await?;
    for port in scene.ports.chat().iter().filter(|port| port.balanced) {
        ensure!(scene.shake_hands(port, b"").await.is_err(), "{port:?} serves anybody");
    }
    ensure!(scene.sim.stats().chat.total == 0, "WhatsApp was dialled all the same");
    Ok(())
}

async fn media_passes_end_to_end(kind: Kind) -> Result<()> {
    let scene = kind.start().await?;
    for address in [scene.ports.media, scene.ports.media_other] {
        let mut session = official::media(address, "mmg.whatsapp.net", scene.sim.ca_der()).await?;
        let answer = tls::get(&mut session, "/").await?;
        ensure!(String::from_utf8_lossy(&answer).contains("SNI mmg.whatsapp.net"), "{address}: {answer:?}");
    }
    ensure!(scene.sim.stats().media.total == 2);
    scene.must_be_idle().await
}

async fn a_download_of_media_arrives_bit_for_bit(kind: Kind) -> Result<()> {
    const LEN: usize = 16 << 20;
    let scene = kind.start().await?;
    for address in [scene.ports.media, scene.ports.media_other] {
        let mut session = official::media(address, "mmg.whatsapp.net", scene.sim.ca_der()).await?;
        let answer = tls::get(&mut session, &format!("/bytes/{LEN}")).await?;
        let body = answer.len().checked_sub(LEN).context("too short")?;
        ensure!(pattern::matches(0, &answer[body..]), "{address}: other bytes arrived");
    }
    scene.must_be_idle().await
}

async fn a_check_proves_each(kind: Kind) -> Result<()> {
    let scene = kind.start().await?;
    let options = check::Options {
        root: *scene.sim.root_key(),
        authorities: vec![CertificateDer::from(scene.sim.ca_der().to_vec())],
        ..check::Options::default()
    };
    for (chat, tls) in [(scene.ports.chat_tls, true), (scene.ports.chat_raw, false)] {
        let proxy = Proxy {
            host: chat.ip().to_string(),
            chat_port: chat.port(),
            media_port: Some(scene.ports.media.port()),
            chat_tls: Some(tls),
        };
        let verdict = check::run(&Subject::Proxy(proxy), &options, &mut |_| {}).await.expect("usable");
        ensure!(verdict.failure().is_none(), "{verdict:?}");
        let stages: Vec<_> = verdict.stages.iter().map(|done| done.stage).collect();
        let wanted = [Stage::Name, Stage::Connect, Stage::Tls, Stage::Chat, Stage::Media];
        let wanted: Vec<_> = wanted.into_iter().filter(|stage| tls || *stage != Stage::Tls).collect();
        ensure!(stages == wanted, "{stages:?}");
    }
    scene.must_be_idle().await
}
