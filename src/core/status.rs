//! What `status.json` says, the same from every kind of relay.
//!
//! It counts and probes nothing; the adapter does. It tells nothing about any user.

use alloc::string::String;

use serde::Serialize;

use crate::{
    config::{Authority, Config, WebUpstream},
    limits,
    time::Instant,
    web,
};

/// What a relay is, what it carries, and on request whether its upstreams answer.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// Which kind it is.
    pub relay: &'static str,
    /// The airport code of the place where the platform runs it.
    pub colo: Option<String>,
    web_upstream: &'static str,
    features: &'static [&'static str],
    /// What it carries.
    pub gauges: Gauges,
    /// What the asking key has and had of it; on a relay that is open nothing, since that would be everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
    /// What a probe found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstreams: Option<Reachable>,
}

/// What a relay carries, as plain numbers.
#[derive(Debug, Serialize)]
pub struct Gauges {
    /// Whose numbers these are.
    pub scope: &'static str,
    /// Streams of `/pipe`.
    pub pipe: u32,
    /// Tunnels, attached or not.
    pub tunnel: u32,
    /// Streams of `/ws/chat` in tcp mode.
    pub ws_tcp: u32,
    /// Clients of `/ws/chat` coupled to an upstream WebSocket since the start.
    pub ws_wss_started_total: u64,
}

/// What one key has and had where the numbers are counted, and where its tunnels are kept. Nobody is told of another's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Own {
    /// Streams that it has now; those of `/ws/chat` in wss mode are not seen on the edge.
    pub streams: u32,
    /// Payload in bytes that upstreams took.
    pub up_bytes_total: u64,
    /// Payload in bytes that came from upstreams.
    pub down_bytes_total: u64,
    /// Clients that were refused, for want of room or because they asked too often.
    pub refused_total: u64,
}

impl Own {
    /// As one object of the platform tells it to another: numbers with blanks between.
    pub fn line(self) -> String {
        let Self { streams, up_bytes_total, down_bytes_total, refused_total } = self;
        alloc::format!("{streams} {up_bytes_total} {down_bytes_total} {refused_total}")
    }

    /// Adds what such a line tells.
    pub fn add(&mut self, line: &str) {
        let mut numbers = line.split(' ').map(|number| number.parse::<u64>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        self.streams = self.streams.saturating_add(u32::try_from(next()).unwrap_or(u32::MAX));
        self.up_bytes_total = self.up_bytes_total.saturating_add(next());
        self.down_bytes_total = self.down_bytes_total.saturating_add(next());
        self.refused_total = self.refused_total.saturating_add(next());
    }
}

/// Whether one candidate of each upstream answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reachable {
    /// WhatsApp's own protocol.
    pub chat: bool,
    /// The upstream WebSocket.
    pub web: bool,
    /// The media hosts.
    pub tls: bool,
}

/// What a relay can do; the last only where tunnels outlive their connections.
const FEATURES: [&str; 5] = ["ws/chat", "pipe/chat", "pipe/tls", "tunnel", "sessions"];

impl Status {
    /// The status of a relay that does, or does not, keep tunnels when their connections are lost.
    pub fn new(relay: &'static str, config: &Config, keeps_tunnels: bool, gauges: Gauges, own: Option<Own>) -> Self {
        let without = FEATURES.split_last().map_or(&[][..], |(_, rest)| rest);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            relay,
            colo: None,
            web_upstream: match config.web {
                WebUpstream::Wss => "wss",
                WebUpstream::Tcp => "tcp",
            },
            features: if keeps_tunnels { &FEATURES } else { without },
            gauges,
            own,
            upstreams: None,
        }
    }

    /// The document.
    pub fn document(&self) -> String {
        // Nothing in it can fail: no map, no foreign type.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether a query, with or without its question mark, asks for a probe.
pub fn wants_probe(query: &str) -> bool {
    web::parameters(query).any(|part| part == "probe=1")
}

/// Where a probe looks for TLS.
pub fn tls_candidate(config: &Config) -> Authority {
    config.tls.clone().unwrap_or_else(|| Authority::new("whatsapp.net", 443))
}

/// When the last probe began or ended, and what it found, if it has ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Probed(Option<(Instant, Option<Reachable>)>);

impl Probed {
    /// No probe yet.
    pub const NEVER: Self = Self(None);

    /// What is known and fresh, which is nothing while a probe runs; `Err` if it is time for one, which begins now.
    ///
    /// # Errors
    /// The caller is to probe, and to say what it found.
    pub fn ask(&mut self, now: Instant) -> Result<Option<Reachable>, Due> {
        if let Some((_, found)) = self.0.filter(|(at, _)| now.since(*at) < limits::PROBE_CACHE) {
            return Ok(found);
        }
        self.0 = Some((now, None));
        Err(Due)
    }

    /// What the probe that ends now found.
    pub const fn found(&mut self, found: Reachable, now: Instant) {
        self.0 = Some((now, Some(found)));
    }
}

/// It is time for a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_probe_a_minute_and_nothing_told_while_it_runs() {
        let at = |seconds: u64| Instant::from_millis(1000 * seconds);
        let found = Reachable { chat: true, web: false, tls: true };
        let mut probed = Probed::NEVER;
        assert_eq!(probed.ask(at(0)), Err(Due));
        assert_eq!(probed.ask(at(5)), Ok(None));
        probed.found(found, at(8));
        assert_eq!(probed.ask(at(67)), Ok(Some(found)));
        assert_eq!(probed.ask(at(68)), Err(Due));
        assert!(wants_probe("?a&probe=1") && !wants_probe("?probe=10"));
    }

    #[test]
    fn what_objects_tell_adds_up() {
        let of = |n: u32| Own { streams: n, up_bytes_total: 10, down_bytes_total: u64::from(n), refused_total: 3 };
        let mut sum = of(1);
        [&*of(2).line(), "", "x"].into_iter().for_each(|line| sum.add(line));
        assert_eq!(sum, Own { streams: 3, up_bytes_total: 20, down_bytes_total: 3, refused_total: 6 });
    }

    #[test]
    fn only_a_relay_that_keeps_tunnels_says_so() {
        let config = Config::from_vars(|_| None).unwrap();
        let gauges = || Gauges { scope: "process", pipe: 1, tunnel: 2, ws_tcp: 3, ws_wss_started_total: 4 };
        let document = |keeps| Status::new("native", &config, keeps, gauges(), None).document();
        assert!(document(true).contains("\"tunnel\",\"sessions\"]") && document(false).contains("\"tunnel\"]"));
        assert!(document(true).contains("\"scope\":\"process\",\"pipe\":1") && !document(true).contains("upstreams"));
    }
}
