//! `status.json`: what this relay is, what it carries, and on request whether its upstreams answer.
//!
//! It tells nothing about any user. The probe dials all candidates of each upstream, at most once a minute an isolate.

use std::cell::Cell;

use js_sys::{Promise, Reflect};
use pasarela_core::{
    config::{Authority, Config},
    limits,
    status::{self, Due, Probed, Reachable, Status},
};
use pasarela_guide::json;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use crate::{
    alarm::now,
    gauges, pages,
    platform::{self, ServerSocket},
    sessions,
    visit::Visit,
    web,
};

thread_local! {
    static PROBED: Cell<Probed> = const { Cell::new(Probed::NEVER) };
}

pub(crate) async fn answer(visit: Visit<'_>, owner: &str, config: &Config) -> Result<Response, JsValue> {
    let Visit { request, path, query, env, .. } = visit;
    let mut gauges = gauges::snapshot();
    let mut own = gauges::of(owner).get();
    gauges.tunnel += sessions::count(request, path, config, env, &mut own).await;
    let mut status =
        Status::new("edge", config, sessions::are_kept(env), gauges, Some(own).filter(|_| !owner.is_empty()));
    status.colo = colo(request);
    if status::wants_probe(query) {
        status.upstreams = reachable(request, config).await;
    }
    pages::answer(&json(status.document()))
}

/// The airport code of the place where the platform runs this.
fn colo(request: &Request) -> Option<String> {
    let cf = Reflect::get(request, &"cf".into()).ok().filter(JsValue::is_object)?;
    Reflect::get(&cf, &"colo".into()).ok()?.as_string()
}

/// What the last probe found; whoever asks while one runs starts no other, and is told nothing.
async fn reachable(request: &Request, config: &Config) -> Option<Reachable> {
    let mut probed = PROBED.get();
    let known = probed.ask(now());
    PROBED.set(probed);
    let Err(Due) = known else { return known.unwrap_or_default() };
    let found = Reachable {
        chat: accepts(&config.chat).await,
        web: upgrades(&config.web_urls, request).await,
        tls: accepts(&[status::tls_candidate(config)]).await,
    };
    probed.found(found, now());
    PROBED.set(probed);
    Some(found)
}

/// Whether one of them answers: a single dead one says nothing about the others.
async fn accepts(candidates: &[Authority]) -> bool {
    let open = |to: &Authority| platform::open_socket(&to.to_string()).ok();
    let sockets: Vec<_> = candidates.iter().take(limits::DIALS).filter_map(open).collect();
    let opened = js_sys::Array::new();
    for socket in &sockets {
        platform::ignore(socket.closed());
        opened.push(&socket.opened());
    }
    let mut timer = JsValue::UNDEFINED;
    let timeout = Promise::new(&mut |_, reject| {
        timer = platform::set_timeout(&reject, limits::DIAL_TOTAL.as_millis() as f64);
    });
    let race = Promise::race(&js_sys::Array::of2(&Promise::any(&opened), &timeout));
    let opened = JsFuture::from(race).await.is_ok();
    platform::clear_timeout(&timer);
    for closed in sockets.iter().filter_map(|socket| socket.close().ok()) {
        platform::ignore(closed);
    }
    opened
}

/// Whether one of them gives a WebSocket.
async fn upgrades(urls: &[String], request: &Request) -> bool {
    let mut response = None;
    for url in urls {
        response = web::dial(url, request).await;
        if response.is_some() {
            break;
        }
    }
    let Some(response) = response else { return false };
    let socket = Reflect::get(&response, &"webSocket".into()).ok().filter(JsValue::is_object);
    let Some(socket) = socket.map(JsValue::unchecked_into::<ServerSocket>) else { return false };
    socket.accept().is_ok() && socket.close(1000, "").is_ok()
}
