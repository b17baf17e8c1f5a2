//! A chunk without bytes: where it begins and how long it is. Nothing done with it allocates.

use pasarela_core::chunk::Chunk;

/// Bytes of a stream that begins as WhatsApp's do and goes on with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) len: usize,
}

impl Span {
    fn byte(self, index: usize) -> u8 {
        let at = usize::try_from(self.from).unwrap_or(usize::MAX).saturating_add(index);
        b"WA\x06\x03".get(at).copied().unwrap_or(0)
    }
}

impl Chunk for Span {
    fn len(&self) -> usize {
        self.len
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let at = at.min(self.len);
        (Self { len: at, ..self }, Self { from: self.from.saturating_add(at as u64), len: self.len - at })
    }

    fn peek(&self, out: &mut [u8]) -> usize {
        let n = out.len().min(self.len).min(8);
        for (index, byte) in out.iter_mut().take(n).enumerate() {
            *byte = self.byte(index);
        }
        n
    }

    fn append_to(&self, prefix: &mut Vec<u8>, max: usize) {
        prefix.extend((0..self.len.min(max)).map(|index| self.byte(index)));
    }

    fn from_slice(bytes: &[u8]) -> Self {
        Self { from: 0, len: bytes.len() }
    }

    fn compact(self) -> Self {
        self
    }

    fn join(parts: Vec<Self>) -> Self {
        let from = parts.first().map_or(0, |first| first.from);
        Self { from, len: parts.iter().map(|part| part.len).sum() }
    }
}
