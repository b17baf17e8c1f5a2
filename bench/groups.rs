//! Who is compared with whom: groups of contenders that do the same for the same clients.
//!
//! What is measured of them is `subjects`' part.

use std::net::SocketAddr;

use pasarela_e2e::workerd::{Options, Sessions};

use super::{
    conn::Target,
    media::Media,
    programs::{
        Layer::{Plain, Tls},
        Way,
    },
    systems::{Contender, Door, PASARELA, PASARELA_TLS, Start},
    table::Area,
    turns::{Bench, Field},
};

pub(super) const DIRECT: &str = "direct";
pub(super) const TUNED: &str = "tuned";
pub(super) const NAIVE: &str = "naive";
pub(super) const NAIVE_RUST: &str = "naive-rust";
pub(super) const FLOOR: &str = "floor";
pub(super) const HAPROXY: &str = "haproxy";
pub(super) const NGINX: &str = "nginx";
pub(super) const PENGUIN: &str = "penguin";
pub(super) const WEBSOCAT: &str = "websocat";
pub(super) const V2RAY_PLUGIN: &str = "v2ray-plugin";
pub(super) const CHISEL: &str = "chisel";
pub(super) const XRAY: &str = "xray";
pub(super) const WSTUNNEL: &str = "wstunnel";

/// Contenders of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Pipe,
    Tunnel,
    Chat,
    Raw,
    Socket,
    Pair,
}

/// What is carried.
#[derive(Clone, Copy)]
pub(super) enum Cargo<'a> {
    /// As chat is.
    Chat,
    /// As media are: much at once, behind a hello. Only a bridge tells it from chat and gives it a larger window.
    Media(&'a Media),
}

impl Group {
    pub(super) const ALL: [Self; 6] = [Self::Pipe, Self::Tunnel, Self::Chat, Self::Raw, Self::Socket, Self::Pair];

    pub(super) fn area(self) -> Area {
        match self {
            Self::Pipe | Self::Tunnel | Self::Chat => Area::Edge,
            Self::Raw | Self::Socket | Self::Pair => Area::Native,
        }
    }

    /// As the report calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pipe => "edge /pipe",
            Self::Tunnel => "edge /tunnel",
            Self::Chat => "edge /ws/chat",
            Self::Raw => "raw port",
            Self::Socket => "WebSocket",
            Self::Pair => "pair",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Pipe => "a WebSocket to TCP in workerd, beside Workers in JavaScript and in Rust that do the same",
            Self::Tunnel => "the tunnel in workerd, in a Durable Object and without one, beside `/pipe`",
            Self::Chat => "WhatsApp Web's chat in workerd: coupled by the runtime, or framed by the Worker over TCP",
            Self::Raw => {
                "TCP to TCP: `serve`'s port for phones beside the official proxy; direct is the limit of speed"
            }
            Self::Socket => "a WebSocket to TCP: `/pipe` of `serve`, with and without TLS",
            Self::Pair => {
                "TCP to TCP through a WebSocket, CPU and memory of both ends; penguin, chisel and v2ray-plugin share connections"
            }
        }
    }

    /// Whom the others are compared with.
    pub(super) fn baseline(self) -> &'static str {
        match self {
            Self::Pipe => TUNED,
            Self::Tunnel => "pipe",
            Self::Chat => "wss",
            Self::Raw => HAPROXY,
            Self::Socket => WEBSOCAT,
            Self::Pair => PENGUIN,
        }
    }

    /// Those of the group.
    pub(super) fn contenders(self, bench: &Bench, cargo: Cargo<'_>) -> Vec<Contender> {
        match self {
            Self::Pipe => pipes(bench),
            Self::Tunnel => tunnels(bench),
            Self::Chat => chats(bench),
            Self::Raw => {
                let chat = bench.sim.chat();
                let direct = Contender { name: DIRECT, start: Start::Direct(chat) };
                natives(chat, &RAW).into_iter().chain([direct]).collect()
            }
            Self::Socket => natives(bench.sim.chat(), &SOCKET),
            Self::Pair => natives(cargo.upstream(bench), &PAIR),
        }
    }

    /// Contenders in their group.
    pub(super) fn field(self, contenders: &[Contender]) -> Field<'_> {
        Field { group: self.name(), baseline: self.baseline(), contenders }
    }
}

const RAW: [(&str, Way); 6] = [
    (PASARELA, Way::Raw(Plain)),
    (HAPROXY, Way::Haproxy(Plain)),
    (NGINX, Way::Nginx(Plain)),
    (PASARELA_TLS, Way::Raw(Tls)),
    ("haproxy, TLS", Way::Haproxy(Tls)),
    ("nginx, TLS", Way::Nginx(Tls)),
];

const SOCKET: [(&str, Way); 3] =
    [(PASARELA, Way::Relay(Plain)), (WEBSOCAT, Way::WebsocatRelay), (PASARELA_TLS, Way::Relay(Tls))];

const PAIR: [(&str, Way); 13] = [
    (PASARELA, Way::Pair(Plain)),
    (PENGUIN, Way::Penguin(Plain)),
    (WEBSOCAT, Way::Websocat),
    (V2RAY_PLUGIN, Way::V2rayPlugin(Plain)),
    (CHISEL, Way::Chisel(Plain)),
    (XRAY, Way::Xray(Plain)),
    (WSTUNNEL, Way::Wstunnel(Plain)),
    (PASARELA_TLS, Way::Pair(Tls)),
    ("penguin, TLS", Way::Penguin(Tls)),
    ("v2ray-plugin, TLS", Way::V2rayPlugin(Tls)),
    ("chisel, TLS", Way::Chisel(Tls)),
    ("xray, TLS", Way::Xray(Tls)),
    ("wstunnel, TLS", Way::Wstunnel(Tls)),
];

impl Cargo<'_> {
    /// What it is sent to.
    fn upstream(self, bench: &Bench) -> SocketAddr {
        match self {
            Self::Chat => bench.sim.chat(),
            Self::Media(media) => media.upstream(),
        }
    }

    /// What a client of such a target says.
    pub(super) fn target(self, target: &Target) -> Target {
        match (self, target) {
            (Self::Media(media), Target::Tcp(to, _)) => Target::Tcp(*to, media.hello()),
            (Self::Chat | Self::Media(_), target) => target.clone(),
        }
    }
}

fn natives(upstream: SocketAddr, ways: &[(&'static str, Way)]) -> Vec<Contender> {
    ways.iter().map(|(name, way)| Contender { name, start: Start::Native(*way, upstream) }).collect()
}

fn pipes(bench: &Bench) -> Vec<Contender> {
    let options = || Options::towards(&bench.sim);
    let socket = Door::Socket("/pipe/chat");
    let worker = |name, options, door| Contender { name, start: Start::Worker(options, door) };
    vec![
        worker(PASARELA, options(), socket),
        worker(TUNED, options().script("bench/workers/tuned.mjs"), socket),
        worker(NAIVE, options().script("bench/workers/naive.mjs"), socket),
        worker(NAIVE_RUST, options().built("target/bench/naive-rust"), socket),
        worker(FLOOR, options().script("bench/workers/floor.mjs"), Door::Http),
    ]
}

fn tunnels(bench: &Bench) -> Vec<Contender> {
    let worker = |name, sessions, door| {
        let options = Options::towards(&bench.sim).sessions(sessions);
        Contender { name, start: Start::Worker(options, door) }
    };
    vec![
        worker("object", Sessions::Bound, Door::Tunnel),
        worker("tunnel", Sessions::Absent, Door::Tunnel),
        worker("pipe", Sessions::Absent, Door::Socket("/pipe/chat")),
    ]
}

fn chats(bench: &Bench) -> Vec<Contender> {
    let mode = |name| {
        let options = Options::towards(&bench.sim).var("WEB_UPSTREAM", name);
        Contender { name, start: Start::Worker(options, Door::Socket("/ws/chat")) }
    };
    vec![mode("wss"), mode("tcp")]
}
