//! What is tried: ours in four kinds, and programs of others.

use clap::ValueEnum;
use pasarela_e2e::peers::{Hello, Peer};
use serde::{Deserialize, Serialize};

/// How WhatsApp is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// All that a link with `sibling=` and `ports=` lets be tried
    Ours,
    /// A link with nothing but the name and two addresses
    Bare,
    /// Such a link that forbids everything but the plain way
    Plain,
    /// A link that names another server in its hello, one that censors with lists of allowed names let through
    Allowed,
    /// The official proxy, its first address given: chat in TLS on port 443, media on port 587
    Haproxy,
    /// The same with the chat port 5222, where there is no TLS
    HaproxyRaw,
    /// websocat at both ends
    Websocat,
    /// rusty-penguin at both ends
    Penguin,
    /// shadowsocks' v2ray-plugin at both ends
    V2rayPlugin,
    /// chisel at both ends
    Chisel,
    /// wstunnel at both ends
    Wstunnel,
    /// Xray at both ends, VLESS in a WebSocket, with Chrome's hello
    Xray,
    /// The same with its hello cut into records
    XrayFragment,
}

/// What is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cargo {
    /// Chat, and files as chat carries them
    #[default]
    Chat,
    /// Media, in TLS that names WhatsApp's host
    Media,
}

impl Cargo {
    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Media => "media",
        }
    }
}

/// The program that is the official proxy.
const HAPROXY: &str = "haproxy";

impl System {
    /// As on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// It is one of ours.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Bare | Self::Plain | Self::Allowed)
    }

    /// It asks its system where the relay is, if nobody says.
    #[must_use]
    pub(crate) const fn asks(self) -> bool {
        !matches!(self, Self::Haproxy | Self::HaproxyRaw)
    }

    /// What its link says beside the name, the key and the addresses.
    #[must_use]
    pub(crate) fn parameters(self) -> &'static str {
        if self == Self::Ours {
            "&sibling=*.relay.example&ports=8443"
        } else if self == Self::Plain {
            "&ways=plain"
        } else if self == Self::Allowed {
            "&sni=allowed.example&verify=edge.relay.example"
        } else {
            ""
        }
    }

    /// The program of others that it needs, as `bench/peers.toml` calls it.
    #[must_use]
    pub const fn program(self) -> Option<&'static str> {
        match self.tunnel() {
            Some(peer) => Some(peer.name()),
            None if self.is_ours() => None,
            None => Some(HAPROXY),
        }
    }

    /// The tunnel of others.
    #[must_use]
    pub const fn tunnel(self) -> Option<Peer> {
        match self {
            Self::Ours | Self::Bare | Self::Plain | Self::Allowed | Self::Haproxy | Self::HaproxyRaw => None,
            Self::Websocat => Some(Peer::Websocat),
            Self::Penguin => Some(Peer::Penguin),
            Self::V2rayPlugin => Some(Peer::V2rayPlugin),
            Self::Chisel => Some(Peer::Chisel),
            Self::Wstunnel => Some(Peer::Wstunnel),
            Self::Xray => Some(Peer::Xray(Hello::Chrome)),
            Self::XrayFragment => Some(Peer::Xray(Hello::Fragmented)),
        }
    }
}
