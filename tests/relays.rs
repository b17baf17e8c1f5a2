//! The relays that carry tunnels: on the edge with and without Durable Objects, in both versions of the runtime, and
//! natively.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use pasarela::{
    sim::{Sim, SimConfig},
    tunnel,
};
use pasarela_core::{config::Config, limits};
use pasarela_e2e::{
    http,
    places::Runtime,
    process,
    workerd::{Options, Sessions, Workerd},
};
use tokio::net::TcpListener;

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

pub(crate) use {against, against_every_keeper, against_every_relay};

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
    Native(tunnel::Relay),
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

/// The native relay with the variables that workerd would have got.
async fn native(options: &Options) -> Result<Relay> {
    let var = |name: &str| options.vars.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(Relay::Native(tunnel::Relay::start(listener, Config::from_vars(var)?)?))
}

impl Bench {
    /// The relay as shipped, open to all.
    pub(crate) async fn start(kind: Kind) -> Result<Self> {
        Self::with(kind, |options| options).await
    }

    /// The same with other options.
    pub(crate) async fn with(kind: Kind, change: impl FnOnce(Options) -> Options) -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let relay = kind.start(change(Options::towards(&sim))).await?;
        Ok(Self { sim, relay })
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
            Relay::Edge(workerd) => {
                let status = http::request(workerd.address(), "GET", "/status.json", &[]).await?.json()?;
                status.pointer("/gauges/tunnel").and_then(serde_json::Value::as_u64).context("no such gauge")
            }
            Relay::Native(relay) => Ok(relay.gauges().tunnels as u64),
        }
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
        self.has_tunnels(0).await
    }
}
