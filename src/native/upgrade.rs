//! The upgrade of HTTP/1.1 to WebSocket as a server answers it (RFC 6455, section 4.2), and what a client checks of it.
//!
//! It moves no byte: hyper carries the answer, `tokio-websockets` the messages behind it.

use std::io;

use bytes::{Buf, BytesMut};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The client's key, if its request is for a WebSocket.
pub(crate) fn key(request: &HeaderMap) -> Option<&HeaderValue> {
    let asked = request.get(UPGRADE)?.as_bytes().eq_ignore_ascii_case(b"websocket");
    request.get(SEC_WEBSOCKET_KEY).filter(|_| asked)
}

/// 101, with a subprotocol if one is chosen.
pub(crate) fn accept(key: &HeaderValue, protocol: Option<&'static str>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = HeaderValue::try_from(accept_key(key.as_bytes()));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept.expect("base64 is always a header value"));
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
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

/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// More headers than a CDN adds.
const HEADERS_MAX: usize = 64;

/// Reads the answer to an upgrade that was asked for, and lets `judge` decide; gives what came behind it.
pub(crate) async fn answer<E: From<io::Error>>(
    stream: &mut (impl AsyncRead + Unpin),
    judge: impl Fn(&httparse::Response<'_, '_>) -> Result<(), E>,
) -> Result<Bytes, E> {
    let mut buffer = BytesMut::with_capacity(4096);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&buffer) {
            Ok(httparse::Status::Partial) => {}
            // The answer is still to come, and may be here already.
            Ok(httparse::Status::Complete(len)) if matches!(response.code, Some(100 | 102..=199)) => {
                buffer.advance(len);
                continue;
            }
            Ok(httparse::Status::Complete(len)) => {
                judge(&response)?;
                return Ok(buffer.split_off(len).freeze());
            }
            // No HTTP: somebody on the way spoke, not the one who was asked.
            Err(_) => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
        if buffer.len() >= HEAD_MAX || stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// The value of a header that is there exactly once.
pub(crate) fn single<'a>(response: &'a httparse::Response<'_, '_>, name: &str) -> Option<&'a str> {
    let mut found = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let value = found.next().filter(|_| found.next().is_none())?.value;
    str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_holds() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
