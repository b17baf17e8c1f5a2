//! HTTP: what a relay decides by a request, what a client makes of an answer, and of frames, links, pictures, DNS and status lines.

use std::net::IpAddr;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use pasarela::{fuzzing, link::Link, picture::Grey};
use pasarela_core::{
    config::Config,
    route::Judgement,
    status::Own,
    tunnel::upgrade,
    web::{routing_info, routing_query},
};
use pasarela_guide::{self as pages, Asked};

use crate::pieces;

/// More than any head of ours has.
const HEADERS: usize = 64;

/// The key of the relay that is asked, and the name that the operator gave it.
const KEY: &str = "0123456789abcdefghijkl";
const OWNER: &str = "anna";

/// A request's head decides nothing without the key, and nothing in it is believed but of whom the operator trusts.
pub(crate) fn request(bytes: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    if !head.parse(bytes).is_ok_and(|parsed| parsed.is_complete()) {
        return false;
    }
    let mut map = HeaderMap::new();
    for header in head.headers.iter() {
        let parts = (HeaderName::from_bytes(header.name.as_bytes()), HeaderValue::from_bytes(header.value));
        let (Ok(name), Ok(value)) = parts else { return false };
        map.append(name, value);
    }
    let said = |name: &str| map.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = fuzzing::websocket_key(&map);
    assert!(key.is_none_or(|key| key.len() == 24));
    let (path, query) = head.path.unwrap_or_default().split_once('?').unwrap_or((head.path.unwrap_or_default(), ""));
    let keys = format!("{OWNER}={KEY}");
    let config = Config::from_vars(|name| (name == "RELAY_KEYS").then(|| keys.clone())).expect("they are right");
    let method = head.method.unwrap_or_default();
    let judged = config.judge(method, path, key.is_some());
    let asked = Asked { method, path, query, languages: said("accept-language"), agent: said("user-agent") };
    match judged {
        Judgement::Stranger => {
            let nothing = pages::stranger(config.site, Some(&config), &asked);
            let unknown = Asked { method: "GET", path: "/unknown", query: "", languages: "", agent: "" };
            assert_eq!(nothing, pages::stranger(config.site, Some(&config), &unknown));
        }
        Judgement::UpgradeRequired => assert!(path.contains(KEY) && key.is_none()),
        Judgement::Serve(found) => {
            assert!(path.contains(KEY) || path.contains(found.page));
            assert_eq!(found.owner, OWNER);
            let page = pages::guide(&config, &asked, found.page);
            assert!(page.is_none_or(|page| page.status == 200));
        }
    }
    // What goes on to WhatsApp is one query, without what could end it.
    let passed = routing_query(query);
    assert!(passed.is_empty() || query.contains(passed.trim_start_matches('?')), "{passed}");
    routing_info(query);
    // Who is no trusted peer speaks for nobody.
    let (stranger, trusted) = (IpAddr::from([192, 0, 2, 9]), IpAddr::from([10, 0, 0, 1]));
    assert_eq!(fuzzing::client(stranger, &map, "10.0.0.0/8"), stranger);
    let spoken_for = map.contains_key("x-forwarded-for");
    assert!(spoken_for || fuzzing::client(trusted, &map, "10.0.0.0/8") == trusted);
    upgrade::decode(said("sec-websocket-protocol")).is_ok()
}

/// What came behind an answer's head is kept, and the answer means the same however it comes.
pub(crate) fn answer(input: &[u8]) -> bool {
    let pieces = pieces::cut(input);
    let whole = pieces.concat();
    let read = fuzzing::answer(&pieces);
    assert_eq!(read.as_ref().map(drop), fuzzing::answer(&[&whole]).as_ref().map(drop));
    read.is_ok_and(|rest| whole.ends_with(&rest))
}

/// The longest message that the client of a test may send, in bytes.
const LONGEST: usize = 1000;

/// Messages are the same however their frames come, none is longer than it may be, and what is not whole is counted.
pub(crate) fn websocket(input: &[u8]) -> bool {
    let pieces = pieces::cut(input);
    let whole = pieces.concat();
    let taken = fuzzing::websocket(&pieces, LONGEST);
    assert!(taken.messages.iter().all(|length| *length <= LONGEST), "{taken:?}");
    // Whoever breaks the protocol in the middle of a read is heard a little less.
    let at_once = fuzzing::websocket(&[&whole], LONGEST);
    if taken.open && at_once.open {
        assert_eq!(taken, at_once);
    }
    // With its header.
    assert!(!taken.open || taken.kept <= (LONGEST + 14).min(whole.len()), "{taken:?}");
    taken.open && taken.kept == 0
}

/// What is read is written, and read the same; nothing of it can end a line of a request.
pub(crate) fn link(text: &str) -> bool {
    let Ok(link) = text.parse::<Link>() else { return false };
    let written = link.to_string();
    assert_eq!(written.parse().as_ref(), Ok(&link), "{written}");
    let targets = link.targets();
    assert!(!targets.is_empty());
    let parts = [link.path("/tunnel"), link.authority(), link.door(), link.verified().to_owned()];
    let hosts = targets.iter().map(|target| target.host.as_str());
    for part in parts.iter().map(String::as_str).chain(link.sni()).chain(hosts) {
        assert!(!part.is_empty() && !part.contains(|letter: char| letter.is_control() || letter == ' '), "{part:?}");
    }
    assert!(link.path("/tunnel").starts_with('/'));
    true
}

/// A file is opened or refused. What becomes of its pixels is a library's, which panics at some, and is caught.
pub(crate) fn picture(bytes: &[u8]) -> bool {
    Grey::read(bytes).expect("it is in memory").is_ok()
}

/// Only what was asked for is found in an answer.
pub(crate) fn dns(bytes: &[u8]) -> bool {
    let [v4, v6, https] = fuzzing::dns(bytes);
    assert_eq!((v4.is_some(), v6.is_some()), (v6.is_some(), https.is_some()));
    let (Some((v4, None)), Some((v6, None)), Some((none, ech))) = (v4, v6, https) else { return false };
    assert!(v4.iter().all(IpAddr::is_ipv4) && v6.iter().all(IpAddr::is_ipv6) && none.is_empty());
    if let Some([high, low, configs @ ..]) = ech.as_deref() {
        assert_eq!(usize::from(u16::from_be_bytes([*high, *low])), configs.len());
    }
    true
}

/// What one object tells another adds up, whatever it is.
pub(crate) fn status(text: &str) -> bool {
    let mut own = Own::default();
    for line in text.lines() {
        own.add(line);
    }
    let mut again = Own::default();
    again.add(&own.line());
    assert_eq!(own, again);
    own != Own::default()
}
