//! What all streams of one isolate or server hold for clients and upstreams that do not take it, and whose turn it is to go when that is
//! too much: of the key whose streams hold most together, the one that holds most. By streams alone many small ones of one key would
//! be safe, and drive out others' larger ones.
//!
//! It ends no stream and measures nothing; the adapter tells what each holds.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::time::Instant;

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
    streams: Vec<Option<Stream>>,
    free: Vec<usize>,
    /// When the first of those that are over is to be forgotten.
    forget_at: Option<Instant>,
    /// Everybody who ever had a stream: there are as many as the operator gave keys.
    owners: Vec<Owner>,
}

#[derive(Debug)]
struct Stream {
    owner: usize,
    held: usize,
    /// It is over, and nobody can make it hold less; until then that is counted.
    over: Option<Instant>,
}

#[derive(Debug)]
struct Owner {
    name: String,
    held: usize,
}

impl Ledger {
    /// All streams together may hold so many bytes.
    pub const fn new(most: usize) -> Self {
        Self { most, total: 0, streams: Vec::new(), free: Vec::new(), forget_at: None, owners: Vec::new() }
    }

    /// Bytes that all may hold beyond what they do.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.most.saturating_sub(self.total)
    }

    /// A place for one more stream of this owner.
    pub fn enter(&mut self, owner: &str) -> Place {
        let owner = self.owners.iter().position(|known| known.name == owner).unwrap_or_else(|| {
            self.owners.push(Owner { name: owner.to_string(), held: 0 });
            self.owners.len() - 1
        });
        let stream = Some(Stream { owner, held: 0, over: None });
        let place = self.free.pop().unwrap_or(self.streams.len());
        match self.streams.get_mut(place) {
            Some(free) => *free = stream,
            None => self.streams.push(stream),
        }
        Place(place)
    }

    /// The stream holds so many bytes now.
    pub fn holds(&mut self, Place(place): Place, bytes: usize) {
        if let Some(Some(stream)) = self.streams.get_mut(place) {
            let before = core::mem::replace(&mut stream.held, bytes);
            let of_owner = self.owners.get_mut(stream.owner).map(|owner| &mut owner.held);
            for sum in of_owner.into_iter().chain([&mut self.total]) {
                *sum = *sum - before + bytes;
            }
        }
    }

    /// The stream that is to end because all together hold too much; its bytes are not counted from then on. To be asked until there is
    /// none.
    #[must_use = "a stream is to end"]
    pub fn excess(&mut self) -> Option<Place> {
        if self.total <= self.most {
            return None;
        }
        let candidates = self.streams.iter().enumerate().filter_map(|(place, stream)| Some((place, stream.as_ref()?)));
        let candidates = candidates.filter(|(_, stream)| stream.over.is_none() && stream.held > 0);
        let of_owner = |owner: usize| self.owners.get(owner).map_or(0, |owner| owner.held);
        let (largest, _) = candidates.max_by_key(|(_, stream)| (of_owner(stream.owner), stream.owner, stream.held))?;
        self.holds(Place(largest), 0);
        Some(Place(largest))
    }

    /// The stream is over, but for so many bytes that its client does not take: they are counted until then.
    pub fn is_over(&mut self, place: Place, bytes: usize, until: Instant) {
        self.holds(place, bytes);
        if let Some(Some(stream)) = self.streams.get_mut(place.0) {
            stream.over = Some(until);
            self.forget_by(until);
        }
    }

    /// Whether something is counted of streams that are over.
    #[must_use]
    pub const fn remembers(&self) -> bool {
        self.forget_at.is_some()
    }

    /// Counts no more what was to be counted until now.
    pub fn forget(&mut self, now: Instant) {
        if self.forget_at.is_none_or(|at| now < at) {
            return;
        }
        self.forget_at = None;
        for place in 0..self.streams.len() {
            let over = self.streams.get(place).and_then(Option::as_ref).and_then(|stream| stream.over);
            match over {
                Some(until) if until <= now => self.leave(Place(place)),
                Some(until) => self.forget_by(until),
                None => {}
            }
        }
    }

    fn forget_by(&mut self, until: Instant) {
        self.forget_at = Some(self.forget_at.map_or(until, |at| at.min(until)));
    }

    /// Nothing is there of the stream any more.
    pub fn leave(&mut self, place: Place) {
        self.holds(place, 0);
        if self.streams.get_mut(place.0).and_then(Option::take).is_some() {
            self.free.push(place.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use alloc::vec;

    /// Those that have to go when this one holds so much.
    fn told(ledger: &mut Ledger, place: Place, bytes: usize) -> Vec<Place> {
        ledger.holds(place, bytes);
        std::iter::from_fn(|| ledger.excess()).collect()
    }

    #[test]
    fn who_holds_most_goes_whoever_comes_last() {
        let mut ledger = Ledger::new(100);
        let [a, b, c] = [(); 3].map(|()| ledger.enter(""));
        for (place, bytes, gone) in
            [(a, 60, vec![]), (b, 30, vec![]), (c, 10, vec![]), (c, 11, vec![a]), (b, 90, vec![b])]
        {
            assert_eq!(told(&mut ledger, place, bytes), gone);
        }
        ledger.leave(b);
        let again = ledger.enter("");
        assert_eq!((again, ledger.total), (b, 11));
    }

    #[test]
    fn many_small_streams_of_one_key_drive_nobody_else_out() {
        let mut ledger = Ledger::new(100);
        let hogs: Vec<_> = (0..10).map(|_| ledger.enter("ana")).collect();
        assert!(hogs.iter().all(|hog| told(&mut ledger, *hog, 10).is_empty()));
        let slow = ledger.enter("bo");
        let gone = told(&mut ledger, slow, 40);
        assert!(gone.len() == 4 && gone.iter().all(|gone| hogs.contains(gone)), "{gone:?}");
    }

    #[test]
    fn what_is_over_is_counted_and_is_nobody_who_could_go() {
        let mut ledger = Ledger::new(100);
        let [a, b] = [(); 2].map(|()| ledger.enter(""));
        ledger.holds(a, 90);
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        ledger.is_over(a, 80, at(60));
        ledger.forget(at(59));
        assert_eq!((told(&mut ledger, b, 30), ledger.left()), (vec![b], 20));
        ledger.forget(at(60));
        assert_eq!((told(&mut ledger, b, 30), ledger.left()), (vec![], 70));
        assert_eq!(ledger.enter(""), a);
    }

    proptest! {
        #[test]
        fn it_counts_what_is_there(steps in prop::collection::vec((0_usize..20, 0_usize..60, 0..3), 0..300)) {
            let mut ledger = Ledger::new(100);
            let mut places = Vec::new();
            for (number, bytes, owner) in steps {
                match places.get(number).copied() {
                    Some(place) if bytes == 0 => {
                        places.swap_remove(number);
                        ledger.leave(place);
                    }
                    Some(place) => drop(told(&mut ledger, place, bytes)),
                    None => places.push(ledger.enter(["ana", "bo", "cem"][owner as usize])),
                }
                let held = |stream: &Stream| stream.held;
                prop_assert_eq!(ledger.total, ledger.streams.iter().flatten().map(held).sum::<usize>());
                prop_assert_eq!(ledger.total, ledger.owners.iter().map(|owner| owner.held).sum::<usize>());
                prop_assert!(ledger.total <= 100);
            }
            places.drain(..).for_each(|place| ledger.leave(place));
            prop_assert_eq!((ledger.total, ledger.free.len()), (0, ledger.streams.len()));
        }
    }
}
