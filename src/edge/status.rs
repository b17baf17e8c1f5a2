//! `status.json`: what this relay is, what it carries, and on request whether its upstreams answer.
//!
//! It tells nothing about any user. The probe dials one candidate of each upstream, at most once a minute an isolate.

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
    sessions, web,
};

thread_local! {
    static PROBED: Cell<Probed> = const { Cell::new(Probed::NEVER) };
}

pub(crate) async fn answer(
    request: &Request,
    (path, query): (&str, &str),
    owner: &str,
    config: &Config,
    env: &JsValue,
) -> Result<Response, JsValue> {
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
        chat: match config.chat.first() {
            Some(chat) => accepts(chat).await,
            None => false,
        },
        web: match config.web_urls.first() {
            Some(url) => upgrades(url, request).await,
            None => false,
        },
        tls: accepts(&status::tls_candidate(config)).await,
    };
    probed.found(found, now());
    PROBED.set(probed);
    Some(found)
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
