//! `status.json`: what this relay is, what it carries, and on request whether its upstreams answer.
//!
//! It tells nothing about any user. The probe dials one candidate of each upstream, at most once a minute an isolate.

use std::cell::Cell;

use js_sys::{Promise, Reflect};
use pasarela_core::{
    config::{Authority, Config, WebUpstream},
    limits,
    time::Instant,
};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use crate::{
    alarm::now,
    gauges, pages,
    platform::{self, ServerSocket},
    sessions, web,
};

#[derive(Serialize)]
struct Status {
    version: &'static str,
    relay: &'static str,
    colo: Option<String>,
    web_upstream: &'static str,
    features: &'static [&'static str],
    gauges: gauges::Snapshot,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstreams: Option<Reachable>,
}

/// Whether one candidate of each upstream answered.
#[derive(Clone, Copy, Serialize)]
struct Reachable {
    chat: bool,
    web: bool,
    tls: bool,
}

/// What this relay can do; the last only with its Durable Objects.
const FEATURES: [&str; 5] = ["ws/chat", "pipe/chat", "pipe/tls", "tunnel", "sessions"];

thread_local! {
    /// When the last probe began or ended, and what it found, if it has ended.
    static PROBED: Cell<Option<(Instant, Option<Reachable>)>> = const { Cell::new(None) };
}

pub(crate) async fn answer(
    request: &Request,
    (path, query): (&str, &str),
    config: &Config,
    env: &JsValue,
) -> Result<Response, JsValue> {
    let mut gauges = gauges::snapshot();
    gauges.tunnel += sessions::count(request, path, config, env).await;
    let wants_probe = query.trim_start_matches('?').split('&').any(|part| part == "probe=1");
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        relay: "edge",
        colo: colo(request),
        web_upstream: match config.web {
            WebUpstream::Wss => "wss",
            WebUpstream::Tcp => "tcp",
        },
        features: if sessions::are_kept(env) { &FEATURES } else { FEATURES.split_last().map_or(&[], |(_, rest)| rest) },
        gauges,
        upstreams: if wants_probe { reachable(request, config).await } else { None },
    };
    let body = serde_json::to_string(&status).map_err(|error| JsValue::from(error.to_string()))?;
    pages::answer(200, "application/json", &body)
}

/// The airport code of the place where the platform runs this.
fn colo(request: &Request) -> Option<String> {
    let cf = Reflect::get(request, &"cf".into()).ok().filter(JsValue::is_object)?;
    Reflect::get(&cf, &"colo".into()).ok()?.as_string()
}

/// What the last probe found; whoever asks while one runs starts no other, and is told nothing.
async fn reachable(request: &Request, config: &Config) -> Option<Reachable> {
    if let Some((_, found)) = PROBED.get().filter(|(at, _)| now().since(*at) < limits::PROBE_CACHE) {
        return found;
    }
    PROBED.set(Some((now(), None)));
    let tls = config.tls.clone().unwrap_or_else(|| Authority::new("whatsapp.net", 443));
    let found = Some(Reachable {
        chat: match config.chat.first() {
            Some(chat) => accepts(chat).await,
            None => false,
        },
        web: match config.web_urls.first() {
            Some(url) => upgrades(url, request).await,
            None => false,
        },
        tls: accepts(&tls).await,
    });
    PROBED.set(Some((now(), found)));
    found
}

async fn accepts(to: &Authority) -> bool {
    let Ok(socket) = platform::open_socket(&to.to_string()) else { return false };
    platform::ignore(socket.closed());
    let mut timer = JsValue::UNDEFINED;
    let timeout = Promise::new(&mut |_, reject| {
        timer = platform::set_timeout(&reject, limits::DIAL_TOTAL.as_millis() as f64);
    });
    let race = Promise::race(&js_sys::Array::of2(&socket.opened(), &timeout));
    let opened = JsFuture::from(race).await.is_ok();
    platform::clear_timeout(&timer);
    if let Ok(closed) = socket.close() {
        platform::ignore(closed);
    }
    opened
}

async fn upgrades(url: &str, request: &Request) -> bool {
    let Some(response) = web::dial(url, request).await else { return false };
    let socket = Reflect::get(&response, &"webSocket".into()).ok().filter(JsValue::is_object);
    let Some(socket) = socket.map(JsValue::unchecked_into::<ServerSocket>) else { return false };
    socket.accept().is_ok() && socket.close(1000, "").is_ok()
}
