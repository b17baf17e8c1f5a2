//! The stream under a WebSocket, watched for what the WebSocket keeps in memory: the beginning of a message that is not whole
//! yet, and what was sent and the stream has not taken.
//!
//! The library that makes messages of it tells neither, and closes in its own words when a message is too long. Here the
//! reading ends with the header that says so, and the caller closes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Prefixed;

/// What a TLS connection keeps of what it was given to send while its socket takes nothing, in bytes: the limit of rustls.
pub(crate) const TLS: usize = 64 * 1024;

pub(crate) struct Watched {
    stream: Prefixed,
    incoming: Incoming,
    /// The longest message that may come in, in bytes.
    longest: usize,
    /// What comes in is thrown away.
    ignoring: bool,
    /// Sent, and not yet taken by the stream, in bytes.
    unsent: usize,
    /// The stream takes nothing now.
    blocked: bool,
    /// What the stream itself then keeps, in bytes.
    below: usize,
    /// It took something after it had not, or brought a part of a message.
    moved: bool,
}

impl Watched {
    /// No longer message than this may come in, in bytes.
    pub(crate) fn new(stream: Prefixed, longest: usize) -> Self {
        Self {
            stream,
            incoming: Incoming::default(),
            longest,
            ignoring: false,
            unsent: 0,
            blocked: false,
            below: 0,
            moved: false,
        }
    }

    /// Nobody wants to hear more: all is thrown away, and ends with the peer's close.
    pub(crate) const fn ignore_the_rest(&mut self) {
        self.ignoring = true;
    }

    /// Whether the peer has said its close.
    pub(crate) const fn has_closed(&self) -> bool {
        self.incoming.closed
    }

    /// Whether a longer message was announced. From the read on that brings its header, all is thrown away.
    pub(crate) const fn is_too_long(&self) -> bool {
        self.incoming.too_long_at.is_some()
    }

    /// The stream keeps so many bytes to itself while its socket takes none.
    pub(crate) const fn set_below(&mut self, bytes: usize) {
        self.below = bytes;
    }

    /// A message of so many bytes was given to the WebSocket, or will be.
    pub(crate) const fn sends(&mut self, payload: usize) {
        self.unsent += framed(payload);
    }

    /// It will not be, after all.
    pub(crate) const fn forgets(&mut self, payload: usize) {
        self.unsent = self.unsent.saturating_sub(framed(payload));
    }

    /// All that was given to it is sent, and what it says of its own accord, too.
    pub(crate) const fn is_flushed(&mut self) {
        self.unsent = 0;
        self.moved |= self.blocked;
        self.blocked = false;
    }

    /// Whether it took something after it had not, or brought a part of a message, since this was asked last.
    pub(crate) const fn take_moved(&mut self) -> bool {
        std::mem::replace(&mut self.moved, false)
    }

    /// Bytes in memory.
    pub(crate) const fn held(&self) -> usize {
        self.incoming.kept() + self.unsent + if self.blocked { self.below } else { 0 }
    }

    fn wrote(&mut self, taken: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.moved |= self.blocked && taken.is_ready();
        self.blocked = taken.is_pending();
        if let Poll::Ready(Ok(taken)) = &taken {
            self.unsent = self.unsent.saturating_sub(*taken);
        }
        taken
    }
}

/// The length of an unmasked message of so many bytes, with its header (RFC 6455, section 5.2).
const fn framed(payload: usize) -> usize {
    payload
        + match payload {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, longest) = (buf.filled().len(), self.longest);
        // In turns with others, should the peer be fast.
        for _ in 0..16 {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            let new = buf.filled().get(before..).unwrap_or_default();
            self.incoming.read(new, longest);
            self.moved |= self.incoming.left > 0;
            if new.is_empty() || !(self.ignoring || self.is_too_long()) {
                return Poll::Ready(Ok(()));
            }
            buf.set_filled(before);
            if self.incoming.closed {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.moved |= self.blocked && flushed.is_ready();
        self.blocked = flushed.is_pending();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Frames as they come in, of which only the headers are looked at.
#[derive(Default)]
struct Incoming {
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    known: usize,
    /// Bytes of the frame that are yet to come, once the header is whole.
    left: u64,
    /// Payload bytes of a message that is not whole yet.
    begun: usize,
    /// A message was announced that is too long; so many bytes of it were kept before.
    too_long_at: Option<usize>,
    /// There was a close.
    closed: bool,
}

/// The opcode of a close.
const CLOSE: u8 = 0x08;

/// The longest header: two bytes, a length of eight and a mask of four.
const HEADER: usize = 14;

impl Incoming {
    /// Looks at what came in. No message may be longer than this, in bytes.
    fn read(&mut self, mut bytes: &[u8], longest: usize) {
        while let [first, rest @ ..] = bytes {
            if self.left == 0 {
                bytes = rest;
                self.header[self.known] = *first;
                self.known += 1;
                if self.known < self.header_len() {
                    continue;
                }
                self.left = self.announced();
                let whole = self.begun.saturating_add(usize::try_from(self.left).unwrap_or(usize::MAX));
                // A control frame is no part of the message that it comes in the middle of.
                if whole > longest && !self.is_control() {
                    self.too_long_at.get_or_insert(self.begun);
                }
            } else {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = &bytes[here..];
                self.left -= here as u64;
                self.begun += here;
            }
            if self.left == 0 {
                self.known = 0;
                let [kind, ..] = self.header;
                let is_last = kind & 0x80 != 0;
                if self.is_control() {
                    self.closed |= kind & 0x0f == CLOSE;
                    // It was counted with the message that it comes in the middle of.
                    self.begun -= usize::try_from(self.announced()).unwrap_or(0).min(self.begun);
                } else if is_last {
                    self.begun = 0;
                }
            }
        }
    }

    /// Bytes of a message that is not whole which are in memory: what is thrown away is not.
    const fn kept(&self) -> usize {
        match self.too_long_at {
            Some(kept) => kept,
            None => self.begun,
        }
    }

    const fn is_control(&self) -> bool {
        let [kind, ..] = self.header;
        kind & 0x08 != 0
    }

    /// The header's length, as far as its first two bytes tell.
    const fn header_len(&self) -> usize {
        let [_, second, ..] = self.header;
        let extended = match second & 0x7f {
            126 if self.known >= 2 => 2,
            127 if self.known >= 2 => 8,
            _ => 0,
        };
        let mask = if self.known >= 2 && second & 0x80 != 0 { 4 } else { 0 };
        2 + extended + mask
    }

    /// The payload's length that a whole header tells.
    const fn announced(&self) -> u64 {
        let [_, second, a, b, c, d, e, f, g, h, ..] = self.header;
        match second & 0x7f {
            126 => u16::from_be_bytes([a, b]) as u64,
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            len => len as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    fn frame(kind: u8, payload: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![kind];
        match payload {
            0..=125 => frame.push(mask | u8::try_from(payload).expect("short")),
            126..=0xffff => {
                frame.push(mask | 126);
                frame.extend(u16::try_from(payload).expect("short").to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(vec![0xff; payload]);
        frame
    }

    #[test]
    fn a_message_is_counted_until_it_is_whole_whatever_comes_in_its_middle() {
        let mut incoming = Incoming::default();
        incoming.read(&frame(0x02, 100_000, true), usize::MAX);
        assert_eq!(incoming.begun, 100_000);
        let mut ping = frame(0x89, 50, true);
        let last = ping.split_off(ping.len() - 1);
        incoming.read(&ping, usize::MAX);
        incoming.read(&last, usize::MAX);
        assert_eq!(incoming.begun, 100_000);
        let mut end = frame(0x80, 300, true);
        let last = end.split_off(end.len() - 1);
        incoming.read(&end, usize::MAX);
        assert_eq!(incoming.begun, 100_299);
        incoming.read(&last, usize::MAX);
        assert_eq!(incoming.begun, 0);
    }

    #[test]
    fn what_is_too_long_is_thrown_away_and_a_ping_makes_nothing_longer() {
        let mut incoming = Incoming::default();
        incoming.read(&[frame(0x02, 60, true), frame(0x89, 100, true), frame(0x00, 30, true)].concat(), 100);
        assert_eq!((incoming.too_long_at, incoming.kept()), (None, 90));
        incoming.read(&frame(0x80, 11, true), 100);
        assert_eq!((incoming.too_long_at, incoming.kept()), (Some(90), 90));
        incoming.read(&frame(0x82, 1000, true), 100);
        assert_eq!(incoming.kept(), 90);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_pieces_frames_come(
            frames in prop::collection::vec((0..4_u8, prop_oneof![0..130_usize, 65_530..65_540_usize], any::<bool>()), 1..8),
            cuts in prop::collection::vec(1..70_000_usize, 1..30),
        ) {
            let (mut bytes, mut begun) = (Vec::new(), 0);
            for (kind, payload, masked) in frames {
                bytes.extend(frame([0x02, 0x00, 0x80, 0x82][usize::from(kind)], payload, masked));
                begun = if kind < 2 { begun + payload } else { 0 };
            }
            let (mut whole, mut pieces) = (Incoming::default(), Incoming::default());
            whole.read(&bytes, usize::MAX);
            let mut rest = &bytes[..];
            for cut in cuts.into_iter().cycle() {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                pieces.read(piece, usize::MAX);
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!((whole.begun, pieces.begun), (begun, begun));
        }
    }

    #[test]
    fn what_is_sent_is_counted_as_the_library_frames_it() {
        for (payload, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            assert_eq!(framed(payload), frame(0x82, payload, false).len());
            assert_eq!(framed(payload), payload + header);
        }
    }
}
