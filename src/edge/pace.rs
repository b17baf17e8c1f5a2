//! How much to read from the upstream at once.
//!
//! A read costs 25–45 µs whatever its size, so a busy stream wants large ones; a pending read pins twice its size, so an
//! idle stream wants a small one. It reads nothing itself.

use std::cell::Cell;

thread_local! {
    /// Bytes that all reads under way in this isolate have asked for.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that may come at any moment: all reads under way in this isolate have asked for so many.
pub(crate) fn asked() -> usize {
    ASKED.get()
}

/// A read, until it is dropped.
pub(crate) struct Asked(u32);

impl Asked {
    /// For so many bytes.
    pub(crate) fn new(size: u32) -> Self {
        ASKED.set(ASKED.get() + size as usize);
        Self(size)
    }

    /// How many.
    pub(crate) const fn size(&self) -> u32 {
        self.0
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        ASKED.set(ASKED.get().saturating_sub(self.0 as usize));
    }
}

/// The size of the next read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace(u32);

const MIN: u32 = 4 << 10;
/// The largest size, in bytes: no message to a client is larger.
pub(crate) const MAX: u32 = 256 << 10;

impl Default for Pace {
    fn default() -> Self {
        Self(MIN)
    }
}

impl Pace {
    /// Bytes to ask for.
    pub(crate) const fn size(self) -> u32 {
        self.0
    }

    /// Learns from what the last read brought: a full one doubles the next, a part shrinks it to what was of use.
    pub(crate) fn brought(&mut self, len: u32) {
        let next = if len >= self.0 { self.0.saturating_mul(2) } else { len.next_power_of_two() };
        self.0 = next.clamp(MIN, MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn it_doubles_while_reads_come_back_full_and_returns_when_they_do_not() {
        let mut pace = Pace::default();
        for expected in [8, 16, 32, 64, 128, 256, 256] {
            pace.brought(pace.size());
            assert_eq!(pace.size(), expected << 10);
        }
        pace.brought(200 << 10);
        assert_eq!(pace.size(), MAX);
        pace.brought(84);
        assert_eq!(pace.size(), MIN);
    }
}
