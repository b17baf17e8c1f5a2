//! Just enough of a TLS ClientHello to read the server name: RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3.
//!
//! The handshake message may span records. Nothing is verified, and the bytes go on to the upstream untouched.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::Sniff;
use crate::{limits, reader::Reader};

/// The record type that carries handshake messages.
pub(super) const HANDSHAKE: u8 = 22;

const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER: usize = 5;
const RECORD_MAX: usize = 1 << 14;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// Looks at a stream that begins with a handshake record.
pub(super) fn client_hello(prefix: &[u8]) -> Sniff {
    match handshake(prefix) {
        Records::Incomplete { need } if need <= limits::CLIENT_HELLO => Sniff::Incomplete { need },
        Records::Incomplete { .. } | Records::Invalid => Sniff::Unknown,
        Records::Message(body) => server_name(&body).map_or(Sniff::Unknown, |name| Sniff::Tls { name }),
    }
}

enum Records {
    Incomplete {
        need: usize,
    },
    Invalid,
    /// The ClientHello's body, without its four-byte header.
    Message(Vec<u8>),
}

/// Puts the first handshake message together from its records.
fn handshake(prefix: &[u8]) -> Records {
    let mut reader = Reader::new(prefix);
    let mut message = Vec::new();
    loop {
        let seen = prefix.len() - reader.rest().len();
        let Some([kind, major, _, size @ ..]) = reader.array::<RECORD_HEADER>() else {
            return Records::Incomplete { need: seen + RECORD_HEADER };
        };
        let size = usize::from(u16::from_be_bytes(size));
        if kind != HANDSHAKE || major != 3 || size == 0 || size > RECORD_MAX {
            return Records::Invalid;
        }
        let Some(fragment) = reader.take(size) else {
            return Records::Incomplete { need: seen + RECORD_HEADER + size };
        };
        message.extend_from_slice(fragment);
        match length(&message) {
            Err(()) => return Records::Invalid,
            Ok(Some(end)) if message.len() >= end => {
                message.truncate(end);
                return Records::Message(message.split_off(4));
            }
            Ok(_) => {}
        }
    }
}

/// The message's whole length once its header is there; an error if it is not a ClientHello within the limit.
fn length(message: &[u8]) -> Result<Option<usize>, ()> {
    match *message {
        [CLIENT_HELLO, a, b, c, ..] => {
            let end = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
            if end > limits::CLIENT_HELLO { Err(()) } else { Ok(Some(end)) }
        }
        [] | [CLIENT_HELLO, ..] => Ok(None),
        _ => Err(()),
    }
}

/// The name asked for, `Some(None)` if there is none, `None` if this is not a well-formed ClientHello.
fn server_name(body: &[u8]) -> Option<Option<String>> {
    let mut hello = Reader::new(body);
    hello.take(2 + 32)?;
    hello.vector8()?;
    hello.vector16()?;
    hello.vector8()?;
    if hello.is_empty() {
        return Some(None);
    }
    let mut extensions = hello.vector16()?;
    while !extensions.is_empty() {
        let kind = extensions.u16()?;
        let mut extension = extensions.vector16()?;
        if kind != SERVER_NAME {
            continue;
        }
        let mut names = extension.vector16()?;
        while !names.is_empty() {
            let kind = names.u8()?;
            let name = names.vector16()?.rest();
            if kind == HOST_NAME {
                return normalise(name).map(Some);
            }
        }
    }
    Some(None)
}

fn normalise(name: &[u8]) -> Option<String> {
    let name = core::str::from_utf8(name).ok()?.to_string().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!name.is_empty() && name.len() <= 253 && name.bytes().all(valid)).then(|| name.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vector16(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn handshake_message(name: Option<&str>, other: &[u8]) -> Vec<u8> {
        let mut extensions = [&[0xff, 0x01][..], &vector16(other)].concat();
        if let Some(name) = name {
            let entry = [&[HOST_NAME][..], &vector16(name.as_bytes())].concat();
            extensions.extend([&[0, 0][..], &vector16(&vector16(&entry))].concat());
        }
        let body = [&[3, 3][..], &[9; 32], &[0], &vector16(&[0x13, 0x01]), &[1, 0], &vector16(&extensions)].concat();
        let len = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[CLIENT_HELLO][..], &len[1..], &body].concat()
    }

    /// The message in records of at most `size` bytes.
    pub(in super::super) fn records(message: &[u8], size: usize) -> Vec<u8> {
        message.chunks(size).flat_map(|part| [&[HANDSHAKE, 3, 1][..], &vector16(part)].concat()).collect()
    }

    /// A ClientHello and the name that it must give.
    pub(in super::super) fn hello() -> impl Strategy<Value = (Vec<u8>, Option<String>)> {
        let name = prop::option::of("[a-z0-9]{1,20}(\\.[a-z0-9-]{1,20}){0,3}");
        (name, prop::collection::vec(any::<u8>(), 0..600))
            .prop_map(|(name, other)| (handshake_message(name.as_deref(), &other), name))
    }

    fn name_of(asked: &str) -> Sniff {
        client_hello(&records(&handshake_message(Some(asked), &[]), RECORD_MAX))
    }

    #[test]
    fn names_are_lowered_and_lose_one_trailing_dot() {
        assert_eq!(name_of("MMG.WhatsApp.net."), Sniff::Tls { name: Some("mmg.whatsapp.net".into()) });
        for invalid in ["", ".", "a b", "a/b", "ümlaut"] {
            assert_eq!(name_of(invalid), Sniff::Unknown, "{invalid}");
        }
    }

    #[test]
    fn a_hello_beyond_the_limit_is_refused_from_its_header() {
        let mut message = handshake_message(None, &[]);
        message[1..4].copy_from_slice(&[0, 0x40, 0]);
        assert_eq!(client_hello(&records(&message, 16)), Sniff::Unknown);
    }

    #[test]
    fn records_that_are_empty_or_of_another_type_are_unknown() {
        let message = handshake_message(Some("whatsapp.net"), &[]);
        let (first, rest) = message.split_at(20);
        for between in [&[HANDSHAKE, 3, 1, 0, 0][..], &[23, 3, 1, 0, 1, 0]] {
            let stream = [records(first, 20), between.to_vec(), records(rest, 900)].concat();
            assert_eq!(client_hello(&stream), Sniff::Unknown);
        }
        assert_eq!(client_hello(&[HANDSHAKE, 2, 1, 0, 9]), Sniff::Unknown);
        assert_eq!(client_hello(&records(&[2, 0, 0, 1, 0], 100)), Sniff::Unknown);
    }
}
