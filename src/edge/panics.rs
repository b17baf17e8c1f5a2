//! Panics on demand, so that tests see what follows. Only the feature `panics` has it, and no build that is given away.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::Request;

use crate::platform::{self, MessageEvent};

/// What a panic's message must not take into a log.
const SECRET: &str = "203.0.113.7";

/// Panics if the request's `x-panic` names this place.
pub(crate) fn if_asked(request: &Request, place: &str) {
    if request.headers().get("x-panic").ok().flatten().is_some_and(|asked| asked == place) {
        panic!("{SECRET}");
    }
}

/// Panics if a stream's event is the message `panic`; at `throw` it lets an exception of JavaScript through.
pub(crate) fn if_told(event: &JsValue) {
    if !event.is_object() {
        return;
    }
    match event.unchecked_ref::<MessageEvent>().data().as_string().as_deref() {
        Some("panic") => panic!("{SECRET}"),
        Some("throw") => drop(platform::set_timeout(JsValue::from(SECRET).unchecked_ref(), 0.0)),
        Some(_) | None => {}
    }
}
