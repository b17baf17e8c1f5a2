//! What several files of tests use: a simulated WhatsApp with a Worker in front of it.

use std::time::Duration;

use anyhow::{Context, Result};
use pasarela::sim::{Delivery, Sim, SimConfig};
use pasarela_e2e::{
    http,
    workerd::{Options, Workerd},
};

/// A simulated WhatsApp and the relay in front of it, alone in the test that started them.
pub(crate) struct Bench {
    pub(crate) sim: Sim,
    pub(crate) relay: Workerd,
}

impl Bench {
    /// The relay as shipped, open to all.
    pub(crate) async fn start() -> Result<Self> {
        Self::with(Delivery::Frame, |options| options).await
    }

    /// With a delivery mode of the simulator and options of the relay.
    pub(crate) async fn with(delivery: Delivery, change: impl FnOnce(Options) -> Options) -> Result<Self> {
        let sim = Sim::start(SimConfig { delivery, ..SimConfig::default() }).await?;
        let relay = Workerd::start(&change(Options::towards(&sim))).await?;
        Ok(Self { sim, relay })
    }

    /// Waits until the relay's gauges are zero and the simulator has no connection.
    pub(crate) async fn must_be_idle(&self) -> Result<()> {
        let nobody = self.sim.wait_until(Duration::from_secs(10), |stats| stats.open() == 0).await;
        nobody.map_err(|stats| anyhow::anyhow!("connections are left at the simulator: {stats:?}"))?;
        self.gauges_must_be_zero().await
    }

    /// Waits until the relay counts nobody: it sees a client's close a moment after the client has sent it.
    pub(crate) async fn gauges_must_be_zero(&self) -> Result<()> {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let zero = async {
            while self.gauge("pipe").await? + self.gauge("ws_tcp").await? > 0 {
                look.tick().await;
            }
            Ok(())
        };
        tokio::time::timeout(Duration::from_secs(10), zero).await.context("the gauges do not return to zero")?
    }

    /// Waits until the simulator has this many chat connections.
    pub(crate) async fn reaches_upstream(&self, count: u64) -> Result<()> {
        let reached = self.sim.wait_until(Duration::from_secs(10), |stats| stats.chat.open == count).await;
        reached.map(drop).map_err(|stats| anyhow::anyhow!("not {count} connections at the simulator: {stats:?}"))
    }

    pub(crate) async fn gauge(&self, name: &str) -> Result<u64> {
        let status = http::request(self.relay.address(), "GET", "/status.json", &[]).await?.json()?;
        status.pointer(&format!("/gauges/{name}")).and_then(serde_json::Value::as_u64).context("no such gauge")
    }
}

/// Whether the full sizes are asked for.
pub(crate) fn soak() -> bool {
    std::env::var_os("PASARELA_SOAK").is_some()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
