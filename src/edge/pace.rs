//! How much to read from the upstream at once.
//!
//! A read costs 25–45 µs whatever its size, so a busy stream wants large ones; a pending read pins twice its size, so an
//! idle stream wants a small one. It reads nothing itself.

/// The size of the next read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace(u32);

const MIN: u32 = 4 << 10;
const MAX: u32 = 256 << 10;

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
