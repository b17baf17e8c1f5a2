//! The guide and the answer to everything that is not a relay route.
//!
//! `unknown` is the one place that answers what is not there, whatever the reason: a prober who has no key, a wrong one or
//! a wrong path sees the same.

use js_sys::{Function, Promise, Reflect};
use pasarela_core::config::{Access, Config, Site};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, Response, ResponseInit};

const GUIDE: &str = include_str!("../../www/index.html");
const NOT_FOUND: &str = include_str!("../../www/404.html");

/// In the guide's `<body>`: which of its parts apply.
const STATE: &str = "data-relay=\"ready\"";

const HTML: &str = "text/html; charset=utf-8";
const SECURITY: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
];

/// The answer to a request that is not a relay route under a right key.
pub(crate) async fn unknown(
    request: &Request,
    path: &str,
    env: &JsValue,
    config: Option<&Config>,
) -> Result<Response, JsValue> {
    let site = config.map_or(Site::Guide, |config| config.site);
    // A variable that cannot be used must not show that the operator's site hides a relay.
    if (config.is_none() || site == Site::Own)
        && let Some(response) = assets(request, env).await
    {
        return Ok(response);
    }
    match site {
        Site::Guide if path == "/" && matches!(request.method().as_str(), "GET" | "HEAD") => guide(config),
        Site::Guide | Site::Own => not_found(),
    }
}

/// The guide, showing the parts that apply to this relay.
pub(crate) fn guide(config: Option<&Config>) -> Result<Response, JsValue> {
    let state = match config.map(|config| &config.access) {
        None => "misconfigured",
        Some(Access::Closed) => "closed",
        Some(Access::Open | Access::Keys(_)) => "ready",
    };
    answer(200, HTML, &GUIDE.replacen(STATE, &format!("data-relay=\"{state}\""), 1))
}

/// The right route and key, but not a WebSocket: this much may be told to who has the key.
pub(crate) fn upgrade_required() -> Result<Response, JsValue> {
    let response = answer(426, "text/plain; charset=utf-8", "This address is for WebSocket clients.\n")?;
    response.headers().set("upgrade", "websocket")?;
    Ok(response)
}

/// A response with the headers that every one of ours has.
pub(crate) fn answer(status: u16, kind: &str, body: &str) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", kind)?;
    for (name, value) in SECURITY {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(Some(body), &init)
}

fn not_found() -> Result<Response, JsValue> {
    answer(404, HTML, NOT_FOUND)
}

/// The operator's own site, if there is one.
async fn assets(request: &Request, env: &JsValue) -> Option<Response> {
    let binding = Reflect::get(env, &"ASSETS".into()).ok().filter(JsValue::is_object)?;
    let fetch: Function = Reflect::get(&binding, &"fetch".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = fetch.call1(&binding, request).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}
