//! Panics on demand, and tells what the Wasm holds, so that tests see what follows and what leaks. Only the feature
//! `instrumented` has it, and no build that is given away.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};

use crate::platform::{self, MessageEvent};

/// What a panic's message must not take into a log.
const SECRET: &str = "203.0.113.7";

/// The header that asks for it.
const HEADER: &str = "x-instrument";

/// Panics if the request asks for it at this place.
pub(crate) fn panic_if_asked(request: &Request, place: &str) {
    if asked(request).is_some_and(|asked| asked == format!("panic at {place}")) {
        panic!("{SECRET}");
    }
}

/// Panics if a stream's event is the message `panic`; at `throw` it lets an exception of JavaScript through.
pub(crate) fn panic_if_told(event: &JsValue) {
    if !event.is_object() {
        return;
    }
    match event.unchecked_ref::<MessageEvent>().data().as_string().as_deref() {
        Some("panic") => panic!("{SECRET}"),
        Some("throw") => drop(platform::set_timeout(JsValue::from(SECRET).unchecked_ref(), 0.0)),
        Some(_) | None => {}
    }
}

/// If the request asks for it, warns that the CPU budget is nearly used up, as the runtime does.
pub(crate) fn warning(request: &Request) -> Option<Result<Response, JsValue>> {
    asked(request).filter(|asked| asked == "cpu")?;
    crate::cpu::warn();
    Some(Response::new())
}

/// If the request asks for it: bytes on the heap, and places for JavaScript's objects that are or were taken. Collects garbage
/// first; what that frees is counted the next time, since it is told later.
pub(crate) fn holdings(request: &Request) -> Option<Result<Response, JsValue>> {
    asked(request).filter(|asked| asked == "holdings")?;
    if let Ok(collect) = Reflect::get(&js_sys::global(), &"gc".into()).and_then(JsValue::dyn_into::<Function>) {
        drop(collect.call0(&JsValue::NULL));
    }
    let table = Reflect::get(&wasm_bindgen::exports(), &"__wbindgen_externrefs".into());
    let places = table.and_then(|table| Reflect::get(&table, &"length".into())).ok().and_then(|length| length.as_f64());
    let text = format!("{{\"heap\":{},\"places\":{}}}", ALLOCATOR.0.load(Ordering::Relaxed), places.unwrap_or(-1.0));
    Some(Response::new_with_opt_str(Some(&text)))
}

fn asked(request: &Request) -> Option<String> {
    request.headers().get(HEADER).ok().flatten()
}

/// Counts the bytes that are allocated.
struct Counting(AtomicUsize);

#[global_allocator]
static ALLOCATOR: Counting = Counting(AtomicUsize::new(0));

// SAFETY: the system's allocator does the work.
#[expect(unsafe_code, reason = "an allocator cannot be had without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
