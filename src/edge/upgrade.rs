//! Accepting a WebSocket from a client.
//!
//! A client with a right key is never refused with an HTTP error (Baileys hangs on one): whatever is wrong afterwards, the
//! WebSocket is accepted first and closed with a code.

use js_sys::{Object, Reflect};
use pasarela_core::{codes::Code, pipe::Origin, route::Kind};
use wasm_bindgen::JsValue;
use web_sys::{Headers, Request, Response, ResponseInit};

use crate::{
    platform::{ServerSocket, WebSocketPair},
    upstream,
};

/// Whether the request asks for a WebSocket.
pub(crate) fn is_asked(request: &Request) -> bool {
    let upgrade = request.headers().get("upgrade").ok().flatten();
    let is_ours = |listed: &str| listed.trim().eq_ignore_ascii_case("websocket");
    request.method() == "GET" && upgrade.is_some_and(|protocols| protocols.split(',').any(is_ours))
}

/// What the request tells about the stream that it asks for.
pub(crate) fn origin(kind: Kind, request: &Request) -> Origin {
    let client = request.headers().get("cf-connecting-ip").ok().flatten().and_then(|ip| ip.parse().ok());
    Origin { kind, routing_info: None, client, preferred: upstream::preferred(kind) }
}

/// Our end, accepted, and the response that gives the client the other.
pub(crate) fn accept() -> Result<(ServerSocket, Response), JsValue> {
    accept_as(None)
}

/// The same, with a subprotocol in the answer: a client that offered some fails without.
pub(crate) fn accept_as(subprotocol: Option<&str>) -> Result<(ServerSocket, Response), JsValue> {
    let pair = WebSocketPair::new()?;
    let (client, server) = (pair.get(0), pair.get(1));
    // Blobs would be the default from compatibility date 2026-03-17 on, and reading one is asynchronous.
    server.set_binary_type("arraybuffer");
    server.accept()?;
    let init = ResponseInit::from(JsValue::from(Object::new()));
    init.set_status(101);
    Reflect::set(&init, &"webSocket".into(), &client)?;
    if let Some(subprotocol) = subprotocol {
        let headers = Headers::new()?;
        headers.set("sec-websocket-protocol", subprotocol)?;
        init.set_headers(&headers);
    }
    Ok((server, Response::new_with_opt_str_and_init(None, &init)?))
}

/// Accepts and closes at once: the refusal that library clients understand.
pub(crate) fn refuse(code: Code) -> Result<Response, JsValue> {
    let (server, response) = accept()?;
    server.close(code.number(), code.token())?;
    Ok(response)
}
