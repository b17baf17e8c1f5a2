//! Payload as the core moves it about: shared bytes, cut without a copy.

use std::fmt;

use bytes::{Bytes, BytesMut};
use pasarela_core::chunk::Chunk;

/// Below this length a copy costs less than the buffer that the bytes would keep alive.
const SMALL: usize = 4 * 1024;

/// A run of bytes of a stream.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Piece(Bytes);

// It is payload.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl Piece {
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Chunk for Piece {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let mut head = self.0;
        let rest = head.split_off(at.min(head.len()));
        (Self(head), Self(rest))
    }

    fn peek(&self, out: &mut [u8]) -> usize {
        let peeked = out.iter_mut().zip(self.0.iter().take(8));
        peeked.map(|(to, from)| *to = *from).count()
    }

    fn append_to(&self, prefix: &mut Vec<u8>, max: usize) {
        prefix.extend(self.0.iter().take(max));
    }

    fn from_slice(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }

    fn compact(self) -> Self {
        // The size of the buffer behind it cannot be asked for. Longer pieces either fill most of the buffer they were read
        // into, or share it with neighbours that are held as long.
        if self.0.len() < SMALL { Self(Bytes::copy_from_slice(&self.0)) } else { self }
    }

    fn join(parts: Vec<Self>) -> Self {
        let mut joined = BytesMut::with_capacity(parts.iter().map(Self::len).sum());
        for Self(part) in parts {
            joined.extend_from_slice(&part);
        }
        Self(joined.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_cut_and_joined_as_the_core_expects() {
        let piece = Piece::from_slice(b"0123456789");
        assert_eq!(format!("{piece:?}"), "Piece { len: 10, .. }");
        let (head, rest) = piece.clone().split_at(3);
        assert_eq!((head.0.as_ref(), rest.0.as_ref()), (&b"012"[..], &b"3456789"[..]));
        let (all, none) = piece.clone().split_at(11);
        assert_eq!((&all, none.len()), (&piece, 0));
        assert_eq!(Piece::join(vec![head, rest]), piece);

        let mut out = [0; 10];
        assert_eq!((piece.peek(&mut out), &out[..8]), (8, &b"01234567"[..]));
        let mut prefix = b"x".to_vec();
        piece.append_to(&mut prefix, 2);
        assert_eq!(prefix, b"x01");
        assert_eq!(piece.clone().compact(), piece);
    }
}
