//! The operator's variables from the Worker's bindings, checked once for the life of the isolate.
//!
//! What they mean and what is wrong with one is `pasarela-core`'s to say.

use std::cell::OnceCell;

use pasarela_core::config::{Config, Site, WebUpstream};
use wasm_bindgen::JsValue;

/// What the operator has decided.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// What a stranger sees, whether or not the other variables can be used.
    pub(crate) site: Site,
    /// All variables, if they can be used.
    pub(crate) config: Option<&'static Config>,
}

thread_local! {
    static SETTINGS: OnceCell<Settings> = const { OnceCell::new() };
}

/// The settings; bindings do not change while an isolate lives, so they are read at the first request and kept.
pub(crate) fn get(env: &JsValue) -> Settings {
    SETTINGS.with(|settings| {
        *settings.get_or_init(|| {
            let text = |name: &str| js_sys::Reflect::get(env, &name.into()).ok()?.as_string();
            let config = Config::from_vars(text).inspect_err(|error| worker::console_error!("{error}")).ok();
            if config.as_ref().is_some_and(|it| it.web == WebUpstream::Wss && it.proxy_header.is_some()) {
                worker::console_warn!("PROXY_HEADER has no effect on /ws/chat while WEB_UPSTREAM is wss");
            }
            // If it is SITE itself that cannot be used, the operator's own site stays what it was.
            let site = Site::from_vars(text).unwrap_or(Site::Own);
            Settings { site, config: config.map(|config| &*Box::leak(Box::new(config))) }
        })
    })
}
