//! The ports of the official WhatsApp proxy, with our own clients: what holds of one proxy holds of every one.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela::sim::{ProxySeen, Sim, SimConfig, pattern};
use pasarela_core::proxy::{self, Version};
use pasarela_e2e::{
    handshake,
    haproxy::Haproxy,
    official::{self, OfficialPorts, Port},
    tls,
};

/// Runs each test against every proxy.
macro_rules! against_every_proxy {
    ($($test:ident),* $(,)?) => {
        mod haproxy {
            $(
                #[tokio::test]
                async fn $test() -> anyhow::Result<()> {
                    super::$test(super::Kind::Haproxy).await
                }
            )*
        }
    };
}

against_every_proxy! {
    chat_passes_by_every_port,
    what_a_load_balancer_says_is_passed_on,
    a_load_balancer_that_says_nothing_is_not_served,
    media_passes_end_to_end,
    a_download_of_media_arrives_bit_for_bit,
}

/// Whose ports they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Haproxy,
}

/// A proxy and the simulated WhatsApp behind it.
struct Scene {
    sim: Sim,
    ports: OfficialPorts,
    _proxy: Haproxy,
}

impl Kind {
    async fn start(self) -> Result<Scene> {
        let sim = Sim::start(SimConfig::default()).await?;
        match self {
            Self::Haproxy => {
                let proxy = Haproxy::start(&sim).await?;
                Ok(Scene { ports: *proxy.ports(), sim, _proxy: proxy })
            }
        }
    }

    /// What WhatsApp learns of a client that came from one address to the other.
    fn announces(self, source: SocketAddr, destination: SocketAddr) -> Option<ProxySeen> {
        match self {
            Self::Haproxy => Some(ProxySeen { version: 1, addresses: Some((source, destination)) }),
        }
    }
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
    for (version, client) in [(Version::V1, "192.0.2.7"), (Version::V2, "192.0.2.8")] {
        for port in scene.ports.chat().iter().filter(|port| port.balanced) {
            scene.shake_hands(port, &proxy::encode(version, Some(client.parse()?))).await?;
            let told = kind.announces(SocketAddr::new(client.parse()?, 0), "0.0.0.0:0".parse()?);
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
