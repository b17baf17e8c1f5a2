//! Which route of the relay a request means: `/KEY/…`, or `/…` on a relay that is open.
//!
//! It compares keys in constant time and answers nothing: whatever is not a route gets one and the same answer from the
//! adapter, so that a prober learns nothing.

use alloc::vec::Vec;

use subtle::{Choice, ConstantTimeEq};

use crate::config::{Access, Config};

/// A route of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `GET K/ws/chat`: library clients.
    WsChat,
    /// `GET K/pipe/chat`, `K/pipe/tls`: binary messages to bytes.
    Pipe(Kind),
    /// `GET K/status.json`.
    Status,
    /// `GET K/`: the guide.
    Guide,
}

/// What a relayed stream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// WhatsApp's own protocol.
    Chat,
    /// TLS to one of WhatsApp's hosts.
    Tls,
}

impl Route {
    /// Whether the route is a WebSocket's.
    pub const fn upgrades(self) -> bool {
        match self {
            Self::WsChat | Self::Pipe(_) => true,
            Self::Status | Self::Guide => false,
        }
    }
}

/// The route that `path` (without query) means, if the key in it is right.
pub fn find(access: &Access, path: &str) -> Option<Route> {
    let rest = match access {
        Access::Closed => return None,
        Access::Open => path,
        Access::Keys(keys) => {
            let (key, rest) = path.strip_prefix('/')?.split_once('/')?;
            let secrets: Vec<_> = keys.iter().map(|key| key.secret.as_bytes()).collect();
            if !bool::from(any_equal(&secrets, key.as_bytes())) {
                return None;
            }
            path.get(path.len() - rest.len() - 1..)?
        }
    };
    match rest {
        "/ws/chat" => Some(Route::WsChat),
        "/pipe/chat" => Some(Route::Pipe(Kind::Chat)),
        "/pipe/tls" => Some(Route::Pipe(Kind::Tls)),
        "/status.json" => Some(Route::Status),
        "/" => Some(Route::Guide),
        _ => None,
    }
}

/// The time depends on the number and the lengths of the keys, not on their contents nor on which one is equal.
fn any_equal(secrets: &[&[u8]], given: &[u8]) -> Choice {
    secrets.iter().fold(Choice::from(0), |found, secret| found | secret.ct_eq(given))
}

impl Config {
    /// The route that `path` means under this configuration.
    pub fn route(&self, path: &str) -> Option<Route> {
        find(&self.access, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    fn keys() -> Access {
        let vars = |name: &str| (name == "RELAY_KEYS").then(|| "ana=aaaaaaaaaaaaaaaaaaaa bo=0123456789abcdef".into());
        Config::from_vars(vars).unwrap().access
    }

    #[test]
    fn every_route_is_found_behind_a_right_key_only() {
        for (path, route) in [
            ("/ws/chat", Route::WsChat),
            ("/pipe/chat", Route::Pipe(Kind::Chat)),
            ("/pipe/tls", Route::Pipe(Kind::Tls)),
            ("/status.json", Route::Status),
            ("/", Route::Guide),
        ] {
            assert_eq!(find(&keys(), &alloc::format!("/{KEY}{path}")), Some(route));
            assert_eq!(find(&Access::Open, path), Some(route));
            assert_eq!(find(&keys(), path), None);
            assert_eq!(find(&keys(), &alloc::format!("/0123456789abcdeF{path}")), None);
            assert_eq!(find(&Access::Closed, path), None);
        }
    }

    #[test]
    fn near_misses_are_no_routes() {
        for rest in ["", "/ws/chat/", "//ws/chat", "/pipe", "/tunnelx", "/STATUS.json"] {
            assert_eq!(find(&keys(), &alloc::format!("/{KEY}{rest}")), None, "{rest}");
        }
        assert_eq!(find(&keys(), KEY), None);
    }
}
