//! When the Wasm has trapped: the hooks by which the main module, `main.mjs`, puts a new instance in its place.
//!
//! A panic is a trap, and so is an exception of JavaScript that no binding catches. It ends every stream of the instance.

use std::cell::OnceCell;

use js_sys::{Function, Set};
use wasm_bindgen::prelude::*;

thread_local! {
    static HOOKS: OnceCell<Hooks> = const { OnceCell::new() };
}

struct Hooks {
    restart: Function,
    guard: Function,
}

/// What the main module calls before it hands anything to an instance: `restart()` is called at once when the instance has
/// trapped, `guard(handle, sockets, over)` wraps the function of a stream.
#[cfg(not(test))]
#[wasm_bindgen]
#[allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]
pub fn attach(restart: Function, guard: Function) {
    HOOKS.with(|hooks| drop(hooks.set(Hooks { restart, guard })));
    wasm_bindgen::handler::set_on_abort(trapped);
    // In place of the `worker` crate's, which prints the message as well, and with it whatever that quotes.
    std::panic::set_hook(Box::new(|info| match info.location() {
        Some(place) => worker::console_error!("panic at {}:{}", place.file(), place.line()),
        None => worker::console_error!("panic"),
    }));
}

#[cfg_attr(test, expect(dead_code, reason = "there is no main module in unit tests"))]
fn trapped() {
    HOOKS.with(|hooks| {
        if let Some(hooks) = hooks.get() {
            // Without memory for a new instance it throws; wasm-bindgen then refuses all further calls, and asks again.
            let _ = hooks.restart.call0(&JsValue::NULL);
        }
    });
}

/// `handle` for a stream: once its instance is gone it closes these sockets and calls `over`.
pub(crate) fn guard(handle: JsValue, sockets: &Set, over: Option<&Function>) -> Function {
    let over = over.map_or(JsValue::UNDEFINED, JsValue::from);
    let guarded = HOOKS.with(|hooks| hooks.get()?.guard.call3(&JsValue::NULL, &handle, sockets, &over).ok());
    guarded.unwrap_or(handle).unchecked_into()
}
