//! The relays, one under each test: on the edge with and without Durable Objects, in both versions of the runtime, and
//! natively; each with a simulated WhatsApp behind it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use pasarela::serve::{self, Site};
use pasarela_core::{config::Config, limits};
use pasarela_e2e::{
    http,
    places::Runtime,
    process,
    workerd::{Options, Sessions, Workerd},
};
use pasarela_sim::{Delivery, Sim, SimConfig};
use tokio::net::TcpListener;

/// Runs each test on the edge, as it is shipped, and natively.
macro_rules! against_both {
    ($($test:ident),* $(,)?) => {
        crate::relays::against! { edge Object: $($test)* }
        crate::relays::against! { native Native: $($test)* }
    };
}

/// Runs each test against every relay.
macro_rules! against_every_relay {
    ($($test:ident),* $(,)?) => {
        crate::relays::against! { object Object: $($test)* }
        crate::relays::against! { object_in_old_runtime OldObject: $($test)* }
        crate::relays::against! { worker Worker: $($test)* }
        crate::relays::against! { worker_in_old_runtime OldWorker: $($test)* }
        crate::relays::against! { native Native: $($test)* }
    };
}

/// Runs each test against every relay on the edge.
macro_rules! against_every_edge {
    ($($test:ident),* $(,)?) => {
        crate::relays::against! { object Object: $($test)* }
        crate::relays::against! { object_in_old_runtime OldObject: $($test)* }
        crate::relays::against! { worker Worker: $($test)* }
        crate::relays::against! { worker_in_old_runtime OldWorker: $($test)* }
    };
}

/// Runs each test against every relay that keeps tunnels.
macro_rules! against_every_keeper {
    ($($test:ident),* $(,)?) => {
        crate::relays::against! { object Object: $($test)* }
        crate::relays::against! { object_in_old_runtime OldObject: $($test)* }
        crate::relays::against! { native Native: $($test)* }
    };
}

macro_rules! against {
    ($name:ident $kind:ident: $($test:ident)*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() -> anyhow::Result<()> {
                    super::super::$test(crate::relays::Kind::$kind).await
                }
            )*
        }
    };
}

pub(crate) use against;
pub(crate) use against_both;
pub(crate) use against_every_edge;
pub(crate) use against_every_keeper;
pub(crate) use against_every_relay;

/// Which relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    OldObject,
    Refused,
    Worker,
    OldWorker,
    Native,
}

/// A simulated WhatsApp and a relay in front of it, alone in the test that started them.
pub(crate) struct Bench {
    pub(crate) sim: Sim,
    relay: Relay,
}

enum Relay {
    Edge(Box<Workerd>),
    Native(serve::Relay),
}

impl Kind {
    /// Whether tunnels outlive their carriers.
    pub(crate) const fn keeps(self) -> bool {
        matches!(self, Self::Object | Self::OldObject | Self::Native)
    }

    async fn start(self, options: Options) -> Result<Relay> {
        let options = match self {
            Self::Object => options,
            Self::OldObject => options.runtime(Runtime::Old),
            Self::Refused => options.sessions(Sessions::Refused),
            Self::Worker => options.sessions(Sessions::Absent),
            Self::OldWorker => options.sessions(Sessions::Absent).runtime(Runtime::Old),
            Self::Native => return native(&options).await,
        };
        Ok(Relay::Edge(Box::new(Workerd::start(&options).await?)))
    }
}

/// The native relay with the variables that workerd would have got. It believes whom the test says it speaks for.
async fn native(options: &Options) -> Result<Relay> {
    let var = |name: &str| options.vars.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let site = options.site.map(site).transpose()?;
    let trusted = vec!["127.0.0.0/8".parse()?];
    let own = serve::Options { site, trusted, rate: 0, ..serve::Options::default() };
    Ok(Relay::Native(serve::Relay::start_with(listener, Config::from_vars(var)?, own)?))
}

/// A site that says the same whatever is asked for.
fn site(body: &str) -> Result<Arc<Site>> {
    let folder = tempfile::tempdir()?;
    for page in ["index.html", "404.html"] {
        std::fs::write(folder.path().join(page), body)?;
    }
    Ok(Arc::new(Site::read(folder.path())?))
}

impl Bench {
    /// The relay as shipped, open to all.
    pub(crate) async fn start(kind: Kind) -> Result<Self> {
        Self::with(kind, |options| options).await
    }

    /// The same with other options.
    pub(crate) async fn with(kind: Kind, change: impl FnOnce(Options) -> Options) -> Result<Self> {
        Self::with_delivery(kind, Delivery::Frame, change).await
    }

    /// The same with a delivery mode of the simulator.
    pub(crate) async fn with_delivery(
        kind: Kind,
        delivery: Delivery,
        change: impl FnOnce(Options) -> Options,
    ) -> Result<Self> {
        let sim = Sim::start(SimConfig { delivery, ..SimConfig::default() }).await?;
        let relay = kind.start(change(Options::towards(&sim))).await?;
        Ok(Self { sim, relay })
    }

    /// The native relay itself.
    pub(crate) fn native(&self) -> Result<&serve::Relay> {
        match &self.relay {
            Relay::Native(relay) => Ok(relay),
            Relay::Edge(_) => anyhow::bail!("this one is on the edge"),
        }
    }

    /// The tunnel's URL.
    pub(crate) fn url(&self) -> String {
        self.url_of("/tunnel")
    }

    /// A WebSocket URL of the relay.
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address())
    }

    /// Where the relay listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.relay {
            Relay::Edge(workerd) => workerd.address(),
            Relay::Native(relay) => relay.address(),
        }
    }

    /// The relay's process on the edge.
    pub(crate) fn workerd(&self) -> Result<&Workerd> {
        match &self.relay {
            Relay::Edge(workerd) => Ok(workerd),
            Relay::Native(_) => anyhow::bail!("the native relay is no process of its own"),
        }
    }

    /// Memory of the relay's process in bytes; the native one is in this process, with all other tests, and says itself
    /// what it holds.
    pub(crate) fn memory(&self) -> Result<u64> {
        match &self.relay {
            Relay::Edge(workerd) => process::resident(workerd.pid()),
            Relay::Native(relay) => Ok(relay.held() as u64),
        }
    }

    /// What a stalled tunnel may add to that.
    pub(crate) const fn growth_allowed(&self) -> u64 {
        let window = limits::WINDOW_MAX as u64;
        match self.relay {
            // With what the runtime needs for it.
            Relay::Edge(_) => window + (12 << 20),
            Relay::Native(_) => window + window / 2,
        }
    }

    /// Tunnels that the relay counts.
    pub(crate) async fn tunnels(&self) -> Result<u64> {
        match &self.relay {
            Relay::Edge(_) => self.gauge("tunnel").await,
            Relay::Native(relay) => Ok(relay.gauges().tunnels as u64),
        }
    }

    /// A number of the status of a relay that is open.
    pub(crate) async fn gauge(&self, name: &str) -> Result<u64> {
        let status = http::request(self.address(), "GET", "/status.json", &[]).await?.json()?;
        status.pointer(&format!("/gauges/{name}")).and_then(serde_json::Value::as_u64).context("no such gauge")
    }

    /// Ends the relay without a word to anybody and starts another like it.
    pub(crate) async fn restart(&mut self, kind: Kind) -> Result<()> {
        let fresh = kind.start(Options::towards(&self.sim)).await?;
        match std::mem::replace(&mut self.relay, fresh) {
            Relay::Edge(workerd) => workerd.kill().await,
            Relay::Native(relay) => {
                drop(relay);
                Ok(())
            }
        }
    }

    /// Ends the relay; what is behind it stays.
    pub(crate) fn without_relay(self) -> Sim {
        self.sim
    }

    /// Waits until the relay has this many tunnels.
    pub(crate) async fn has_tunnels(&self, count: u64) -> Result<()> {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        let reached = async {
            while self.tunnels().await? != count {
                look.tick().await;
            }
            anyhow::Ok(())
        };
        let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
        reached.with_context(|| format!("not {count} tunnels"))?
    }

    /// Waits until neither the relay nor the simulator has anything left.
    pub(crate) async fn must_be_idle(&self) -> Result<()> {
        let nobody = self.sim.wait_until(Duration::from_secs(10), |stats| stats.open() == 0).await;
        nobody.map_err(|stats| anyhow::anyhow!("connections are left at the simulator: {stats:?}"))?;
        self.has_tunnels(0).await?;
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
}
