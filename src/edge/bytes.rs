//! Payload as a handle of a JavaScript array: what the core moves about on the edge.
//!
//! The bytes stay outside Wasm memory; only the first ones of a stream and frame headers are read.

use js_sys::Uint8Array;
use pasarela_core::chunk::Chunk;

use crate::platform;

/// A view of bytes that nobody changes any more.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(pub(crate) Uint8Array);

impl Bytes {
    /// Nobody needs any byte of its buffer any more, whichever part of it this is. A collector that waits until there is much
    /// garbage comes too late where a hundred streams make it.
    pub(crate) fn release(self) {
        let buffer = self.0.buffer();
        if buffer.byte_length() >= WORTH {
            platform::detach(&buffer);
        }
    }
}

impl Chunk for Bytes {
    fn len(&self) -> usize {
        self.0.length() as usize
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let len = self.0.length();
        let at = u32::try_from(at).unwrap_or(len).min(len);
        if at == len {
            return (self, Self(Uint8Array::new_with_length(0)));
        }
        (Self(self.0.subarray(0, at)), Self(self.0.subarray(at, len)))
    }

    fn peek(&self, out: &mut [u8]) -> usize {
        let n = out.len().min(self.len()).min(8);
        for (index, byte) in (0..).zip(out.iter_mut().take(n)) {
            *byte = self.0.get_index(index);
        }
        n
    }

    fn append_to(&self, prefix: &mut Vec<u8>, max: usize) {
        let len = u32::try_from(max).unwrap_or(u32::MAX).min(self.0.length());
        prefix.extend(self.0.subarray(0, len).to_vec());
    }

    fn from_slice(bytes: &[u8]) -> Self {
        Self(Uint8Array::from(bytes))
    }

    fn compact(self) -> Self {
        if self.0.length() < self.0.buffer().byte_length() / 2 { Self(self.0.slice(0, self.0.length())) } else { self }
    }

    fn join(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return only;
        }
        let whole = Uint8Array::new_with_length(parts.iter().map(|part| part.0.length()).sum());
        let mut at = 0;
        for Self(part) in parts {
            whole.set(&part, at);
            at += part.length();
        }
        Self(whole)
    }

    fn discard(self) {
        let buffer = self.0.buffer();
        // A part of a buffer may be all of it that is not used.
        if self.0.length() >= WORTH && self.0.length() == buffer.byte_length() {
            platform::detach(&buffer);
        }
    }
}

/// Small ones are left to the garbage collector: they are not worth a call, in bytes.
const WORTH: u32 = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    fn bytes(text: &[u8]) -> Bytes {
        Bytes::from_slice(text)
    }

    #[wasm_bindgen_test]
    fn splitting_and_joining_keep_every_byte() {
        for at in 0..=6 {
            let (head, rest) = bytes(b"abcde").split_at(at);
            assert_eq!(head.len(), at.min(5));
            assert_eq!(Bytes::join(vec![head, rest]).0.to_vec(), b"abcde");
        }
    }

    #[wasm_bindgen_test]
    fn a_peek_reads_the_first_bytes_of_the_view_and_no_more_than_eight() {
        let (_, rest) = bytes(b"0123456789abcdef").split_at(4);
        let mut out = [0; 12];
        assert_eq!(rest.peek(&mut out), 8);
        assert_eq!(&out[..9], b"456789ab\0");
    }

    #[wasm_bindgen_test]
    fn a_small_piece_lets_go_of_its_large_buffer() {
        let (small, large) = bytes(&[7; 100]).split_at(40);
        assert_eq!(small.compact().0.buffer().byte_length(), 40);
        assert_eq!(large.compact().0.buffer().byte_length(), 100);
    }

    #[wasm_bindgen_test]
    fn what_nobody_uses_is_let_go_of_at_once_unless_another_has_a_part_of_it() {
        let whole = bytes(&[7; 10_000]);
        let buffer = whole.0.buffer();
        whole.discard();
        assert_eq!(buffer.byte_length(), 0);
        let (head, rest) = bytes(&[7; 10_000]).split_at(5_000);
        head.discard();
        assert_eq!(rest.0.to_vec(), [7; 5_000]);
    }

    #[wasm_bindgen_test]
    fn the_prefix_is_copied_up_to_its_limit() {
        let mut prefix = b"x".to_vec();
        bytes(b"abc").append_to(&mut prefix, 2);
        assert_eq!(prefix, b"xab");
    }
}
