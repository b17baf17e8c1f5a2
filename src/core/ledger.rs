//! What all streams of one isolate or server hold for clients and upstreams that do not take it, and whose turn it is to go when that is
//! too much: always the one's who holds most.
//!
//! It ends no stream and measures nothing; the adapter tells what each holds.

use alloc::vec::Vec;

/// A stream's place. To be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// Its number: places are numbered from 0, and used again.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// What every stream holds, in bytes.
#[derive(Debug)]
pub struct Ledger {
    most: usize,
    total: usize,
    /// By place. Of one that is free, nothing.
    held: Vec<Option<usize>>,
    free: Vec<usize>,
}

impl Ledger {
    /// All streams together may hold so many bytes.
    pub const fn new(most: usize) -> Self {
        Self { most, total: 0, held: Vec::new(), free: Vec::new() }
    }

    /// Bytes that all may hold beyond what they do.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.most.saturating_sub(self.total)
    }

    /// A place for one more stream.
    pub fn enter(&mut self) -> Place {
        let place = self.free.pop().unwrap_or(self.held.len());
        match self.held.get_mut(place) {
            Some(held) => *held = Some(0),
            None => self.held.push(Some(0)),
        }
        Place(place)
    }

    /// The stream holds so many bytes now. If that is too much for all together, gives the stream that is to end; its bytes are
    /// not counted from then on.
    #[must_use = "a stream is to end"]
    pub fn holds(&mut self, Place(place): Place, bytes: usize) -> Option<Place> {
        let Some(Some(held)) = self.held.get_mut(place) else { return None };
        self.total = self.total - *held + bytes;
        *held = bytes;
        if self.total <= self.most {
            return None;
        }
        let (largest, held) = self.held.iter_mut().enumerate().max_by_key(|(_, held)| **held)?;
        self.total -= held.replace(0).unwrap_or(0);
        Some(Place(largest))
    }

    /// The stream is over.
    pub fn leave(&mut self, Place(place): Place) {
        if let Some(held) = self.held.get_mut(place).and_then(Option::take) {
            self.total -= held;
            self.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_holds_most_goes_whoever_comes_last() {
        let mut ledger = Ledger::new(100);
        let [a, b, c] = [(); 3].map(|()| ledger.enter());
        assert_eq!((ledger.holds(a, 60), ledger.holds(b, 30), ledger.holds(c, 10)), (None, None, None));
        assert_eq!(ledger.holds(c, 11), Some(a));
        assert_eq!((ledger.total, ledger.holds(b, 90)), (41, Some(b)));
        ledger.leave(b);
        let again = ledger.enter();
        assert_eq!((again, ledger.total), (b, 11));
    }

    proptest! {
        #[test]
        fn it_is_never_overdrawn_and_counts_what_is_there(steps in prop::collection::vec((0_usize..20, 0_usize..60), 0..300)) {
            let mut ledger = Ledger::new(100);
            let mut places = Vec::new();
            for (number, bytes) in steps {
                match places.get(number).copied() {
                    Some(place) if bytes == 0 => {
                        places.swap_remove(number);
                        ledger.leave(place);
                    }
                    Some(place) => drop(ledger.holds(place, bytes)),
                    None => places.push(ledger.enter()),
                }
                prop_assert!(ledger.total <= 100);
                prop_assert_eq!(ledger.total, ledger.held.iter().flatten().sum::<usize>());
            }
            places.drain(..).for_each(|place| ledger.leave(place));
            prop_assert_eq!((ledger.total, ledger.free.len()), (0, ledger.held.len()));
        }
    }
}
