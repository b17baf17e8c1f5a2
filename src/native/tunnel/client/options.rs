//! What a tunnel is made of: which relay, which way there, how large, how patient.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::Uri;
use pasarela_core::{
    limits,
    route::Kind,
    tunnel::client::{self, Timing},
};

use super::{
    super::dialer::{Dialer, Direct},
    error::UnusableUrl,
    frozen::Frozen,
};

/// With less than this a carrier would hardly carry more than its own upgrade, in bytes.
const BUDGET_MIN: u64 = 1024;

/// More often, pings would be all that is sent.
const PING_MIN: Duration = Duration::from_secs(1);

/// The usual [`Options::answer`]. An upgrade is answered within a round trip; a cold Worker takes a second more.
pub const ANSWER: Duration = Duration::from_secs(14);

/// What a tunnel is made of. Many may share one.
#[derive(Clone)]
pub struct Options {
    /// Reaches the relay.
    pub dialer: Arc<dyn Dialer>,
    /// The `Host` header.
    pub host: String,
    /// The path of the relay's tunnel, `/KEY/tunnel`, query included.
    pub path: String,
    /// What the stream speaks.
    pub route: Kind,
    /// Bytes to accept beyond the last acknowledgement, 64 KiB … 1 MiB; the default is 1 MiB.
    pub window: u32,
    /// Stream bytes from the relay that one connection can bear before the network freezes it, 1 KiB at least; by default it
    /// never does.
    pub budget: Option<u64>,
    /// How long things may take; a ping a second at most.
    pub timing: Timing,
    /// The relay answers the upgrade in this time; [`ANSWER`] by default.
    pub answer: Duration,
    /// What is in front of the relay takes short heads only, so that nothing of a stream may travel in its upgrade. Tunnels find
    /// out, and tell all that share this.
    pub short_heads: Arc<AtomicBool>,
    /// That the network freezes connections after some packets. Tunnels find out, and tell all that share this.
    pub frozen: Arc<Frozen>,
    /// For the jitter; the default is the system's randomness.
    pub seed: Option<u64>,
}

impl Options {
    /// A tunnel over plain TCP, to a URL `ws://host:port/KEY/tunnel`.
    ///
    /// # Errors
    ///
    /// Another scheme, or no URL.
    pub fn new(url: &str, route: Kind) -> Result<Self, UnusableUrl> {
        let uri: Uri = url.parse().map_err(|_| UnusableUrl)?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("ws")).ok_or(UnusableUrl)?;
        let direct = Direct::tcp(format!("{host}:{}", uri.port_u16().unwrap_or(80)));
        Self::with_dialer(url, route, Arc::new(direct))
    }

    /// A tunnel that reaches the relay by `dialer`; of the URL, `ws` or `wss`, the `Host` header and the path are taken.
    ///
    /// # Errors
    ///
    /// Another scheme, or no URL.
    pub fn with_dialer(url: &str, route: Kind, dialer: Arc<dyn Dialer>) -> Result<Self, UnusableUrl> {
        let uri: Uri = url.parse().map_err(|_| UnusableUrl)?;
        let known = matches!(uri.scheme_str(), Some("ws" | "wss"));
        let host = uri.authority().filter(|authority| known && !authority.as_str().contains('@')).ok_or(UnusableUrl)?;
        Ok(Self {
            dialer,
            host: host.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            route,
            window: limits::WINDOW_MAX,
            budget: None,
            timing: Timing::DEFAULT,
            answer: ANSWER,
            short_heads: Arc::default(),
            frozen: Arc::default(),
            seed: None,
        })
    }

    pub(super) fn core(&self) -> client::Options {
        client::Options {
            route: self.route,
            window: self.window.clamp(limits::WINDOW_MIN, limits::WINDOW_MAX),
            budget: self.budget.map(|budget| budget.max(BUDGET_MIN)),
            packets: self.frozen.is_on().then_some(limits::FROZEN_PACKETS),
            timing: Timing { ping: self.timing.ping.max(PING_MIN), ..self.timing },
            early: !self.short_heads.load(Ordering::Relaxed),
            seed: self.seed.unwrap_or_else(rand::random),
        }
    }
}

// The path holds a key.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("route", &self.route)
            .field("window", &self.window)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_never_carry_anything_is_not_asked_for() {
        let options = Options::new("ws://host/tunnel", Kind::Chat).expect("usable");
        assert_eq!(options.core().budget, None);
        let timing = Timing { ping: Duration::ZERO, ..options.timing };
        let core = Options { budget: Some(0), window: 0, timing, ..options }.core();
        assert_eq!(
            (core.budget, core.window, core.timing.ping),
            (Some(1024), limits::WINDOW_MIN, Duration::from_secs(1))
        );
    }

    #[test]
    fn a_url_gives_host_and_path_and_no_error_repeats_it() {
        let options = Options::new("ws://[::1]:81/key-key-key/tunnel", Kind::Tls).expect("usable");
        assert_eq!((options.host.as_str(), options.path.as_str()), ("[::1]:81", "/key-key-key/tunnel"));
        assert!(!format!("{options:?}").contains("key-key-key"));
        for url in ["wss://host/tunnel", "http://host/tunnel", "ws:///tunnel", "/tunnel", "", "ws://a@b/tunnel"] {
            assert_eq!(Options::new(url, Kind::Chat).map(drop), Err(UnusableUrl), "{url}");
        }
        let dialer = Arc::new(Direct::tcp("192.0.2.1:443"));
        let options = Options::with_dialer("wss://host/tunnel", Kind::Chat, dialer).expect("usable");
        assert_eq!(options.host, "host");
    }
}
