//! The pattern that the measuring modes send and check: cheap to make, different everywhere.
//!
//! The stream of the little-endian bytes of 64-bit words, where word `k` (k = 0, 1, 2, …) is the
//! finaliser of splitmix64 over `k`, in wrapping arithmetic:
//!
//! ```text
//! z = k
//! z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
//! z = (z ^ (z >> 27)) * 0x94d049bb133111eb
//! word = z ^ (z >> 31)
//! ```
//!
//! So byte `i` of the stream is byte `i % 8` of word `i / 8`. The first word is zero. Any lost,
//! doubled or moved byte shows within the next word. Not for secrets.

/// Writes the pattern's bytes from `offset` on into `out`.
pub fn fill(offset: u64, out: &mut [u8]) {
    let (head, middle) = out.split_at_mut(head_len(offset, out.len()));
    copy_word(offset, head);
    let first = (offset + head.len() as u64) / 8;
    let mut words = middle.chunks_exact_mut(8);
    let mut k = first;
    for chunk in &mut words {
        chunk.copy_from_slice(&word(k));
        k += 1;
    }
    copy_word(k * 8, words.into_remainder());
}

/// Whether `bytes` are the pattern's from `offset` on.
#[must_use]
pub fn matches(offset: u64, bytes: &[u8]) -> bool {
    let (head, middle) = bytes.split_at(head_len(offset, bytes.len()));
    let first = (offset + head.len() as u64) / 8;
    let words = middle.chunks_exact(8);
    let tail_at = (first + words.len() as u64) * 8;
    // Without a branch in the loop, so that the compiler may use vectors.
    let differs = (first..).zip(words.clone()).fold(0, |differs, (k, chunk)| {
        let found = chunk.try_into().map_or(0, u64::from_le_bytes);
        differs | (found ^ mix(k))
    });
    differs == 0 && word_matches(offset, head) && word_matches(tail_at, words.remainder())
}

/// How many of `len` bytes at `offset` stand before the next whole word.
fn head_len(offset: u64, len: usize) -> usize {
    ((8 - (offset % 8) as usize) % 8).min(len)
}

/// Part of one word: `out` does not reach beyond it.
fn copy_word(offset: u64, out: &mut [u8]) {
    let word = word(offset / 8);
    for (to, from) in out.iter_mut().zip(word.iter().skip((offset % 8) as usize)) {
        *to = *from;
    }
}

fn word_matches(offset: u64, part: &[u8]) -> bool {
    let word = word(offset / 8);
    part.iter().eq(word.iter().skip((offset % 8) as usize).take(part.len()))
}

fn word(k: u64) -> [u8; 8] {
    mix(k).to_le_bytes()
}

fn mix(k: u64) -> u64 {
    let z = (k ^ (k >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte, as the documentation has it.
    fn plainly(offset: u64, len: usize) -> Vec<u8> {
        let byte = |i: u64| word(i / 8)[(i % 8) as usize];
        (offset..).take(len).map(byte).collect()
    }

    #[test]
    fn the_first_words_are_these() {
        let mut out = [0; 24];
        fill(0, &mut out);
        let second = 0x5692_161d_100b_05e5u64.to_le_bytes();
        assert_eq!(out[..8], [0; 8]);
        assert_eq!(out[8..16], second);
    }

    proptest! {
        #[test]
        fn any_piece_is_the_same_as_byte_by_byte(offset in 0..1u64 << 40, len in 0..200usize) {
            let mut out = vec![0; len];
            fill(offset, &mut out);
            prop_assert_eq!(&out, &plainly(offset, len));
            prop_assert!(matches(offset, &out));
        }

        #[test]
        fn any_wrong_bit_shows(offset in 0..1u64 << 40, len in 1..200usize, bit in any::<usize>()) {
            let mut out = plainly(offset, len);
            let bit = bit % (len * 8);
            out[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches(offset, &out));
        }

        #[test]
        fn a_moved_piece_shows(offset in 0..1u64 << 40, by in 1..4096u64) {
            prop_assert!(!matches(offset + by, &plainly(offset, 64)));
        }
    }
}
