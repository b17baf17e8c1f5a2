//! The guide's pages as the platform's responses, and the operator's own site.
//!
//! `unknown` is the one place that answers what is not there, whatever the reason. What the pages say is `pasarela-guide`'s.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use pasarela_core::{
    config::{Config, Site},
    route::Asset,
};
use pasarela_guide::{self as guide, Asked, Language, Page};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, Response, ResponseInit};

use crate::url::split;

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
    let url = request.url();
    let asked = Asked { method: &request.method(), path, query: split(&url).1, languages: &languages(request) };
    answer(&guide::stranger(config, &asked))
}

/// The guide, for whoever has the key.
pub(crate) fn guide(request: &Request, query: &str, config: &Config) -> Result<Response, JsValue> {
    answer(&guide::guide(Some(config), Language::of(query, &languages(request))))
}

/// A file that the guide loads.
pub(crate) async fn asset(
    asset: Asset,
    request: &Request,
    path: &str,
    env: &JsValue,
    config: &Config,
) -> Result<Response, JsValue> {
    match guide::asset(asset) {
        Some(page) => answer(&page),
        None => unknown(request, path, env, Some(config)).await,
    }
}

fn languages(request: &Request) -> String {
    request.headers().get("accept-language").ok().flatten().unwrap_or_default()
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
    if page.packed {
        // Otherwise the platform would compress it once more.
        Reflect::set(&init, &"encodeBody".into(), &"manual".into())?;
    }
    Response::new_with_opt_js_u8_array_and_init(Some(&Uint8Array::from(&*page.body)), &init)
}

/// A status and nothing else.
pub(crate) fn empty(status: u16) -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(status);
    Response::new_with_opt_str_and_init(None, &init)
}

/// The operator's own site, if there is one.
async fn assets(request: &Request, env: &JsValue) -> Option<Response> {
    let binding = Reflect::get(env, &"ASSETS".into()).ok().filter(JsValue::is_object)?;
    let fetch: Function = Reflect::get(&binding, &"fetch".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = fetch.call1(&binding, request).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}
