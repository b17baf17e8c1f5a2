//! One timer of a stream, for all its deadlines.
//!
//! It is moved only to an earlier time; when it fires too early it is armed again, so that a deadline which moves on with
//! every byte costs no timer a byte. What is due is the core's to know.

use js_sys::{Date, Function};
use pasarela_core::time::Instant;
use wasm_bindgen::JsValue;

use crate::platform;

pub(crate) struct Alarm {
    callback: Function,
    armed: Option<(JsValue, Instant)>,
}

impl Alarm {
    pub(crate) const fn new(callback: Function) -> Self {
        Self { callback, armed: None }
    }

    /// Sees to it that the callback is called by then.
    pub(crate) fn arm(&mut self, deadline: Instant) {
        if let Some((timer, at)) = &self.armed {
            if *at <= deadline {
                return;
            }
            platform::clear_timeout(timer);
        }
        let millis = deadline.since(now()).as_millis();
        let timer = platform::set_timeout(&self.callback, millis as f64);
        self.armed = Some((timer, deadline));
    }

    /// The callback was called.
    pub(crate) fn rang(&mut self) {
        self.armed = None;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((timer, _)) = &self.armed {
            platform::clear_timeout(timer);
        }
    }
}

/// The platform's clock; it stands still while code runs and moves on with every event.
pub(crate) fn now() -> Instant {
    Instant::from_millis(Date::now() as u64)
}
