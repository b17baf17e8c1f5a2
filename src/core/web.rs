//! What of a library client's request goes on to WhatsApp: a few headers and the `ED` parameter, and nothing else of it.
//!
//! Which upstream answers is the adapter's to try; no message is seen here.

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::limits;

/// What WhatsApp Web sends as its origin, for clients that send none.
pub const ORIGIN: &str = "https://web.whatsapp.com";

/// Headers of the client that go on to an upstream WebSocket: no cookie, no extension, no subprotocol.
pub const PASSED_ON: [&str; 4] = ["origin", "user-agent", "cache-control", "pragma"];

/// The `ED` parameter if it is base64url of a sensible length.
fn routing_parameter(query: &str) -> Option<&str> {
    let value = parameters(query).find_map(|part| part.strip_prefix("ED="))?;
    let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!value.is_empty() && value.len() <= 2 * limits::ROUTING_INFO && value.bytes().all(well_formed)).then_some(value)
}

/// Of a query, with or without its question mark, what goes on to the upstream URL.
pub fn routing_query(query: &str) -> String {
    match routing_parameter(query).filter(|_| routing_info(query).is_some()) {
        Some(value) => format!("?ED={value}"),
        None => String::new(),
    }
}

/// Of a query, with or without its question mark, the routing info that goes before a stream.
pub fn routing_info(query: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(routing_parameter(query)?).ok().filter(|info| info.len() <= limits::ROUTING_INFO)
}

/// Of what a client offers in `Sec-WebSocket-Protocol`, what it is answered. Browsers, and tools that say `binary`, fail without an
/// answer (RFC 6455, section 4.1), and for a stream it means nothing.
pub fn subprotocol(offered: &str) -> Option<&str> {
    let first = offered.split(',').map(str::trim).find(|token| !token.is_empty())?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    first.bytes().all(is_token).then_some(first)
}

/// The parts of a query.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.trim_start_matches('?').split('&')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_subprotocol_that_is_offered_is_chosen() {
        for (offered, chosen) in [
            ("binary", Some("binary")),
            (" , chat, binary", Some("chat")),
            ("", None),
            ("a b, c", None),
            ("a\r\nb", None),
        ] {
            assert_eq!(subprotocol(offered), chosen, "{offered:?}");
        }
    }

    #[test]
    fn routing_info_is_decoded_and_anything_odd_is_left_out() {
        assert_eq!(routing_info("?ED=CAIIBQgS"), Some(alloc::vec![8, 2, 8, 5, 8, 18]));
        assert_eq!(routing_query("x=1&ED=CAIIBQgS"), "?ED=CAIIBQgS");
        for odd in ["", "?ED=", "?ED=a+b", "?ED=%41", &format!("?ED={}", "A".repeat(1400))] {
            assert_eq!((routing_info(odd), routing_query(odd).as_str()), (None, ""));
        }
    }
}
