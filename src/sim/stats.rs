//! What the simulator saw: counters and the last of everything, for assertions.
//!
//! This is a test tool's memory: it holds addresses and headers of clients, which nothing of the
//! relay may. Nothing here is logged.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

/// A snapshot; see [`super::Sim::stats`].
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Raw TCP.
    pub chat: Traffic,
    /// HTTP and WebSocket.
    pub web: Traffic,
    /// TLS.
    pub media: Traffic,
    /// Noise handshakes completed: a client's finish decrypted.
    pub handshakes: u64,
    /// Pairing stanzas that a client acknowledged, so that it shows a QR code.
    pub pairings: u64,
    /// Keep-alive pings answered.
    pub pings: u64,
    /// The last `ClientPayload`.
    pub payload: Option<PayloadSeen>,
    /// The routing info of the last connection that sent one.
    pub routing_info: Option<Vec<u8>>,
    /// PROXY headers read.
    pub proxy_headers: u64,
    /// The last PROXY header.
    pub proxy: Option<ProxySeen>,
    /// The last WebSocket upgrade's request.
    pub upgrade: Option<UpgradeSeen>,
}

impl Stats {
    /// Connections open now, over all listeners.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.chat.open + self.web.open + self.media.open
    }

    fn of(&mut self, listener: Listener) -> &mut Traffic {
        match listener {
            Listener::Chat => &mut self.chat,
            Listener::Web => &mut self.web,
            Listener::Media => &mut self.media,
        }
    }
}

/// One listener's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections open now.
    pub open: u64,
    /// Connections accepted since the start.
    pub total: u64,
    /// Bytes read from sockets (the media host's: TLS records).
    pub bytes_in: u64,
    /// Bytes written to sockets.
    pub bytes_out: u64,
}

/// A decrypted `ClientPayload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadSeen {
    /// Its length in bytes.
    pub len: usize,
    /// Whether it is protobuf and has a user agent (field 5), as every real client's has.
    pub parsed: bool,
}

/// A PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxySeen {
    /// 1 or 2.
    pub version: u8,
    /// Source and destination; `None` for `UNKNOWN` and `LOCAL`.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
}

/// The request of a WebSocket upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeSeen {
    /// Path and query as they came, `/ws/chat?ED=…`.
    pub target: String,
    /// Headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl UpgradeSeen {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(found, _)| found == name)?;
        Some(value)
    }

    /// The query parameter of this name, still encoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// Which listener a connection came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    Chat,
    Web,
    Media,
}

/// Where connections record. Bytes are apart: they change too often to wake anybody.
pub(super) struct Recorder {
    seen: watch::Sender<Stats>,
    bytes: [ByteCount; 3],
}

#[derive(Default)]
pub(super) struct ByteCount {
    pub(super) read: AtomicU64,
    pub(super) written: AtomicU64,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self { seen: watch::Sender::new(Stats::default()), bytes: Default::default() }
    }

    /// Changes what was seen and wakes those who wait for it.
    pub(super) fn record(&self, change: impl FnOnce(&mut Stats)) {
        self.seen.send_modify(change);
    }

    pub(super) fn opened(&self, listener: Listener) {
        self.record(|stats| {
            let traffic = stats.of(listener);
            traffic.open += 1;
            traffic.total += 1;
        });
    }

    pub(super) fn closed(&self, listener: Listener) {
        self.record(|stats| stats.of(listener).open -= 1);
    }

    pub(super) fn bytes(&self, listener: Listener) -> &ByteCount {
        let [chat, web, media] = &self.bytes;
        match listener {
            Listener::Chat => chat,
            Listener::Web => web,
            Listener::Media => media,
        }
    }

    pub(super) fn snapshot(&self) -> Stats {
        let seen = self.seen.borrow().clone();
        self.with_bytes(seen)
    }

    /// Waits until `condition` holds of a snapshot.
    pub(super) async fn wait_until(&self, mut condition: impl FnMut(&Stats) -> bool) -> Stats {
        let mut changes = self.seen.subscribe();
        loop {
            let stats = self.with_bytes(changes.borrow_and_update().clone());
            if condition(&stats) {
                return stats;
            }
            // Fails only without a sender, which `self` is.
            let _ = changes.changed().await;
        }
    }

    fn with_bytes(&self, mut stats: Stats) -> Stats {
        for listener in [Listener::Chat, Listener::Web, Listener::Media] {
            let bytes = self.bytes(listener);
            let traffic = stats.of(listener);
            traffic.bytes_in = bytes.read.load(Ordering::Relaxed);
            traffic.bytes_out = bytes.written.load(Ordering::Relaxed);
        }
        stats
    }
}
