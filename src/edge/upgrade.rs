//! Accepting a WebSocket from a client.
//!
//! A client with a right key is never refused with an HTTP error (Baileys hangs on one): whatever is wrong afterwards, the
//! WebSocket is accepted first and closed with a code.

use js_sys::{Object, Reflect};
use pasarela_core::codes::Code;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response, ResponseInit};

use crate::platform::{ServerSocket, WebSocketPair};

/// Whether the request asks for a WebSocket.
pub(crate) fn is_asked(request: &Request) -> bool {
    let upgrade = request.headers().get("upgrade").ok().flatten();
    request.method() == "GET" && upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// Our end, accepted, and the response that gives the client the other.
pub(crate) fn accept() -> Result<(ServerSocket, Response), JsValue> {
    let pair = WebSocketPair::new()?;
    let (client, server) = (pair.get(0), pair.get(1));
    // Blobs would be the default from compatibility date 2026-03-17 on, and reading one is asynchronous.
    server.set_binary_type("arraybuffer");
    server.accept()?;
    let init = ResponseInit::from(JsValue::from(Object::new()));
    init.set_status(101);
    Reflect::set(&init, &"webSocket".into(), &client)?;
    Ok((server, Response::new_with_opt_str_and_init(None, &init)?))
}

/// Accepts and closes at once: the refusal that library clients understand.
pub(crate) fn refuse(code: Code) -> Result<Response, JsValue> {
    let (server, response) = accept()?;
    server.close(code.number(), code.token())?;
    Ok(response)
}
