//! The operator's variables from the Worker's bindings, checked once for the life of the isolate.
//!
//! What they mean and what is wrong with one is `pasarela-core`'s to say.

use std::cell::OnceCell;

use pasarela_core::config::{Config, PERSON, Site, WebUpstream, all_keys, is_key};
use wasm_bindgen::{JsCast, JsValue};

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
            let bound = |name: &str| js_sys::Reflect::get(env, &name.into()).ok()?.as_string();
            let people: Vec<_> = people(env, bound).collect();
            for (variable, _) in people.iter().filter(|(_, key)| !is_key(key.trim())) {
                worker::console_error!("{variable} holds no key, and is left out");
            }
            // Whoever has set one, even wrongly, has something to hide.
            let hidden = (!people.is_empty()).then(|| "none".to_owned());
            let keys = all_keys(bound("RELAY_KEYS"), people.into_iter());
            let text = |name: &str| match name {
                "RELAY_KEYS" => keys.clone(),
                "SITE" => bound(name).or_else(|| hidden.clone()),
                _ => bound(name),
            };
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

/// The variables that hold one person's key each, in one order whatever the platform's is.
fn people(env: &JsValue, bound: impl Fn(&str) -> Option<String>) -> impl Iterator<Item = (String, String)> {
    let names = env.dyn_ref::<js_sys::Object>().map(|env| js_sys::Object::keys(env).to_vec()).unwrap_or_default();
    let mut names: Vec<_> =
        names.into_iter().filter_map(|name| name.as_string()).filter(|name| name.starts_with(PERSON)).collect();
    names.sort_unstable();
    names.into_iter().filter_map(move |name| bound(&name).map(|key| (name, key)))
}
