//! The core's pages as the platform's responses, and the operator's own site.
//!
//! `unknown` is the one place that answers what is not there, whatever the reason. What the pages say is the core's.

use js_sys::{Function, Promise, Reflect};
use pasarela_core::{
    config::{Config, Site},
    pages::{self, Page},
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, Response, ResponseInit};

/// The answer to a request that is not a relay route under a right key.
pub(crate) async fn unknown(
    request: &Request,
    path: &str,
    env: &JsValue,
    config: Option<&Config>,
) -> Result<Response, JsValue> {
    // A variable that cannot be used must not show that the operator's site hides a relay.
    if config.is_none_or(|config| config.site == Site::Own)
        && let Some(response) = assets(request, env).await
    {
        return Ok(response);
    }
    answer(&pages::stranger(config, &request.method(), path))
}

/// A page as a response.
pub(crate) fn answer(page: &Page) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in page.headers() {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(page.status);
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(Some(&page.body), &init)
}

/// The operator's own site, if there is one.
async fn assets(request: &Request, env: &JsValue) -> Option<Response> {
    let binding = Reflect::get(env, &"ASSETS".into()).ok().filter(JsValue::is_object)?;
    let fetch: Function = Reflect::get(&binding, &"fetch".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = fetch.call1(&binding, request).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}
