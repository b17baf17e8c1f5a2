//! Which route of the relay a request means: `/KEY/…`, or `/…` on a relay that is open.
//!
//! It compares keys in constant time and answers nothing: whatever is not a route gets one and the same answer from the
//! adapter, so that a prober learns nothing.

use alloc::string::String;

use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::config::{Access, Config};

/// A route of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `GET K/ws/chat`: library clients.
    WsChat,
    /// `GET K/pipe/chat`, `K/pipe/tls`: binary messages to bytes.
    Pipe(Kind),
    /// `GET K/tunnel`: what the bridge speaks.
    Tunnel,
    /// `GET K/status.json`.
    Status,
    /// `GET K/`: the guide.
    Guide,
    /// `GET K/check.js`, `K/check.wasm`: what the guide loads on demand.
    Asset(Asset),
}

/// A file that the guide loads on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    /// The check's script.
    Script,
    /// What the script runs.
    Wasm,
}

impl Asset {
    /// The file at this path, which begins behind the key.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/check.js" => Some(Self::Script),
            "/check.wasm" => Some(Self::Wasm),
            _ => None,
        }
    }
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
    /// The route at this path, which begins behind the key.
    pub fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/ws/chat" => Self::WsChat,
            "/pipe/chat" => Self::Pipe(Kind::Chat),
            "/pipe/tls" => Self::Pipe(Kind::Tls),
            "/tunnel" => Self::Tunnel,
            "/status.json" => Self::Status,
            "/" => Self::Guide,
            path => Self::Asset(Asset::at(path)?),
        })
    }

    /// Whether it is the guide or a file of its.
    const fn is_page(self) -> bool {
        matches!(self, Self::Guide | Self::Asset(_))
    }

    /// Whether the route is a WebSocket's.
    pub const fn upgrades(self) -> bool {
        match self {
            Self::WsChat | Self::Pipe(_) | Self::Tunnel => true,
            Self::Status | Self::Guide | Self::Asset(_) => false,
        }
    }
}

/// A route, and by whose key it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// What was asked for.
    pub route: Route,
    /// The name that the operator gave the key; empty on a relay that is open.
    pub owner: &'a str,
    /// Under which name the guide is found without the key in its path; empty on a relay that is open.
    pub page: &'a str,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement<'a> {
    /// It is not a route under a right key; whatever it is, it gets one and the same answer.
    Stranger,
    /// It has the key of a WebSocket's route, and is not a WebSocket's.
    UpgradeRequired,
    /// The route is to be served.
    Serve(Found<'a>),
}

/// The route that `path` (without query) means, if the key in it is right.
pub fn find<'a>(access: &'a Access, path: &str) -> Option<Found<'a>> {
    let keys = match access {
        Access::Closed => return None,
        Access::Open => return Some(Found { route: Route::at(path)?, owner: "", page: "" }),
        Access::Keys(keys) => keys,
    };
    let (given, rest) = path.strip_prefix('/')?.split_once('/')?;
    let rest = path.get(path.len() - rest.len() - 1..)?;
    let by_key = equal_to(keys.iter().map(|key| &key.secret), given);
    let by_page = equal_to(keys.iter().map(|key| &key.page), given);
    let key = keys.get(by_key.or(by_page)?)?;
    let route = Route::at(rest).filter(|route| by_key.is_some() || route.is_page())?;
    Some(Found { route, owner: &key.name, page: &key.page })
}

/// Which key the given one is. The time depends on the number and the lengths of the keys, not on their contents nor on
/// which one is equal.
fn equal_to<'a>(keys: impl Iterator<Item = &'a String>, given: &str) -> Option<usize> {
    let found = (1u32..).zip(keys).fold(0, |found, (number, key)| {
        u32::conditional_select(&found, &number, key.as_bytes().ct_eq(given.as_bytes()))
    });
    usize::try_from(found).ok()?.checked_sub(1)
}

impl Config {
    /// The route that `path` means under this configuration.
    pub fn route(&self, path: &str) -> Option<Found<'_>> {
        find(&self.access, path)
    }

    /// What is to be done with a request, which does or does not ask for a WebSocket.
    pub fn judge(&self, method: &str, path: &str, websocket: bool) -> Judgement<'_> {
        match self.route(path).filter(|_| matches!(method, "GET" | "HEAD")) {
            None => Judgement::Stranger,
            Some(found) if found.route.upgrades() && !websocket => Judgement::UpgradeRequired,
            Some(found) => Judgement::Serve(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::page_name;

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
            ("/tunnel", Route::Tunnel),
            ("/status.json", Route::Status),
            ("/", Route::Guide),
            ("/check.js", Route::Asset(Asset::Script)),
            ("/check.wasm", Route::Asset(Asset::Wasm)),
        ] {
            let page = page_name(KEY);
            let found = Found { route, owner: "bo", page: &page };
            assert_eq!(find(&keys(), &alloc::format!("/{KEY}{path}")), Some(found));
            assert_eq!(find(&keys(), &alloc::format!("/{page}{path}")), Some(found).filter(|_| route.is_page()));
            assert_eq!(find(&Access::Open, path), Some(Found { route, owner: "", page: "" }));
            assert_eq!(find(&keys(), path), None);
            assert_eq!(find(&keys(), &alloc::format!("/0123456789abcdeF{path}")), None);
            assert_eq!(find(&Access::Closed, path), None);
        }
    }

    #[test]
    fn each_key_is_told_from_the_others() {
        let found = |key: &str| find(&keys(), &alloc::format!("/{key}/")).map(|found| found.owner.to_owned());
        assert_eq!(found("aaaaaaaaaaaaaaaaaaaa").as_deref(), Some("ana"));
        assert_eq!(found(KEY).as_deref(), Some("bo"));
        assert_eq!(found("aaaaaaaaaaaaaaaa"), None);
    }

    #[test]
    fn a_request_is_judged_by_its_method_and_upgrade_too() {
        let config = Config { access: keys(), ..Config::from_vars(|_| None).unwrap() };
        let judge = |method, path: &str, websocket| config.judge(method, &alloc::format!("/{KEY}{path}"), websocket);
        let page = page_name(KEY);
        let serve = |route| Judgement::Serve(Found { route, owner: "bo", page: &page });
        assert_eq!(judge("GET", "/tunnel", true), serve(Route::Tunnel));
        assert_eq!(judge("GET", "/tunnel", false), Judgement::UpgradeRequired);
        assert_eq!(judge("HEAD", "/tunnel", false), Judgement::UpgradeRequired);
        assert_eq!(judge("POST", "/tunnel", false), Judgement::Stranger);
        assert_eq!(judge("HEAD", "/status.json", false), serve(Route::Status));
        assert_eq!(judge("GET", "/", true), serve(Route::Guide));
        assert_eq!(judge("GET", "/nowhere", true), Judgement::Stranger);
    }

    #[test]
    fn near_misses_are_no_routes() {
        for rest in ["", "/ws/chat/", "//ws/chat", "/pipe", "/tunnelx", "/STATUS.json", "/check.js/"] {
            assert_eq!(find(&keys(), &alloc::format!("/{KEY}{rest}")), None, "{rest}");
        }
        assert_eq!(find(&keys(), KEY), None);
    }
}
