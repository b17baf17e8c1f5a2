//! A relay between the simulator and the tunnel's client, for the tests of both ends.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use pasarela::{
    serve::Relay,
    tunnel::{Handle, Kind, Options, Status, Timing, Tunnel, TunnelStream},
};
use pasarela_core::config::Config;
use pasarela_noise::wire;
use pasarela_sim::Sim;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket},
};

use crate::{LIMIT, start, within};

pub(crate) const KEY: &str = "a-key-of-the-tests";

/// Quick enough for tests to see several attempts.
pub(crate) const TIMING: Timing = Timing {
    ping: Duration::from_secs(30),
    quiet: Duration::from_millis(300),
    pong: Duration::from_secs(1),
    attempt: Duration::from_secs(5),
    backoff: (Duration::from_millis(10), Duration::from_millis(100)),
    give_up: Duration::from_secs(20),
};

/// A simulator with a relay before it.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) relay: Relay,
}

impl World {
    pub(crate) async fn start() -> Self {
        let sim = start().await;
        let relay = relay(sim.chat()).await;
        Self { sim, relay }
    }

    pub(crate) fn options(&self) -> Options {
        options(self.relay.address())
    }

    /// A tunnel that has asked for a measuring mode.
    pub(crate) async fn open(&self, command: &str) -> TunnelStream {
        ask(Tunnel::new(self.options()).open(), command).await
    }
}

/// A relay whose chat upstream is this one.
pub(crate) async fn relay(chat: SocketAddr) -> Relay {
    let vars = |name: &str| match name {
        "RELAY_KEYS" => Some(format!("tests={KEY} others=another-key-of-tests")),
        "UPSTREAM_CHAT" => Some(chat.to_string()),
        _ => None,
    };
    let config = Config::from_vars(vars).expect("usable");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    Relay::start(listener, config).expect("bound")
}

/// An address that refuses connections for as long as this lives: bound, but nobody listens.
pub(crate) struct Nobody(TcpSocket);

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }
}

/// A tunnel through the relay at this address.
pub(crate) fn options(relay: SocketAddr) -> Options {
    let url = format!("ws://{relay}/{KEY}/tunnel");
    Options { timing: TIMING, ..Options::new(&url, Kind::Chat).expect("usable") }
}

/// WhatsApp's header and a frame that asks for a measuring mode.
pub(crate) fn command(command: &str) -> Vec<u8> {
    let mut bytes = wire::HEADER.to_vec();
    wire::encode_frame(command.as_bytes(), &mut bytes).expect("short");
    bytes
}

/// Asks for a measuring mode.
pub(crate) async fn ask(mut stream: TunnelStream, mode: &str) -> TunnelStream {
    within(stream.write_all(&command(mode))).await.expect("a stream");
    stream
}

/// Waits until a tunnel stands so.
pub(crate) async fn until(handle: &Handle, condition: impl FnMut(&Status) -> bool) -> Status {
    let mut watch = handle.watch();
    let waited = tokio::time::timeout(LIMIT, watch.wait_for(condition)).await;
    *waited.unwrap_or_else(|_| panic!("not within the limit: {:?}", handle.status())).expect("the tunnel is not over")
}

/// Waits until a relay has nothing left.
pub(crate) async fn assert_relay_empty(relay: &Relay) {
    let mut watch = relay.watch();
    let waited = tokio::time::timeout(LIMIT, watch.wait_for(|gauges| gauges.tunnels == 0)).await;
    assert!(waited.is_ok(), "not within the limit: {:?}", relay.gauges());
    assert_eq!((relay.gauges().detached, relay.held()), (0, 0));
}
