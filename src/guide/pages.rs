//! The answers that need no relaying: the guide with its files, "not found", and what a WebSocket's route says to a browser.
//!
//! `stranger` is the one answer to everything that is not there, whatever the reason: a prober who has no key, a wrong one
//! or a wrong path sees the same. By default that is a bare 404, which many servers give and which names nobody. It sends
//! nothing, and the operator's own site is the adapter's.

use alloc::{borrow::Cow, format, string::String};

use pasarela_core::{
    config::{Access, Config, Site},
    route::Asset,
};

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
    /// Its `User-Agent`.
    pub agent: &'a str,
}

/// Programs that look at links which people send each other, so that a picture of the page stands below; as their
/// `User-Agent` says, in small letters. A link in a chat must not show them what it leads to.
const PREVIEWS: [&str; 24] = [
    "bot/",
    "bot;",
    "bot)",
    "applebot",
    "cardyb",
    "crawler",
    "discordbot",
    "embedly",
    "facebookexternalhit",
    "facebot",
    "googlebot",
    "iframely",
    "kakaotalk-scrap",
    "linkedinbot",
    "mastodon",
    "preview",
    "slackbot",
    "spider",
    "synapse",
    "telegrambot",
    "twitterbot",
    "viber",
    "vkshare",
    "whatsapp/",
];

impl Asked<'_> {
    fn language(&self) -> &'static Language {
        Language::of(self.query, self.languages)
    }

    fn is_preview(&self) -> bool {
        // These are phones.
        let agent = self.agent.to_ascii_lowercase().replace("cubot", "");
        agent == "bot" || agent.ends_with(" bot") || PREVIEWS.iter().any(|known| agent.contains(known))
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
    /// Its kind, unless it has no body.
    kind: Option<&'static str>,
    /// What it may do in a browser. None: it has no header that tells it from others' answers.
    policy: Option<&'static str>,
    upgrade: bool,
}

impl Page {
    fn new(status: u16, kind: &'static str, body: impl Into<Text>) -> Self {
        Self { status, body: body.into().0, packed: false, kind: Some(kind), policy: Some(NOTHING), upgrade: false }
    }

    /// Nothing but the status. Cloudflare's own answer for a missing file is the same, and a bare axum server's.
    fn nothing() -> Self {
        Self { kind: None, policy: None, ..Self::new(404, TEXT, "") }
    }

    /// Its headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let ours = self
            .policy
            .into_iter()
            .flat_map(|policy| SECURITY.into_iter().chain([("content-security-policy", policy)]));
        let packed = self.packed.then_some(("content-encoding", "gzip"));
        let upgrade = [("upgrade", "websocket"), ("sec-websocket-version", "13")].into_iter().filter(|_| self.upgrade);
        let kind = self.kind.map(|kind| ("content-type", kind));
        kind.into_iter().chain(ours).chain(packed).chain(upgrade)
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
pub fn stranger(site: Site, config: Option<&Config>, asked: &Asked<'_>) -> Page {
    if site != Site::Guide {
        return Page::nothing();
    }
    let found = match asked.path {
        _ if !matches!(asked.method, "GET" | "HEAD") => None,
        "/" => Some(document(config, asked, "")),
        path => Asset::at(path).and_then(asset),
    };
    found.unwrap_or_else(|| Page::new(404, HTML, NOT_FOUND))
}

/// The guide for whoever has the key, showing the parts that apply to this relay; nothing for who only makes a picture of it
/// for a chat, who is a stranger. `page` is the name under which it is found without the key in the path.
#[must_use]
pub fn guide(config: &Config, asked: &Asked<'_>, page: &str) -> Option<Page> {
    (!asked.is_preview()).then(|| document(Some(config), asked, page))
}

fn document(config: Option<&Config>, asked: &Asked<'_>, page: &str) -> Page {
    let state = match config.map(|config| &config.access) {
        None => "misconfigured",
        Some(Access::Closed) => "closed",
        Some(Access::Open | Access::Keys(_)) => "ready",
    };
    let open = config.is_some_and(|config| matches!(config.access, Access::Open));
    let hidden = config.is_some_and(|config| config.site != Site::Guide);
    let open = if open { " data-open" } else { "" };
    let hidden = if hidden { format!(" data-hidden=\"{page}\"") } else { String::new() };
    let state = format!("data-relay=\"{state}\"{open}{hidden}");
    let document = made::document(asked.language().code).replacen(STATE, &state, 1);
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
        Asked { method, path, query: "", languages: "", agent: "" }
    }

    /// The guide in a language, of a relay that is open or as these variables say.
    fn guide_in(language: &'static str, vars: &'static [(&str, &str)]) -> Page {
        guide(&config(vars), &Asked { languages: language, ..asked("GET", "/") }, "name").unwrap()
    }

    #[test]
    fn the_guide_shows_the_parts_that_apply() {
        let body = |page: Page| {
            let page = text(&page);
            page.split("<body ").nth(1).and_then(|rest| rest.split('>').next()).unwrap().to_owned()
        };
        let open = body(guide_in("", &[("OPEN", "1")]));
        assert!(open.starts_with("data-relay=\"ready\" data-open"), "{open}");
        assert!(body(guide_in("", &[])).starts_with("data-relay=\"closed\""));
        let broken = stranger(Site::Guide, None, &asked("GET", "/"));
        assert!(body(broken).starts_with("data-relay=\"misconfigured\""));
        let hidden = body(guide_in("", &[("RELAY_KEYS", "me=0123456789abcdef")]));
        assert!(hidden.starts_with("data-relay=\"ready\" data-hidden=\"name\""), "{hidden}");
    }

    #[test]
    fn a_stranger_sees_nothing_or_the_guide_at_the_root_alone() {
        let closed = config(&[]);
        let page = |method, path| stranger(closed.site, Some(&closed), &asked(method, path));
        assert_eq!(Some(page("HEAD", "/")), guide(&closed, &asked("GET", "/"), ""));
        assert_eq!((page("POST", "/").status, page("GET", "/tunnel").status), (404, 404));
        let keys = config(&[("RELAY_KEYS", "me=0123456789abcdef")]);
        for site in [Site::Nothing, Site::Own] {
            for path in ["/", "/check.js", "/check.wasm", "/nothing"] {
                let nothing = stranger(site, Some(&keys), &asked("GET", path));
                assert_eq!((nothing.status, &*nothing.body, nothing.headers().count()), (404, &[][..], 0));
            }
        }
        assert!(upgrade_required().headers().any(|header| header == ("upgrade", "websocket")));
        assert!(busy().headers().all(|(name, _)| name != "upgrade"));
    }

    #[test]
    fn a_link_in_a_chat_shows_nothing_of_what_it_leads_to() {
        let keys = config(&[("RELAY_KEYS", "me=0123456789abcdef")]);
        let shown_to = |agent| guide(&keys, &Asked { agent, ..asked("GET", "/0123456789abcdef/") }, "").is_some();
        for agent in [
            "WhatsApp/2.24.1 A",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "SkypeUriPreview Preview/0.5",
            "Mozilla/5.0 (compatible; SomeBot/1.0)",
            "Mozilla/5.0 (compatible; SomeBot; +https://bot.example)",
            "Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
            "Mozilla/5.0 (compatible; SomeBot)",
            "Some link bot",
            "bot",
            "Mozilla/5.0 (compatible; Baiduspider-render/2.0)",
            "some-crawler 1.2",
            "Iframely/1.3.1 (+https://iframely.com/docs/about)",
            "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)",
            "Synapse (bot; +https://github.com/matrix-org/synapse)",
            "Mastodon/4.3.1 (http.rb/5.2.0; +https://mastodon.example/) Bot",
            "http.rb/5.1.1 (Mastodon/4.2.0; +https://mastodon.example/)",
        ] {
            assert!(!shown_to(agent), "{agent}");
        }
        for agent in [
            "",
            "Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 9; CUBOT) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 OPR/116.0.0.0",
            "curl/8.5.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Mobile Safari/604.1",
        ] {
            assert!(shown_to(agent), "{agent}");
        }
    }

    #[test]
    fn a_browsers_history_and_tabs_name_nobody() {
        for language in &LANGUAGES {
            let page = text(&guide_in(language.code, &[]));
            let title = page.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap();
            assert!(!title.is_empty() && !title.contains("WhatsApp") && !title.contains("Pasarela"), "{title}");
            assert!(page.contains("<meta name=\"robots\" content=\"noindex") && !page.contains("name=\"description"));
        }
    }

    #[test]
    fn the_check_is_there_as_the_page_says() {
        let said = text(&guide_in("", &[])).contains(" data-check=\"yes\"");
        for (path, kind) in [("/check.js", SCRIPT), ("/check.wasm", "application/wasm")] {
            let page = stranger(Site::Guide, Some(&config(&[])), &asked("GET", path));
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
        /// How long the name is under which a key's page is found.
        const PAGE_NAME: usize = 32;
        for language in &LANGUAGES {
            let page = text(&guide_in(language.code, &[]));
            let html = format!("<html lang=\"{}\" dir=\"{}\"", language.code, language.direction);
            assert!(page.contains(&html), "{}", language.code);
            let with_key = text(&guide_in(language.code, &[("RELAY_KEYS", "me=0123456789abcdef")]));
            for size in [page.len(), with_key.len() + PAGE_NAME] {
                assert!(size < 61_000, "{} has {size} bytes", language.code);
            }
            assert!(!page.contains("{{"), "{} has a hole", language.code);
            assert!(page.contains("<body data-relay=\"closed\""), "{}", language.code);
        }
    }

    #[test]
    fn every_word_of_the_check_has_its_place() {
        let page = text(&guide_in("", &[]));
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
            let page = text(&guide_in(language.code, &[]));
            for mark in ["src=\"", "@import", "url(h", "<link rel=\"stylesheet", "style=\""] {
                assert!(!page.contains(mark), "{}: {mark}", language.code);
            }
        }
    }
}
