//! Tells from the first bytes of a stream which protocol it speaks: WhatsApp's own, TLS and to which name, or a PROXY
//! header in front of either.
//!
//! It reads no more of TLS than the server name, verifies nothing, and decides nothing: `policy` does.

mod tls;

use alloc::string::String;

use crate::proxy;

/// What the bytes seen so far are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sniff {
    /// Undecided; ask again once the prefix has at least this many bytes.
    Incomplete {
        /// Length of the prefix, from its start.
        need: usize,
    },
    /// WhatsApp's prologue: `WA` and a version, or `ED` with routing info before it.
    WhatsApp {
        /// The stream brings its own routing info.
        routed: bool,
    },
    /// A TLS ClientHello.
    Tls {
        /// The server name it asks for, lower case, without a trailing dot.
        name: Option<String>,
    },
    /// A PROXY header; what follows it is to be sniffed again.
    Proxy(proxy::Decoded),
    /// None of these.
    Unknown,
}

/// Looks at the `prefix` of a stream.
pub fn sniff(prefix: &[u8]) -> Sniff {
    match prefix {
        [] | [b'W'] | [b'E'] | [b'E', b'D'] => Sniff::Incomplete { need: prefix.len() + 1 },
        [b'W', b'A'] | [b'E', b'D', 0] => Sniff::Incomplete { need: prefix.len() + 1 },
        [b'W', b'A', 5 | 6, ..] => Sniff::WhatsApp { routed: false },
        [b'E', b'D', 0, 1, ..] => Sniff::WhatsApp { routed: true },
        [tls::HANDSHAKE, ..] => tls::client_hello(prefix),
        _ => match proxy::decode(prefix) {
            proxy::Decoded::Incomplete { need } => Sniff::Incomplete { need },
            header @ proxy::Decoded::Header { .. } => Sniff::Proxy(header),
            proxy::Decoded::Absent => Sniff::Unknown,
        },
    }
}

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(prefix: &[u8]) -> Sniff {
        sniff(prefix)
    }

    /// Grows the prefix as chunks would come, asking again only when it is worth it.
    fn in_chunks(stream: &[u8], sizes: &[usize]) -> Sniff {
        let (mut at, mut need) = (0, 1);
        for size in sizes.iter().copied().chain([stream.len()]) {
            at = (at + size).min(stream.len());
            if at < need {
                continue;
            }
            match sniff(&stream[..at]) {
                Sniff::Incomplete { need: more } => {
                    assert!(more > at);
                    need = more;
                }
                decided => return decided,
            }
        }
        Sniff::Incomplete { need }
    }

    #[test]
    fn whatsapps_prologues_are_known_and_their_beginnings_are_incomplete() {
        for (stream, routed) in [(&b"WA\x06\x03"[..], false), (b"WA\x05\x03", false), (b"ED\x00\x01\x00\x00\x05", true)]
        {
            assert_eq!(whole(stream), Sniff::WhatsApp { routed });
            assert!(matches!(whole(&stream[..1]), Sniff::Incomplete { need: 2 }));
        }
        for garbage in [&b"WB"[..], b"WA\x07\x03", b"ED\x01\x01", b"ED\x00\x02", b"GET / HTTP/1.1", b"\x15\x03"] {
            assert_eq!(whole(garbage), Sniff::Unknown, "{garbage:?}");
        }
    }

    #[test]
    fn a_proxy_header_is_told_apart() {
        let header = proxy::encode(proxy::Version::V2, None);
        assert_eq!(whole(&header), Sniff::Proxy(proxy::Decoded::Header { len: header.len(), source: None }));
        assert_eq!(whole(b"PR"), Sniff::Incomplete { need: 3 });
    }

    proptest! {
        #[test]
        fn any_chunking_of_the_same_bytes_gives_the_same_result(
            hello in tls::tests::hello(),
            tail in prop::collection::vec(any::<u8>(), 0..20),
            sizes in prop::collection::vec(1usize..200, 0..40),
            record in 1usize..300,
        ) {
            let (handshake, name) = hello;
            let stream = [tls::tests::records(&handshake, record), tail].concat();
            let expected = Sniff::Tls { name };
            prop_assert_eq!(whole(&stream), expected.clone());
            prop_assert_eq!(in_chunks(&stream, &sizes), expected);
        }

        #[test]
        fn no_bytes_panic_it_and_chunking_never_changes_the_verdict(
            start in prop::sample::select(vec![&b""[..], b"WA", b"ED\x00", b"\x16\x03\x01\x00", b"\x16\x03\x01\x00\x05\x01", b"PROXY "]),
            tail in prop::collection::vec(any::<u8>(), 0..100),
            sizes in prop::collection::vec(1usize..20, 0..40),
        ) {
            let stream = [start, &tail].concat();
            let verdict = whole(&stream);
            let chunked = in_chunks(&stream, &sizes);
            match (&verdict, &chunked) {
                (Sniff::Incomplete { .. }, Sniff::Incomplete { .. }) => {}
                _ => prop_assert_eq!(verdict, chunked),
            }
        }
    }
}
