//! Decides from a stream's kind and first bytes where it may go: candidates to dial in order, or a refusal.
//!
//! Destinations are WhatsApp's, or what the operator put in their place; a client chooses among them by the name in its
//! own ClientHello and in no other way. It dials nothing: `dial` orders the attempts.

use alloc::{vec, vec::Vec};

use crate::{
    codes::Code,
    config::{Authority, Config},
    route::Kind,
    sniff::{self, Sniff},
};

/// Where a stream may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The first bytes do not tell yet; ask again with a prefix of at least `need` bytes.
    More {
        /// Length of the prefix, from its start.
        need: usize,
    },
    /// To the first of these that answers.
    Dial {
        /// In order of preference, at least one.
        candidates: Vec<Authority>,
        /// The stream begins with routing info of its own.
        routed: bool,
    },
    /// Nowhere.
    Refuse(Code),
}

/// Judges a stream by the `prefix` seen so far.
pub fn judge(config: &Config, kind: Kind, prefix: &[u8]) -> Verdict {
    match (kind, sniff::sniff(prefix)) {
        (_, Sniff::Incomplete { need }) => Verdict::More { need },
        (Kind::Chat, Sniff::WhatsApp { routed }) => Verdict::Dial { candidates: config.chat.clone(), routed },
        (Kind::Tls, Sniff::Tls { name }) => match tls_candidates(name.as_deref()) {
            None => Verdict::Refuse(Code::Destination),
            Some(sniffed) => {
                let candidates = config.tls.clone().map_or(sniffed, |upstream| vec![upstream]);
                Verdict::Dial { candidates, routed: false }
            }
        },
        (Kind::Chat, Sniff::Tls { .. }) | (Kind::Tls, Sniff::WhatsApp { .. }) => Verdict::Refuse(Code::Garbage),
        (_, Sniff::Proxy(_) | Sniff::Unknown) => Verdict::Refuse(Code::Garbage),
    }
}

/// Whether TLS may go to `name`, lower case and without a trailing dot.
#[must_use]
pub fn is_tls_host(name: &str) -> bool {
    tls_candidates(Some(name)).is_some()
}

/// Where TLS for `name` goes; `None` if the name is not WhatsApp's. Without a name it goes where the official proxy
/// sends all of it.
fn tls_candidates(name: Option<&str>) -> Option<Vec<Authority>> {
    let name = name.unwrap_or("whatsapp.net");
    let on = |ports: &[u16]| Some(ports.iter().map(|port| Authority::new(name, *port)).collect());
    match name {
        "web.whatsapp.com" => on(&[443, 5222]),
        "whatsapp.net" | "graph.whatsapp.com" | "static.whatsapp.com" => on(&[443]),
        _ if name.strip_suffix(".whatsapp.net").is_some_and(is_labels) => on(&[443]),
        _ => {
            let shard = name.strip_prefix("whatsapp-cdn-shv-")?.strip_suffix(".fbcdn.net")?;
            if is_labels(shard) && !shard.contains('.') { on(&[443]) } else { None }
        }
    }
}

fn is_labels(text: &str) -> bool {
    text.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    fn config(vars: &'static [(&str, &str)]) -> Config {
        Config::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())).unwrap()
    }

    fn dialled(name: Option<&str>) -> Option<Vec<String>> {
        tls_candidates(name).map(|list| list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_names_of_the_design_are_dialled_and_no_other() {
        assert_eq!(dialled(None), Some(vec!["whatsapp.net:443".into()]));
        assert!(is_tls_host("mmg.whatsapp.net") && !is_tls_host("whatsapp.com"));
        assert_eq!(dialled(Some("web.whatsapp.com")).unwrap(), ["web.whatsapp.com:443", "web.whatsapp.com:5222"]);
        for name in [
            "whatsapp.net",
            "mmg.whatsapp.net",
            "media-gru1-1.cdn.whatsapp.net",
            "graph.whatsapp.com",
            "static.whatsapp.com",
            "whatsapp-cdn-shv-01-ams4.fbcdn.net",
        ] {
            assert_eq!(dialled(Some(name)).unwrap(), [alloc::format!("{name}:443")]);
        }
        for name in [
            "whatsapp.com",
            "evilwhatsapp.net",
            ".whatsapp.net",
            "a..whatsapp.net",
            "whatsapp.net.evil.example",
            "www.whatsapp.com",
            "whatsapp-cdn-shv-.fbcdn.net",
            "whatsapp-cdn-shv-1.evil.fbcdn.net",
            "scontent.fbcdn.net",
            "127.0.0.1",
        ] {
            assert_eq!(dialled(Some(name)), None, "{name}");
        }
    }

    #[test]
    fn a_stream_of_the_other_kind_is_garbage() {
        let config = config(&[]);
        assert_eq!(judge(&config, Kind::Tls, b"WA\x06\x03"), Verdict::Refuse(Code::Garbage));
        assert_eq!(judge(&config, Kind::Chat, b"GET / HTTP/1.1"), Verdict::Refuse(Code::Garbage));
        assert_eq!(judge(&config, Kind::Chat, b"PROXY UNKNOWN\r\n"), Verdict::Refuse(Code::Garbage));
        assert_eq!(judge(&config, Kind::Chat, b"W"), Verdict::More { need: 2 });
    }

    #[test]
    fn chat_goes_to_the_operators_upstreams_in_order() {
        let config = config(&[("UPSTREAM_CHAT", "127.0.0.1:1 127.0.0.1:2")]);
        let Verdict::Dial { candidates, routed: true } = judge(&config, Kind::Chat, b"ED\x00\x01") else { panic!() };
        assert_eq!(candidates[1], Authority::new("127.0.0.1", 2));
    }
}
