//! A piece of payload that the core moves about without reading it.
//!
//! The core never owns payload bytes: the edge implements this on a handle of a JavaScript array, the native side on
//! `bytes::Bytes`. Cutting and joining are therefore done where the bytes live.

use alloc::vec::Vec;

/// A contiguous, immutable run of bytes of a stream.
pub trait Chunk: Sized {
    /// Its length in bytes.
    fn len(&self) -> usize;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `at` bytes and the rest; `at` beyond the end leaves the rest empty.
    fn split_at(self, at: usize) -> (Self, Self);

    /// Copies the first bytes into `out`, at most 8 (frame headers), and returns how many.
    fn peek(&self, out: &mut [u8]) -> usize;

    /// Copies at most `max` bytes to the end of `prefix`: only while the first bytes of a stream are looked at.
    fn append_to(&self, prefix: &mut Vec<u8>, max: usize);

    /// A chunk made of bytes that the relay itself adds (a PROXY header, a preamble).
    fn from_slice(bytes: &[u8]) -> Self;

    /// Called before a chunk is kept past the event that brought it: copies it to its own size if it fills less than
    /// half of the buffer it keeps alive.
    fn compact(self) -> Self;

    /// All parts, in order, as one chunk.
    fn join(parts: Vec<Self>) -> Self;

    /// Nobody will use what a client sent. Where a garbage collector takes its time, its memory is given back at once.
    fn discard(self) {}
}

/// Payload that went through a stream, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// The upstream took it.
    pub up: u64,
    /// It came from the upstream.
    pub down: u64,
}

#[cfg(test)]
impl Chunk for Vec<u8> {
    fn len(&self) -> usize {
        self.len()
    }

    fn split_at(mut self, at: usize) -> (Self, Self) {
        let rest = self.split_off(at.min(self.len()));
        (self, rest)
    }

    fn peek(&self, out: &mut [u8]) -> usize {
        let n = out.len().min(self.len()).min(8);
        out[..n].copy_from_slice(&self[..n]);
        n
    }

    fn append_to(&self, prefix: &mut Vec<u8>, max: usize) {
        prefix.extend_from_slice(&self[..max.min(self.len())]);
    }

    fn from_slice(bytes: &[u8]) -> Self {
        bytes.to_vec()
    }

    fn compact(self) -> Self {
        self
    }

    fn join(parts: Vec<Self>) -> Self {
        parts.concat()
    }
}
