//! One request to the Worker, with what is looked up of it once.

use wasm_bindgen::JsValue;
use web_sys::Request;

use crate::settings::Settings;

/// A request, its path and query, and in what surroundings it came.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) request: &'a Request,
    pub(crate) path: &'a str,
    /// With its question mark.
    pub(crate) query: &'a str,
    /// The Worker's bindings.
    pub(crate) env: &'a JsValue,
    pub(crate) settings: Settings,
}
