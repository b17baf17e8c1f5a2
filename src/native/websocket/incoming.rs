//! Frames as they come in, made to messages without a copy, and how much of them is in memory.

use std::{
    io, mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::{
    Role,
    frame::{Fault, HEADER_MAX, Header, Opcode, mask},
    message::Message,
};

/// What is read at once, in bytes: at first, and of a peer that always has more.
const READ: std::ops::RangeInclusive<usize> = 4 * 1024..=256 * 1024;

/// What is read at most beyond a message that is shorter, in bytes: all that shares a buffer keeps it.
const AHEAD: usize = 64 * 1024;

pub(super) struct Incoming {
    role: Role,
    /// The longest message, in bytes.
    longest: usize,
    /// Read, and not yet made to messages.
    buffer: BytesMut,
    /// What the next read may bring, which follows what those before brought.
    read_size: usize,
    /// The message of which not all frames are there, without its last ones.
    begun: Option<(Opcode, BytesMut)>,
    /// All is thrown away from here on.
    ignoring: Option<Ignoring>,
}

/// Where it is in a frame of which nobody wants to know.
#[derive(Default)]
struct Ignoring {
    /// Bytes of it that are yet to come.
    left: u64,
    /// It is the peer's close.
    closes: bool,
    /// That has come, or what makes no frame.
    over: bool,
}

impl Incoming {
    pub(super) fn new(role: Role, longest: usize) -> Self {
        Self { role, longest, buffer: BytesMut::new(), read_size: *READ.start(), begun: None, ignoring: None }
    }

    /// Bytes that were read and not yet given away as a message.
    pub(super) fn kept(&self) -> usize {
        self.buffer.len() + self.begun.as_ref().map_or(0, |(_, begun)| begun.len())
    }

    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether the peer has said its close while nobody listened.
    pub(super) fn is_over(&self) -> bool {
        self.ignoring.as_ref().is_some_and(|ignoring| ignoring.over)
    }

    /// Throws away all that is there and is yet to come.
    pub(super) fn ignore_the_rest(&mut self) {
        if self.ignoring.is_none() {
            self.ignoring = Some(Ignoring::default());
            self.begun = None;
            self.ignore();
        }
    }

    /// The next message of what was read.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Fault> {
        loop {
            if self.ignoring.is_some() {
                return Ok(None);
            }
            let Some((header, len)) = self.header()? else { return Ok(None) };
            let whole = self.begun.as_ref().map_or(0, |(_, begun)| begun.len() as u64).saturating_add(header.payload);
            if whole > self.longest as u64 && !header.opcode.is_control() {
                self.ignore_the_rest();
                return Err(Fault::TooLong);
            }
            // It fits, since a message may be that long.
            let payload = header.payload as usize;
            if self.buffer.len() < len + payload {
                return Ok(None);
            }
            self.buffer.advance(len);
            let mut payload = self.buffer.split_to(payload);
            header.mask.iter().for_each(|key| mask(&mut payload, *key));
            if let Some(message) = self.frame(header, payload)? {
                return Ok(Some(message));
            }
        }
    }

    /// The header of the frame that comes next, if it may come now.
    fn header(&self) -> Result<Option<(Header, usize)>, Fault> {
        let Some((header, len)) = Header::decode(&self.buffer)? else { return Ok(None) };
        let masked = header.mask.is_some() == (self.role == Role::Server);
        let in_turn = header.opcode.is_control() || self.begun.is_some() == (header.opcode == Opcode::Continuation);
        if masked && in_turn { Ok(Some((header, len))) } else { Err(Fault::Protocol) }
    }

    /// The message that a frame makes whole.
    fn frame(&mut self, header: Header, payload: BytesMut) -> Result<Option<Message>, Fault> {
        let (opcode, payload) = match (header.opcode, self.begun.take()) {
            (Opcode::Continuation, Some((opcode, mut begun))) => {
                begun.extend_from_slice(&payload);
                (opcode, begun)
            }
            // What it was read into may be large, and it has little of that.
            (opcode, None) if !header.last => (opcode, BytesMut::from(&payload[..])),
            (opcode, begun) => {
                self.begun = begun;
                (opcode, payload)
            }
        };
        if header.last {
            return Message::of(opcode, payload.freeze()).map(Some);
        }
        self.begun = Some((opcode, payload));
        Ok(None)
    }

    /// Reads more; how much. Nothing is the end.
    pub(super) fn poll_read(
        &mut self,
        stream: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.reserve();
        let room = self.buffer.capacity() - self.buffer.len();
        let mut limited = (&mut self.buffer).limit(room);
        let Poll::Ready(read) = poll_read_buf(stream, cx, &mut limited) else {
            if self.buffer.is_empty() {
                // Who waits keeps nothing.
                self.buffer = BytesMut::new();
            }
            return Poll::Pending;
        };
        let n = read?;
        if n == room {
            self.read_size = (2 * self.read_size).min(*READ.end());
        } else if n < room / 4 {
            self.read_size = (self.read_size / 2).max(*READ.start());
        }
        self.ignore();
        Poll::Ready(Ok(n))
    }

    /// Makes room for the frame that has begun, and for the header of the one behind it: then the room for that one is known, too.
    fn reserve(&mut self) {
        let whole = match Header::decode(&self.buffer) {
            Ok(Some((header, len))) if self.ignoring.is_none() => {
                usize::try_from(header.payload).unwrap_or(usize::MAX).saturating_add(len + HEADER_MAX)
            }
            _ => HEADER_MAX,
        };
        let room = if whole <= self.read_size.min(AHEAD) {
            self.read_size.min(AHEAD)
        } else {
            // What is merely announced takes nothing.
            whole.min(self.read_size.max(2 * self.buffer.len()))
        };
        if self.buffer.capacity() < room {
            let begun = mem::replace(&mut self.buffer, BytesMut::with_capacity(room));
            self.buffer.extend_from_slice(&begun);
        }
    }

    /// Throws away what is there, if all is to be.
    fn ignore(&mut self) {
        let Some(ignoring) = &mut self.ignoring else { return };
        while !ignoring.over {
            let here = usize::try_from(ignoring.left).unwrap_or(usize::MAX).min(self.buffer.len());
            self.buffer.advance(here);
            ignoring.left -= here as u64;
            if ignoring.left > 0 {
                break;
            }
            match Header::decode(&self.buffer) {
                _ if ignoring.closes => ignoring.over = true,
                Ok(Some((header, len))) => {
                    self.buffer.advance(len);
                    (ignoring.left, ignoring.closes) = (header.payload, header.opcode == Opcode::Close);
                }
                Ok(None) => return,
                Err(_) => ignoring.over = true,
            }
        }
        self.buffer = BytesMut::new();
    }
}
