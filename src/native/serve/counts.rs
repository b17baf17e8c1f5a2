//! How much the server has and had of each thing, for `status.json` and Prometheus.
//!
//! Numbers only: no label holds an address or the name of a key. What goes through tunnels and pipes is `meter`'s.

use std::time::Duration;

use pasarela_core::route::{Kind, Route};
use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family};

use super::numbers::{Counter, Gauge};
use crate::frontend;

/// The counters of one server. A clone counts in the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// TCP connections that are not upgraded.
    pub(super) connections: Gauge,
    pub(super) raw: Gauge,
    pub(super) pipe: Gauge,
    pub(super) ws_tcp: Gauge,
    pub(super) ws_wss: Gauge,
    pub(super) ws_wss_started: Counter,
    upgrades: Family<On, Counter>,
    refused: Family<For, Counter>,
}

/// A route's label.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct On {
    route: &'static str,
}

/// A reason's label.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct For {
    reason: &'static str,
}

/// Why a client with a right key was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overload {
    /// The limit on connections is reached.
    Full,
    /// Its key asks too often, or its address where there are no keys. It may ask again after this.
    Rate(Duration),
}

/// When there is no place a client may ask again after this.
const FULL: Duration = Duration::from_secs(5);

impl Overload {
    /// When the client may ask again: whole seconds, and never none.
    pub(super) fn again_after(self) -> Duration {
        match self {
            Self::Full => FULL,
            Self::Rate(after) => Duration::from_secs(after.as_secs() + 1),
        }
    }
}

impl Counts {
    pub(super) fn upgraded(&self, route: Route) {
        let route = match route {
            Route::WsChat => "ws/chat",
            Route::Pipe(Kind::Chat) => "pipe/chat",
            Route::Pipe(Kind::Tls) => "pipe/tls",
            Route::Tunnel => "tunnel",
            Route::Status | Route::Guide | Route::Asset(_) => return,
        };
        self.upgrades.get_or_create(&On { route }).inc();
    }

    pub(super) fn refused(&self, overload: Overload) {
        let reason = match overload {
            Overload::Full => "full",
            Overload::Rate(_) => "rate",
        };
        self.refused.get_or_create(&For { reason }).inc();
    }

    /// A connection to a raw port was not taken.
    pub(super) fn turned_away(&self, refusal: frontend::Refusal) {
        let reason = match refusal {
            frontend::Refusal::Stranger => "stranger",
            frontend::Refusal::Proxy => "proxy",
            frontend::Refusal::Silent => "silent",
            frontend::Refusal::Crowded => "crowded",
            frontend::Refusal::Garbage => "garbage",
            frontend::Refusal::Destination => "destination",
            frontend::Refusal::Tls => "tls",
        };
        self.refused.get_or_create(&For { reason }).inc();
    }

    pub(super) fn upgrades(&self) -> Family<On, Counter> {
        self.upgrades.clone()
    }

    pub(super) fn refusals(&self) -> Family<For, Counter> {
        self.refused.clone()
    }
}

/// Counts one for as long as it lives.
#[derive(Debug)]
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
