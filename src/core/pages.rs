//! The answers that need no relaying, as plain data: the guide, "not found", and what a WebSocket's route says to a browser.
//!
//! `stranger` is the one answer to everything that is not there, whatever the reason: a prober who has no key, a wrong one
//! or a wrong path sees the same. It sends nothing, and the operator's own site is the adapter's.

use alloc::borrow::Cow;

use crate::config::{Access, Config, Site};

const GUIDE: &str = include_str!("../../www/index.html");
const NOT_FOUND: &str = include_str!("../../www/404.html");

/// In the guide's `<body>`: which of its parts apply.
const STATE: &str = "data-relay=\"ready\"";

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Headers that every answer of ours has.
const SECURITY: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
];

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its text.
    pub body: Cow<'static, str>,
    kind: &'static str,
    upgrade: bool,
}

impl Page {
    fn new(status: u16, kind: &'static str, body: Cow<'static, str>) -> Self {
        Self { status, body, kind, upgrade: false }
    }

    /// Its headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let upgrade = self.upgrade.then_some(("upgrade", "websocket"));
        core::iter::once(("content-type", self.kind)).chain(SECURITY).chain(upgrade)
    }
}

/// The answer to a request that is not a relay route under a right key, unless the operator's own site has one. Without a
/// configuration, one of the variables cannot be used.
pub fn stranger(config: Option<&Config>, method: &str, path: &str) -> Page {
    match config.map_or(Site::Guide, |config| config.site) {
        Site::Guide if path == "/" && matches!(method, "GET" | "HEAD") => guide(config),
        Site::Guide | Site::Own => Page::new(404, HTML, Cow::Borrowed(NOT_FOUND)),
    }
}

/// The guide, showing the parts that apply to this relay.
pub fn guide(config: Option<&Config>) -> Page {
    let state = match config.map(|config| &config.access) {
        None => "misconfigured",
        Some(Access::Closed) => "closed",
        Some(Access::Open | Access::Keys(_)) => "ready",
    };
    Page::new(200, HTML, Cow::Owned(GUIDE.replacen(STATE, &alloc::format!("data-relay=\"{state}\""), 1)))
}

/// The right route and key, but not a WebSocket: this much may be told to who has the key.
pub fn upgrade_required() -> Page {
    let text = Cow::Borrowed("This address is for WebSocket clients.\n");
    Page { upgrade: true, ..Page::new(426, TEXT, text) }
}

/// The right route and key, but no room: the client is to come again.
pub fn busy() -> Page {
    Page::new(503, TEXT, Cow::Borrowed("Busy; try again later.\n"))
}

/// A document of JSON.
pub fn json(document: alloc::string::String) -> Page {
    Page::new(200, "application/json", Cow::Owned(document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn config(vars: &'static [(&str, &str)]) -> Config {
        Config::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())).unwrap()
    }

    #[test]
    fn the_guide_shows_the_parts_that_apply() {
        let shown = |config: Option<&Config>| guide(config).body.contains("<body data-relay=\"ready\">");
        assert!(shown(Some(&config(&[("OPEN", "1")]))));
        assert!(!shown(Some(&config(&[]))));
        assert!(guide(None).body.contains("<body data-relay=\"misconfigured\">"));
    }

    #[test]
    fn a_stranger_sees_the_guide_at_the_root_and_nothing_elsewhere() {
        let guide_site = config(&[]);
        assert_eq!(stranger(Some(&guide_site), "HEAD", "/"), guide(Some(&guide_site)));
        assert_eq!(stranger(Some(&guide_site), "POST", "/").status, 404);
        assert_eq!(stranger(Some(&guide_site), "GET", "/tunnel").status, 404);
        assert_eq!(stranger(Some(&config(&[("SITE", "own")])), "GET", "/").status, 404);
        assert!(upgrade_required().headers().any(|header| header == ("upgrade", "websocket")));
        assert!(busy().headers().all(|(name, _)| name != "upgrade"));
    }
}
