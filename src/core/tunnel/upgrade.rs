//! What a tunnel's upgrade says: the first control message, and perhaps the first bytes, as WebSocket subprotocols.
//!
//! Never the URL, which proxies log. The relay answers [`PROTOCOL`] alone. Reference: RFC 6455 section 4.1, base64url
//! without padding because a subprotocol is a token (RFC 9110 section 5.6.2).

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::message::{Control, Open, Resume};
use crate::{codes::Code, limits};

/// The subprotocol.
pub const PROTOCOL: &str = "pasarela.v1";

/// Before the first control message.
const MESSAGE: &str = "m.";

/// Before the first bytes of the stream.
const DATA: &str = "d.";

/// What the client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A new stream that begins with these bytes.
    Open(Open, Vec<u8>),
    /// To go on with one.
    Resume(Resume),
}

/// Whether a client that sent this `Sec-WebSocket-Protocol` header wants the answer [`PROTOCOL`].
pub fn is_offered(header: &str) -> bool {
    subprotocols(header).any(|name| name == PROTOCOL)
}

/// The value of the client's `Sec-WebSocket-Protocol` header.
pub fn encode(control: &Control, early: &[u8]) -> String {
    let message = URL_SAFE_NO_PAD.encode(control.encode());
    let mut header = format!("{PROTOCOL}, {MESSAGE}{message}");
    if !early.is_empty() {
        header += ", ";
        header += DATA;
        URL_SAFE_NO_PAD.encode_string(early, &mut header);
    }
    header
}

/// Reads that value.
///
/// # Errors
/// `protocol` if a part is missing, doubled or malformed, `too-big` if one is too long.
pub fn decode(header: &str) -> Result<Request, Code> {
    if !is_offered(header) {
        return Err(Code::Protocol);
    }
    let message = part(header, MESSAGE, limits::CONTROL)?.ok_or(Code::Protocol)?;
    let early = part(header, DATA, limits::EARLY_DATA)?;
    let text = core::str::from_utf8(&message).map_err(|_| Code::Protocol)?;
    match (Control::decode(text)?, early) {
        (Some(Control::Open(open)), early) if open.window >= limits::WINDOW_MIN => {
            Ok(Request::Open(open, early.unwrap_or_default()))
        }
        (Some(Control::Resume(resume)), None) if resume.window >= limits::WINDOW_MIN => Ok(Request::Resume(resume)),
        _ => Err(Code::Protocol),
    }
}

/// The decoded part that begins with `prefix`, if there is one.
fn part(header: &str, prefix: &str, max: usize) -> Result<Option<Vec<u8>>, Code> {
    let mut parts = subprotocols(header).filter_map(|name| name.strip_prefix(prefix));
    let Some(encoded) = parts.next() else { return Ok(None) };
    if parts.next().is_some() {
        return Err(Code::Protocol);
    }
    // Before anything is allocated for it.
    if encoded.len() > base64::encoded_len(max, false).unwrap_or(max) {
        return Err(Code::TooBig);
    }
    URL_SAFE_NO_PAD.decode(encoded).map(Some).map_err(|_| Code::Protocol)
}

fn subprotocols(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(|name| name.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Kind;
    use alloc::string::ToString;

    fn open() -> Open {
        Open { route: Kind::Tls, window: 1 << 20, budget: None, packets: None }
    }

    #[test]
    fn what_is_written_is_read() {
        for early in [&b""[..], b"WA\x06\x03", &[0xff; limits::EARLY_DATA]] {
            let header = encode(&Control::Open(open()), early);
            assert_eq!(decode(&header), Ok(Request::Open(open(), early.to_vec())));
            assert_eq!(decode(&header.replace(", ", ",")), Ok(Request::Open(open(), early.to_vec())));
        }
        let resume =
            Resume { session: "0.abc".into(), attach: 1, received: 0, window: 65536, budget: None, packets: None };
        let header = encode(&Control::Resume(resume.clone()), b"");
        assert_eq!(decode(&header), Ok(Request::Resume(resume.clone())));
        assert_eq!(decode(&encode(&Control::Resume(resume), b"x")), Err(Code::Protocol));
    }

    #[test]
    fn each_fault_has_its_code() {
        let good = encode(&Control::Open(open()), b"");
        let message = good.trim_start_matches("pasarela.v1, ");
        let ack = encode(&Control::Ack(super::super::message::Ack { n: 1, fin: false, window: None }), b"");
        for (header, code) in [
            ("".to_string(), Code::Protocol),
            ("pasarela.v1".to_string(), Code::Protocol),
            (message.to_string(), Code::Protocol),
            (format!("pasarela.v2, {message}"), Code::Protocol),
            (format!("{good}, {message}"), Code::Protocol),
            (format!("{good}, d.AAAA, d.AAAA"), Code::Protocol),
            (format!("{good}, d.A"), Code::Protocol),
            (format!("{good}="), Code::Protocol),
            ("pasarela.v1, m.gICA".to_string(), Code::Protocol),
            (ack, Code::Protocol),
            (encode(&Control::Open(Open { window: limits::WINDOW_MIN - 1, ..open() }), b""), Code::Protocol),
            (format!("pasarela.v1, m.{}", "A".repeat(5464)), Code::TooBig),
            (format!("{good}, d.{}", "A".repeat(3415)), Code::TooBig),
        ] {
            assert_eq!(decode(&header), Err(code), "{header}");
        }
    }
}
