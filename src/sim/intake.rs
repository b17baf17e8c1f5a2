//! Takes a client's bytes apart, however they arrive: PROXY header, edge preamble, header, frames.
//!
//! No IO: raw TCP and WebSocket both feed it. What a frame means is `conversation`'s part.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pasarela_noise::wire;
use proxy_header::{ParseConfig, ProxyHeader};

use super::stats::ProxySeen;

/// The longest PROXY header of version 1, in bytes, by its specification. Version 2 says its length.
const MAX_V1: usize = 107;

/// What comes next in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Proxy(ProxySeen),
    RoutingInfo(Bytes),
    /// The client's four bytes, `WA` and its version.
    Header([u8; 4]),
    /// A frame's body, never empty.
    Frame(Bytes),
}

/// The client does not speak WhatsApp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbage;

impl From<Garbage> for io::Error {
    fn from(Garbage: Garbage) -> Self {
        Self::new(io::ErrorKind::InvalidData, "not what WhatsApp's clients send")
    }
}

#[derive(Clone, Copy)]
enum Stage {
    Proxy,
    Edge,
    Header,
    Frames,
}

pub(super) struct Intake {
    stage: Stage,
    buffer: BytesMut,
}

impl Intake {
    /// A stream that may begin with a PROXY header.
    pub(super) fn of_tcp() -> Self {
        Self { stage: Stage::Proxy, buffer: BytesMut::new() }
    }

    pub(super) fn of_web_socket() -> Self {
        Self { stage: Stage::Edge, buffer: BytesMut::new() }
    }

    /// Where arriving bytes go.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// What was not taken by any event.
    pub(super) fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }

    /// The next event; `None` when more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Garbage> {
        if let Stage::Proxy = self.stage {
            match self.proxy()? {
                Proxy::Incomplete => return Ok(None),
                Proxy::Absent => self.stage = Stage::Edge,
                Proxy::Present(seen) => {
                    self.stage = Stage::Edge;
                    return Ok(Some(Event::Proxy(seen)));
                }
            }
        }
        if let Stage::Edge = self.stage {
            if let Some(rest) = self.buffer.strip_prefix(&wire::EDGE_MARK) {
                let Some((info, _)) = wire::decode_frame(rest) else {
                    return Ok(None);
                };
                let len = info.len();
                self.buffer.advance(wire::EDGE_MARK.len() + wire::FRAME_HEADER);
                self.stage = Stage::Header;
                return Ok(Some(Event::RoutingInfo(self.buffer.split_to(len).freeze())));
            }
            if !wire::EDGE_MARK.starts_with(&self.buffer) {
                self.stage = Stage::Header;
            }
        }
        match self.stage {
            Stage::Proxy | Stage::Edge => Ok(None),
            Stage::Header => self.header(),
            Stage::Frames => Ok(self.frame()),
        }
    }

    fn proxy(&mut self) -> Result<Proxy, Garbage> {
        let version = match self.buffer.first() {
            None => return Ok(Proxy::Incomplete),
            Some(b'P') => 1,
            Some(b'\r') => 2,
            Some(_) => return Ok(Proxy::Absent),
        };
        let (addresses, len) = match ProxyHeader::parse(&self.buffer, ParseConfig::default()) {
            Ok((header, len)) => {
                let address = header.proxied_address();
                (address.map(|it| (it.source, it.destination)), len)
            }
            Err(proxy_header::Error::BufferTooShort) if version == 2 || self.buffer.len() < MAX_V1 => {
                return Ok(Proxy::Incomplete);
            }
            Err(_) => return Err(Garbage),
        };
        self.buffer.advance(len);
        Ok(Proxy::Present(ProxySeen { version, addresses }))
    }

    fn header(&mut self) -> Result<Option<Event>, Garbage> {
        let known = |header: &[u8]| match header {
            [] | [b'W'] | [b'W', b'A'] => true,
            [b'W', b'A', version, ..] => matches!(version, 5 | 6),
            _ => false,
        };
        if !known(&self.buffer) {
            return Err(Garbage);
        }
        let Some(&header) = self.buffer.first_chunk() else {
            return Ok(None);
        };
        self.buffer.advance(header.len());
        self.stage = Stage::Frames;
        Ok(Some(Event::Header(header)))
    }

    /// Skips empty frames: Cobalt's length header begins with one.
    fn frame(&mut self) -> Option<Event> {
        loop {
            let (body, _) = wire::decode_frame(&self.buffer)?;
            let len = body.len();
            self.buffer.advance(wire::FRAME_HEADER);
            if len != 0 {
                return Some(Event::Frame(self.buffer.split_to(len).freeze()));
            }
        }
    }
}

enum Proxy {
    Incomplete,
    Absent,
    Present(ProxySeen),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All events of a stream that arrives in pieces of `size`.
    fn events(stream: &[u8], size: usize) -> Result<Vec<Event>, Garbage> {
        let mut intake = Intake::of_tcp();
        let mut events = Vec::new();
        for piece in stream.chunks(size) {
            intake.buffer().extend_from_slice(piece);
            while let Some(event) = intake.next()? {
                events.push(event);
            }
        }
        Ok(events)
    }

    fn check(stream: &[u8], expected: Vec<Event>) {
        for size in [1, 2, 7, stream.len()] {
            assert_eq!(events(stream, size), Ok(expected.clone()), "pieces of {size}");
        }
    }

    fn frame(body: &'static [u8]) -> Event {
        Event::Frame(Bytes::from_static(body))
    }

    #[test]
    fn a_plain_start() {
        check(b"WA\x06\x03\0\0\x02ab", vec![Event::Header(*b"WA\x06\x03"), frame(b"ab")]);
    }

    #[test]
    fn every_preamble_in_its_order() {
        let addresses = Some(("192.0.2.1:0".parse().expect("an address"), "0.0.0.0:0".parse().expect("an address")));
        check(
            b"PROXY TCP4 192.0.2.1 0.0.0.0 0 0\r\nED\0\x01\0\0\x01xWA\x05\x02\0\0\x01y",
            vec![
                Event::Proxy(ProxySeen { version: 1, addresses }),
                Event::RoutingInfo(Bytes::from_static(b"x")),
                Event::Header(*b"WA\x05\x02"),
                frame(b"y"),
            ],
        );
    }

    #[test]
    fn a_proxy_header_without_addresses() {
        let seen = |version| Event::Proxy(ProxySeen { version, addresses: None });
        check(b"PROXY UNKNOWN\r\nWA\x06\x03", vec![seen(1), Event::Header(*b"WA\x06\x03")]);
        check(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0WA\x06\x03", vec![seen(2), Event::Header(*b"WA\x06\x03")]);
    }

    #[test]
    fn empty_frames_are_skipped() {
        check(b"WA\x06\x03\0\0\0\0\0\x01y\0\0\0", vec![Event::Header(*b"WA\x06\x03"), frame(b"y")]);
    }

    #[test]
    fn other_protocols_are_garbage() {
        for other in [&b"GET / HTTP/1.1"[..], b"\x16\x03\x01", b"WA\x07\x03", b"ED\0\x02", &[b'P'; 200]] {
            assert_eq!(events(other, 1), Err(Garbage), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(stream in proptest::collection::vec(any::<u8>(), 1..200), size in 1..50usize) {
            let _ = events(&stream, size);
        }
    }
}
