//! The Worker's entry: one request to one route.
//!
//! Who may do what is decided by the core's `route`; the answers are made in the other files.

use std::cell::Cell;

use pasarela_core::{
    config::{Config, WebUpstream},
    dial::Candidate,
    limits,
    pipe::{Origin, Pipe},
    route::{Kind, Route},
};
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use crate::{
    gauges::Gauge,
    pages,
    pipe::{Driver, now},
    settings, status, stream, upgrade, web,
};

thread_local! {
    /// The chat candidate that won last: a plain value, the only thing connections share.
    static CHAT_WINNER: Cell<Option<usize>> = const { Cell::new(None) };
}

#[cfg(not(test))]
#[worker::event(fetch)]
async fn fetch(request: Request, env: worker::Env, context: worker::Context) -> worker::Result<Response> {
    answer(&request, &env.into(), |work| {
        context.wait_until(async { drop(wasm_bindgen_futures::JsFuture::from(work).await) });
    })
    .await
    .map_err(worker::Error::from)
}

/// Answers one request; `keep_alive` is given the work that outlives the response.
#[cfg_attr(test, expect(dead_code, reason = "there is no platform in unit tests"))]
async fn answer(
    request: &Request,
    env: &JsValue,
    keep_alive: impl FnOnce(js_sys::Promise),
) -> Result<Response, JsValue> {
    let url = request.url();
    let (path, query) = split(&url);
    let Ok(config) = settings::get(env) else {
        return pages::unknown(request, path, env, None).await;
    };
    let upgrade_asked = upgrade::is_asked(request);
    let route = config.route(path).filter(|_| matches!(request.method().as_str(), "GET" | "HEAD"));
    match route {
        None => pages::unknown(request, path, env, Some(config)).await,
        Some(route) if route.upgrades() && !upgrade_asked => pages::upgrade_required(),
        Some(Route::Guide) => pages::guide(Some(config)),
        Some(Route::Status) => status::answer(request, query, config).await,
        Some(Route::WsChat) if config.web == WebUpstream::Wss => web::relay(request, &edge_query(query), config).await,
        Some(Route::WsChat) => {
            let origin = Origin { routing_info: routing_info(query), ..origin(Kind::Chat, request) };
            relay(origin, Gauge::WsTcp, config, keep_alive)
        }
        Some(Route::Pipe(kind)) => relay(origin(kind, request), Gauge::Pipe, config, keep_alive),
    }
}

fn origin(kind: Kind, request: &Request) -> Origin {
    let client = request.headers().get("cf-connecting-ip").ok().flatten();
    let preferred = match kind {
        Kind::Chat => CHAT_WINNER.get().map(Candidate),
        Kind::Tls => None,
    };
    Origin { kind, routing_info: None, client: client.and_then(|ip| ip.parse().ok()), preferred }
}

/// Accepts the WebSocket and lets a stream of its own carry it.
fn relay(
    origin: Origin,
    gauge: Gauge,
    config: &'static Config,
    keep_alive: impl FnOnce(js_sys::Promise),
) -> Result<Response, JsValue> {
    let remember = match origin.kind {
        Kind::Chat => |Candidate(winner): Candidate| CHAT_WINNER.set(Some(winner)),
        Kind::Tls => |_: Candidate| {},
    };
    let (client, response) = upgrade::accept()?;
    let framed = gauge == Gauge::WsTcp;
    let pipe = Pipe::new(config, origin, framed, now());
    keep_alive(stream::start(|events| Driver::new(events, client, pipe, framed, (gauge.count(), remember))));
    Ok(response)
}

/// Path and query of an absolute URL, the query with its question mark.
fn split(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(after_scheme..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| after_scheme + at);
    let end = url.find('#').unwrap_or(url.len());
    let query = url.find('?').unwrap_or(end).min(end);
    (url.get(path..query).unwrap_or("/"), url.get(query..end).unwrap_or_default())
}

/// The `ED` parameter if it is base64url of a sensible length.
fn edge_parameter(query: &str) -> Option<&str> {
    let value = query.trim_start_matches('?').split('&').find_map(|part| part.strip_prefix("ED="))?;
    let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!value.is_empty() && value.len() <= 2 * limits::ROUTING_INFO && value.bytes().all(well_formed)).then_some(value)
}

/// The query that goes on to the upstream URL.
fn edge_query(query: &str) -> String {
    match edge_parameter(query).filter(|_| routing_info(query).is_some()) {
        Some(value) => format!("?ED={value}"),
        None => String::new(),
    }
}

/// The routing info that goes before the stream.
fn routing_info(query: &str) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(edge_parameter(query)?).ok().filter(|info| info.len() <= limits::ROUTING_INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn urls_are_split_into_path_and_query() {
        for (url, path, query) in [
            ("https://relay.example/K/ws/chat?ED=CAII", "/K/ws/chat", "?ED=CAII"),
            ("http://127.0.0.1:8787/", "/", ""),
            ("https://relay.example", "", ""),
            ("https://relay.example/a?b#c?d", "/a", "?b"),
        ] {
            assert_eq!(split(url), (path, query), "{url}");
        }
    }

    #[wasm_bindgen_test]
    fn routing_info_is_decoded_and_anything_odd_is_left_out() {
        assert_eq!(routing_info("?ED=CAIIBQgS"), Some(vec![8, 2, 8, 5, 8, 18]));
        assert_eq!(edge_query("?x=1&ED=CAIIBQgS"), "?ED=CAIIBQgS");
        for odd in ["", "?ED=", "?ED=a+b", "?ED=%41", &format!("?ED={}", "A".repeat(1400))] {
            assert_eq!((routing_info(odd), edge_query(odd).as_str()), (None, ""));
        }
    }
}
