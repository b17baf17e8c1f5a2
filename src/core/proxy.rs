//! The PROXY protocol's header, versions 1 and 2: writes the one that tells an upstream the client's address, and reads
//! one that stands before a stream.
//!
//! It decides neither whether to send one nor whose to believe. Specification: haproxy.org, `proxy-protocol.txt`.
//! Written here because the crates for it need `std`.

use alloc::{format, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::reader::Reader;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const V1_START: &[u8] = b"PROXY ";
/// The longest version 1 line with its CRLF.
const V1_MAX: usize = 107;
/// The longest version 2 address block with its extensions that is worth waiting for.
const V2_MAX: usize = 1024;

/// Which form of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

/// The header that announces a client at `source`; port 0 and an all-zero destination of its family, because the relay
/// has neither. Without a source it is `UNKNOWN` or `LOCAL`.
pub fn encode(version: Version, source: Option<IpAddr>) -> Vec<u8> {
    match (version, source) {
        (Version::V1, None) => b"PROXY UNKNOWN\r\n".to_vec(),
        (Version::V1, Some(IpAddr::V4(ip))) => format!("PROXY TCP4 {ip} 0.0.0.0 0 0\r\n").into_bytes(),
        (Version::V1, Some(IpAddr::V6(ip))) => format!("PROXY TCP6 {ip} :: 0 0\r\n").into_bytes(),
        (Version::V2, None) => v2(0x20, 0x00, &[]),
        (Version::V2, Some(IpAddr::V4(ip))) => v2(0x21, 0x11, &[&ip.octets(), &[0; 4], &[0; 4]]),
        (Version::V2, Some(IpAddr::V6(ip))) => v2(0x21, 0x21, &[&ip.octets(), &[0; 16], &[0; 4]]),
    }
}

fn v2(command: u8, family: u8, parts: &[&[u8]]) -> Vec<u8> {
    let block = parts.concat();
    let len = u16::try_from(block.len()).unwrap_or(u16::MAX);
    [&SIGNATURE[..], &[command, family], &len.to_be_bytes(), &block].concat()
}

/// What stands at the start of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// It may become a header; try again with at least this many bytes.
    Incomplete {
        /// Length of the prefix, from its start.
        need: usize,
    },
    /// A header of `len` bytes; the source if it names one.
    Header {
        /// Length of the header; the stream begins behind it.
        len: usize,
        /// The client that the sender of the header saw.
        source: Option<SocketAddr>,
    },
    /// No valid header.
    Absent,
}

/// Reads the header at the start of `bytes`, if there is one.
pub fn decode(bytes: &[u8]) -> Decoded {
    let common = |start: &[u8]| bytes.iter().zip(start).all(|(a, b)| a == b);
    if common(V1_START) {
        decode_v1(bytes)
    } else if common(&SIGNATURE) {
        decode_v2(bytes).unwrap_or(Decoded::Incomplete { need: bytes.len() + 1 })
    } else {
        Decoded::Absent
    }
}

fn decode_v1(bytes: &[u8]) -> Decoded {
    let Some(end) = bytes.iter().take(V1_MAX).position(|&byte| byte == b'\n') else {
        return if bytes.len() < V1_MAX { Decoded::Incomplete { need: bytes.len() + 1 } } else { Decoded::Absent };
    };
    let line = bytes.get(..end).and_then(|line| core::str::from_utf8(line).ok());
    let Some(fields) = line.and_then(|line| line.strip_suffix('\r')).and_then(|line| line.strip_prefix("PROXY "))
    else {
        return Decoded::Absent;
    };
    let len = end + 1;
    let mut fields = fields.split(' ');
    let family = fields.next();
    if family == Some("UNKNOWN") {
        return Decoded::Header { len, source: None };
    }
    let source = match family {
        Some("TCP4") => fields.next().and_then(|ip| ip.parse::<Ipv4Addr>().ok()).map(IpAddr::V4),
        Some("TCP6") => fields.next().and_then(|ip| ip.parse::<Ipv6Addr>().ok()).map(IpAddr::V6),
        Some(_) | None => None,
    };
    let port = fields.nth(1).and_then(|port| port.parse().ok());
    match (source, port) {
        (Some(ip), Some(port)) => Decoded::Header { len, source: Some(SocketAddr::new(ip, port)) },
        (Some(_) | None, Some(_) | None) => Decoded::Absent,
    }
}

/// `None` if the fixed part is not complete.
fn decode_v2(bytes: &[u8]) -> Option<Decoded> {
    let mut reader = Reader::new(bytes);
    reader.take(SIGNATURE.len())?;
    let command = reader.u8()?;
    let family = reader.u8()?;
    let size = usize::from(reader.u16()?);
    let len = SIGNATURE.len() + 4 + size;
    if !matches!(command, 0x20 | 0x21) || size > V2_MAX {
        return Some(Decoded::Absent);
    }
    let Some(block) = reader.take(size) else {
        return Some(Decoded::Incomplete { need: len });
    };
    if command == 0x20 {
        return Some(Decoded::Header { len, source: None });
    }
    let source = match family {
        0x11 => source_v2::<4>(block),
        0x21 => source_v2::<16>(block),
        _ => return Some(Decoded::Header { len, source: None }),
    };
    Some(source.map_or(Decoded::Absent, |source| Decoded::Header { len, source: Some(source) }))
}

fn source_v2<const N: usize>(block: &[u8]) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let mut reader = Reader::new(block);
    let ip = reader.array::<N>()?;
    reader.take(N)?;
    Some(SocketAddr::new(ip.into(), reader.u16()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_back() {
        let sources = [None, Some("192.0.2.7".parse().unwrap()), Some("2001:db8::7".parse().unwrap())];
        for version in [Version::V1, Version::V2] {
            for source in sources {
                let header = encode(version, source);
                for end in 1..header.len() {
                    assert!(
                        matches!(decode(&header[..end]), Decoded::Incomplete { need } if need > end && need <= header.len())
                    );
                }
                let source = source.map(|ip| SocketAddr::new(ip, 0));
                let stream = [&header[..], b"WA\x06\x03"].concat();
                assert_eq!(decode(&stream), Decoded::Header { len: header.len(), source });
            }
        }
    }

    #[test]
    fn the_text_form_is_as_the_specification_shows_it() {
        assert_eq!(encode(Version::V1, Some("192.0.2.7".parse().unwrap())), b"PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\n");
        let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
        let source = Some("192.0.2.7:56324".parse().unwrap());
        assert_eq!(decode(line), Decoded::Header { len: line.len(), source });
    }

    #[test]
    fn what_is_no_header_is_absent() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"PROXY TCP4 x y 1 2\r\n", b"PROXY TCP4 192.0.2.7\n", b"WA\x06\x03"] {
            assert_eq!(decode(bytes), Decoded::Absent);
        }
        assert_eq!(decode(&[b"PROXY ", &[b'x'; 101][..]].concat()), Decoded::Absent);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_it(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&tail);
            decode(&[V1_START, &tail].concat());
            decode(&[&SIGNATURE[..], &tail].concat());
        }
    }
}
