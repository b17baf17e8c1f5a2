//! The operator's variables from the Worker's bindings, checked once for the life of the isolate.
//!
//! What they mean and what is wrong with one is `pasarela-core`'s to say.

use std::cell::OnceCell;

use pasarela_core::config::{Config, ConfigError, WebUpstream};
use wasm_bindgen::JsValue;

thread_local! {
    static SETTINGS: OnceCell<Result<&'static Config, ConfigError>> = const { OnceCell::new() };
}

/// The configuration; bindings do not change while an isolate lives, so it is read at the first request and kept.
pub(crate) fn get(env: &JsValue) -> Result<&'static Config, ConfigError> {
    SETTINGS.with(|settings| {
        settings
            .get_or_init(|| {
                let text = |name: &str| js_sys::Reflect::get(env, &name.into()).ok()?.as_string();
                let config = Config::from_vars(text).inspect_err(|error| worker::console_error!("{error}"))?;
                if config.web == WebUpstream::Wss && config.proxy_header.is_some() {
                    worker::console_warn!("PROXY_HEADER has no effect on /ws/chat while WEB_UPSTREAM is wss");
                }
                Ok(&*Box::leak(Box::new(config)))
            })
            .clone()
    })
}
