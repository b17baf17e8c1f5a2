//! The upgrade of HTTP/1.1 to WebSocket as a server answers it (RFC 6455, section 4.2), and the proof that a client checks.
//!
//! It moves no byte: hyper carries the answer, `tokio-websockets` the messages behind it.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{
        CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};

/// The version of the protocol, and there is no other.
const VERSION: &str = "13";

/// Bytes of a key before they are encoded.
const KEY: usize = 16;

/// The client's key, if its request is for a WebSocket as section 4.2.1 wants it, but for its `Connection`: web servers in front
/// write that themselves, and some do not name the upgrade.
pub(crate) fn key(request: &HeaderMap) -> Option<&HeaderValue> {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let mut protocols = request.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let is_ours = |listed: &str| listed.trim().eq_ignore_ascii_case("websocket");
    let asked = protocols.any(|value| value.split(',').any(is_ours));
    let known = request.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == VERSION);
    let is_key = |key: &&HeaderValue| BASE64_STANDARD.decode(key).is_ok_and(|key| key.len() == KEY);
    request.get(SEC_WEBSOCKET_KEY).filter(|_| asked && known).filter(is_key)
}

/// 101, with a subprotocol if one is chosen.
pub(crate) fn accept(key: &HeaderValue, protocol: Option<&str>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = HeaderValue::try_from(accept_key(key.as_bytes()));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept.expect("base64 is always a header value"));
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::from_str) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    answer
}

/// What `Sec-WebSocket-Accept` must be for a key.
pub(crate) fn accept_key(key: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use sha1::{Digest, Sha1};
    let guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    BASE64_STANDARD.encode(Sha1::new().chain_update(key).chain_update(guid).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_holds() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
