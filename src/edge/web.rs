//! `/ws/chat` in wss mode: finds an upstream WebSocket and couples the client to it.
//!
//! The upgraded response goes back as it is, so the runtime moves every message natively: no message is seen here, and
//! therefore none is sniffed, counted or timed, and the end is never known.

use pasarela_core::{
    codes::Code,
    config::Config,
    limits,
    web::{ORIGIN, PASSED_ON},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, Request, RequestInit, RequestRedirect, Response};

use crate::{gauges, platform, upgrade};

/// Couples the client to the first upstream that accepts the upgrade.
pub(crate) async fn relay(request: &Request, query: &str, config: &Config) -> Result<Response, JsValue> {
    for url in &config.web_urls {
        if let Some(response) = dial(&format!("{url}{query}"), request).await {
            gauges::wss_started();
            return Ok(response);
        }
    }
    upgrade::refuse(Code::Busy)
}

/// The upgraded response of one URL, or nothing if it refuses, fails or takes too long.
pub(crate) async fn dial(url: &str, client: &Request) -> Option<Response> {
    let headers = Headers::new().ok()?;
    headers.set("upgrade", "websocket").ok()?;
    headers.set("origin", ORIGIN).ok()?;
    for name in PASSED_ON {
        if let Some(value) = client.headers().get(name).ok().flatten() {
            headers.set(name, &value).ok()?;
        }
    }
    let attempt = AbortController::new().ok()?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&attempt.signal()));
    // Kept here, so that it is freed although the timer hardly ever calls it.
    let give_up = {
        let attempt = attempt.clone();
        Closure::once(move || attempt.abort())
    };
    let timer = platform::set_timeout(give_up.as_ref().unchecked_ref(), limits::WEB_DIAL.as_millis() as f64);
    let response = JsFuture::from(platform::fetch_url(url, &init)).await;
    platform::clear_timeout(&timer);
    let response: Response = response.ok()?.dyn_into().ok()?;
    if response.status() != 101 {
        attempt.abort();
        return None;
    }
    Some(response)
}
