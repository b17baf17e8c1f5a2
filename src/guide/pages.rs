//! The answers that need no relaying: the guide with its files, "not found", and what a WebSocket's route says to a browser.
//!
//! `stranger` is the one answer to everything that is not there, whatever the reason: a prober who has no key, a wrong one
//! or a wrong path sees the same. It sends nothing, and the operator's own site is the adapter's.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use pasarela_core::config::{Access, Config, Site};
use pasarela_core::route::Asset;

use crate::language::Language;

/// What `build.rs` made.
mod made {
    include!(concat!(env!("OUT_DIR"), "/documents.rs"));
}

const NOT_FOUND: &str = include_str!("../../www/404.html");

/// In the guide's `<body>`: which of its parts apply.
const STATE: &str = "data-relay=\"ready\"";

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What every answer but the guide may do in a browser: nothing.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers that every answer has that is known to be ours.
const SECURITY: [(&str, &str); 3] =
    [("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff"), ("cache-control", "no-store")];

/// What of a request such an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// Its query.
    pub query: &'a str,
    /// Its `Accept-Language`.
    pub languages: &'a str,
}

impl Asked<'_> {
    /// The language of the answer.
    #[must_use]
    pub fn language(&self) -> &'static Language {
        Language::of(self.query, self.languages)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its bytes.
    pub body: Cow<'static, [u8]>,
    /// Whether these are compressed already (gzip).
    pub packed: bool,
    kind: &'static str,
    /// What it may do in a browser. None: it stands for another site, and has no header that tells it from others.
    policy: Option<&'static str>,
    upgrade: bool,
}

impl Page {
    fn new(status: u16, kind: &'static str, body: impl Into<Text>) -> Self {
        Self { status, body: body.into().0, packed: false, kind, policy: Some(NOTHING), upgrade: false }
    }

    /// Its headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let ours = self
            .policy
            .into_iter()
            .flat_map(|policy| SECURITY.into_iter().chain([("content-security-policy", policy)]));
        let packed = self.packed.then_some(("content-encoding", "gzip"));
        let upgrade = self.upgrade.then_some(("upgrade", "websocket"));
        core::iter::once(("content-type", self.kind)).chain(ours).chain(packed).chain(upgrade)
    }
}

/// A body, from whatever it is.
struct Text(Cow<'static, [u8]>);

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text.into_bytes()))
    }
}

/// The answer to a request that is not a relay route under a right key, unless the operator's own site has one. Without a
/// configuration, one of the variables cannot be used.
#[must_use]
pub fn stranger(config: Option<&Config>, asked: &Asked<'_>) -> Page {
    if config.is_some_and(|config| config.site == Site::Own) {
        return Page { policy: None, ..Page::new(404, TEXT, "Not found\n") };
    }
    let found = match asked.path {
        _ if !matches!(asked.method, "GET" | "HEAD") => None,
        "/" => Some(guide(config, asked.language())),
        path => Asset::at(path).and_then(asset),
    };
    found.unwrap_or_else(|| Page::new(404, HTML, NOT_FOUND))
}

/// The guide, showing the parts that apply to this relay.
#[must_use]
pub fn guide(config: Option<&Config>, language: &Language) -> Page {
    let state = match config.map(|config| &config.access) {
        None => "misconfigured",
        Some(Access::Closed) => "closed",
        Some(Access::Open | Access::Keys(_)) => "ready",
    };
    let open = config.is_some_and(|config| matches!(config.access, Access::Open));
    let own = config.is_some_and(|config| config.site == Site::Own);
    let state = format!(
        "data-relay=\"{state}\"{}{}",
        if open { " data-open" } else { "" },
        if own { " data-site=\"own\"" } else { "" }
    );
    let document = made::document(language.code).replacen(STATE, &state, 1);
    let document = document.replacen("{{@css}}", made::STYLE, 1).replacen("{{@js}}", made::CODE, 1);
    Page { policy: Some(made::POLICY), ..Page::new(200, HTML, document) }
}

/// A file that the guide loads on demand; nothing if the program was built without.
#[must_use]
pub fn asset(asset: Asset) -> Option<Page> {
    let (bytes, kind) = match asset {
        Asset::Script => (made::SCRIPT?, SCRIPT),
        Asset::Wasm => (made::WASM?, "application/wasm"),
    };
    Some(Page { body: Cow::Borrowed(bytes), packed: true, ..Page::new(200, kind, "") })
}

/// The right route and key, but not a WebSocket: this much may be told to who has the key.
#[must_use]
pub fn upgrade_required() -> Page {
    Page { upgrade: true, ..Page::new(426, TEXT, "This address is for WebSocket clients.\n") }
}

/// The right route and key, but no room: the client is to come again.
#[must_use]
pub fn busy() -> Page {
    Page::new(503, TEXT, "Busy; try again later.\n")
}

/// A document of JSON.
#[must_use]
pub fn json(document: String) -> Page {
    Page::new(200, "application/json", document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::LANGUAGES;

    fn config(vars: &'static [(&str, &str)]) -> Config {
        Config::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())).unwrap()
    }

    fn text(page: &Page) -> String {
        String::from_utf8(page.body.to_vec()).unwrap()
    }

    fn asked(method: &'static str, path: &'static str) -> Asked<'static> {
        Asked { method, path, query: "", languages: "" }
    }

    #[test]
    fn the_guide_shows_the_parts_that_apply() {
        let body = |config: Option<&Config>| {
            let page = text(&guide(config, &LANGUAGES[0]));
            page.split("<body ").nth(1).and_then(|rest| rest.split('>').next()).unwrap().to_owned()
        };
        let open = body(Some(&config(&[("OPEN", "1")])));
        assert!(open.starts_with("data-relay=\"ready\" data-open"), "{open}");
        assert!(body(Some(&config(&[]))).starts_with("data-relay=\"closed\""));
        assert!(body(None).starts_with("data-relay=\"misconfigured\""));
        let own = body(Some(&config(&[("SITE", "own"), ("RELAY_KEYS", "me=0123456789abcdef")])));
        assert!(own.starts_with("data-relay=\"ready\" data-site=\"own\""), "{own}");
    }

    #[test]
    fn a_stranger_sees_the_guide_at_the_root_and_nothing_elsewhere() {
        let guide_site = config(&[]);
        assert_eq!(stranger(Some(&guide_site), &asked("HEAD", "/")), guide(Some(&guide_site), &LANGUAGES[0]));
        assert_eq!(stranger(Some(&guide_site), &asked("POST", "/")).status, 404);
        assert_eq!(stranger(Some(&guide_site), &asked("GET", "/tunnel")).status, 404);
        let own = config(&[("SITE", "own")]);
        let nothing = stranger(Some(&own), &asked("GET", "/nothing"));
        for path in ["/", "/check.js", "/check.wasm"] {
            assert_eq!(stranger(Some(&own), &asked("GET", path)), nothing);
        }
        assert_eq!(
            nothing.headers().collect::<Vec<_>>(),
            [("content-type", TEXT)],
            "others have no headers as ours are"
        );
        assert!(upgrade_required().headers().any(|header| header == ("upgrade", "websocket")));
        assert!(busy().headers().all(|(name, _)| name != "upgrade"));
    }

    #[test]
    fn the_check_is_there_as_the_page_says() {
        let said = text(&guide(None, &LANGUAGES[0])).contains(" data-check=\"yes\"");
        for (path, kind) in [("/check.js", SCRIPT), ("/check.wasm", "application/wasm")] {
            let page = stranger(Some(&config(&[])), &asked("GET", path));
            assert_eq!(page.status, if said { 200 } else { 404 });
            if said {
                assert!(page.headers().any(|header| header == ("content-type", kind)));
                assert!(page.headers().any(|header| header == ("content-encoding", "gzip")));
                assert!(page.packed && page.body.starts_with(&[0x1f, 0x8b]));
            }
        }
    }

    #[test]
    fn every_language_has_a_page_of_its_own_that_is_small_and_whole() {
        for language in &LANGUAGES {
            let page = text(&guide(None, language));
            let html = format!("<html lang=\"{}\" dir=\"{}\"", language.code, language.direction);
            assert!(page.contains(&html), "{}", language.code);
            assert!(page.len() < 60_000, "{} has {} bytes", language.code, page.len());
            assert!(!page.contains("{{"), "{} has a hole", language.code);
            assert!(page.contains("<body data-relay=\"misconfigured\""), "{}", language.code);
        }
    }

    #[test]
    fn every_word_of_the_check_has_its_place() {
        let page = text(&guide(None, &LANGUAGES[0]));
        let codes = "offline key websocket busy upstream silent garbled forged clock expired browser internal";
        for code in codes.split(' ') {
            assert!(page.contains(&format!("data-code=\"{code}\"")), "{code}");
        }
        for stage in ["relay", "connect", "hello", "proof", "library"] {
            assert!(page.contains(&format!("<li data-stage=\"{stage}\"")), "{stage}");
        }
    }

    #[test]
    fn the_page_names_no_other_host_to_load_from() {
        for language in &LANGUAGES {
            let page = text(&guide(None, language));
            for mark in ["src=\"", "@import", "url(h", "<link rel=\"stylesheet", "style=\""] {
                assert!(!page.contains(mark), "{}: {mark}", language.code);
            }
        }
    }
}
