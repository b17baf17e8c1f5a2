//! The Worker's entry: one request to one route.
//!
//! Who may do what is decided by the core's `route`; the answers are made in the other files.

use pasarela_core::{
    config::{Config, WebUpstream},
    pipe::{Origin, Pipe},
    route::{Judgement, Kind, Route},
    web::{routing_info, routing_query, subprotocol},
};
use pasarela_guide::{Page, upgrade_required};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::{
    alarm::now, gauges::Gauge, pages, pipe::Driver, sessions, settings, status, stream, upgrade, upstream::remember,
    url::split, visit::Visit, web,
};

/// What the main module calls for every request.
///
/// Most routes never wait, so an answer is asked for once before it becomes a promise with a task of its own, as `worker`'s
/// entry makes it at once: that costs 8 % of a connection's CPU.
#[cfg(not(test))]
#[wasm_bindgen]
#[allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]
pub fn fetch(request: Request, env: JsValue, context: worker::worker_sys::Context) -> Result<JsValue, JsValue> {
    use std::task::{self, Poll, Waker};

    let mut answer = Box::pin(async move {
        let keep_alive = |work| {
            if let Err(error) = context.wait_until(&work) {
                worker::console_error!("{}", worker::Error::from(error));
            }
        };
        match answer(&request, &env, keep_alive).await {
            Ok(response) => Ok(response.into()),
            Err(error) => {
                worker::console_error!("{}", worker::Error::from(error));
                Ok(pages::empty(500)?.into())
            }
        }
    });
    match answer.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Ok(wasm_bindgen_futures::future_to_promise(answer).into()),
    }
}

/// Answers one request; `keep_alive` is given the work that outlives the response.
#[cfg_attr(test, expect(dead_code, reason = "there is no platform in unit tests"))]
async fn answer(
    request: &Request,
    env: &JsValue,
    keep_alive: impl FnOnce(js_sys::Promise),
) -> Result<Response, JsValue> {
    #[cfg(feature = "instrumented")]
    {
        crate::instrument::panic_if_asked(request, "entry");
        if let Some(answer) = crate::instrument::holdings(request).or_else(|| crate::instrument::warning(request)) {
            return answer;
        }
    }
    let url = request.url();
    let (path, query) = split(&url);
    let settings = settings::get(env);
    let visit = Visit { request, path, query, env, settings };
    let Some(config) = settings.config else { return pages::unknown(visit).await };
    let found = match config.judge(&request.method(), path, upgrade::is_asked(request)) {
        Judgement::Stranger => return pages::unknown(visit).await,
        Judgement::UpgradeRequired => return pages::answer(&upgrade_required()),
        Judgement::Serve(found) => found,
    };
    match found.route {
        Route::Guide => page(pages::guide(visit, config, found.page), visit).await,
        Route::Asset(asset) => page(pasarela_guide::asset(asset), visit).await,
        Route::Status => status::answer(visit, found.owner, config).await,
        Route::WsChat if config.web == WebUpstream::Wss => web::relay(request, &routing_query(query), config).await,
        Route::WsChat => {
            let origin = Origin { routing_info: routing_info(query), ..upgrade::origin(Kind::Chat, request) };
            relay(request, (origin, true), found.owner, config, keep_alive)
        }
        Route::Pipe(kind) => relay(request, (upgrade::origin(kind, request), false), found.owner, config, keep_alive),
        Route::Tunnel => sessions::tunnel(visit, found.owner, config, keep_alive).await,
    }
}

/// A page, if there is one to be seen.
async fn page(page: Option<Page>, visit: Visit<'_>) -> Result<Response, JsValue> {
    match page {
        Some(page) => pages::answer(&page),
        None => pages::unknown(visit).await,
    }
}

/// Accepts the WebSocket and lets a stream of its own carry it; `framed` if one message is one of WhatsApp's frames.
fn relay(
    request: &Request,
    (origin, framed): (Origin, bool),
    owner: &str,
    config: &'static Config,
    keep_alive: impl FnOnce(js_sys::Promise),
) -> Result<Response, JsValue> {
    let kind = origin.kind;
    let offered = request.headers().get("sec-websocket-protocol")?;
    let (client, response) = upgrade::accept_as(offered.as_deref().and_then(subprotocol))?;
    let gauge = if framed { Gauge::WsTcp } else { Gauge::Pipe };
    let pipe = Pipe::new(config, origin, framed, now());
    let won = move |winner| remember(kind, winner);
    keep_alive(stream::start(owner, |events, _| Driver::new(events, client, pipe, framed, (gauge.count(owner), won))));
    Ok(response)
}
