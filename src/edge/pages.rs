//! The guide's pages as the platform's responses, and the operator's own site.
//!
//! `unknown` is the one place that answers what is not there, whatever the reason. What the pages say is `pasarela-guide`'s.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use pasarela_core::config::{Config, Site};
use pasarela_guide::{self as guide, Asked, Page};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, Response, ResponseInit};

use crate::visit::Visit;

/// The answer to a request that is not a relay route under a right key.
pub(crate) async fn unknown(visit: Visit<'_>) -> Result<Response, JsValue> {
    let settings = visit.settings;
    if settings.site == Site::Own
        && let Some(response) = assets(visit.request, visit.env).await
    {
        return Ok(response);
    }
    let page = asked(visit, |asked| guide::stranger(settings.site, settings.config, asked));
    answer(&page)
}

/// The guide, for whoever has the key; nothing for who is to see none.
pub(crate) fn guide(visit: Visit<'_>, config: &Config, page: &str) -> Option<Page> {
    asked(visit, |asked| guide::guide(config, asked, page))
}

/// What of a request a page depends on.
fn asked<T>(visit: Visit<'_>, page: impl FnOnce(&Asked<'_>) -> T) -> T {
    let Visit { request, path, query, .. } = visit;
    let header = |name| request.headers().get(name).ok().flatten().unwrap_or_default();
    let (method, languages, agent) = (&request.method(), &header("accept-language"), &header("user-agent"));
    page(&Asked { method, path, query, languages, agent })
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
