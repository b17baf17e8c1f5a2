//! Streams that there may be at once, and whose ends when there is no place left: the newest of the key that has most, for one
//! that has less than half of that. So nobody takes all places, and two keys do not throw out each other's streams for ever.
//! Those who need no key count as one key's, and among them it is the same by the customer they come from.
//!
//! It knows names of keys, and the customers of streams without one for as long as these last. It tells names and numbers alone.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::rate::Asker;
use crate::{crowd::Crowd, lobby::Customer};

/// The key of who needs none.
pub(super) const NO_KEY: &str = "";

pub(super) struct Places {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    taken: usize,
    keys: Crowd<String, Stream>,
    /// Streams without a key once more, by whose they are.
    customers: Crowd<Customer, ()>,
    /// Keys that ever had one.
    seen: BTreeSet<String>,
}

struct Stream {
    asker: Asker,
    away: CancellationToken,
}

/// A stream's place, for as long as this lives.
pub(super) struct Place {
    places: Arc<Places>,
    asker: Asker,
    id: u64,
    away: CancellationToken,
}

impl Places {
    /// So many at most.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// A place for one more stream of whoever asks, if there is one or if another has to give it up.
    pub(super) fn take(self: &Arc<Self>, asker: Asker) -> Option<Place> {
        let mut state = self.state();
        if state.taken >= self.most {
            state.evict_for(&asker)?;
        }
        let (id, away) = (state.next, CancellationToken::new());
        state.next += 1;
        state.add(id, Stream { asker: asker.clone(), away: away.clone() });
        drop(state);
        Some(Place { places: Arc::clone(self), asker, id, away })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.state().taken
    }

    /// How many this key has.
    pub(super) fn taken_by(&self, key: &str) -> usize {
        self.state().keys.count(key)
    }

    /// How many each key has that ever had one.
    pub(super) fn by_key(&self) -> Vec<(String, usize)> {
        let state = self.state();
        state.seen.iter().map(|key| (key.clone(), state.keys.count(key))).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of whoever asks.
fn key(asker: &Asker) -> &str {
    match asker {
        Asker::Key(key) => key,
        Asker::Address(_) => NO_KEY,
    }
}

impl State {
    fn add(&mut self, id: u64, stream: Stream) {
        let key = key(&stream.asker);
        if !self.seen.contains(key) {
            self.seen.insert(key.to_owned());
        }
        if let Asker::Address(customer) = stream.asker {
            self.customers.insert(customer, id, ());
        }
        self.keys.insert(key.to_owned(), id, stream);
        self.taken += 1;
    }

    /// Gives a place back, if it has not been given back before.
    fn remove(&mut self, asker: &Asker, id: u64) -> Option<Stream> {
        let stream = self.keys.remove(key(asker), id)?;
        if let Asker::Address(customer) = asker {
            self.customers.remove(customer, id);
        }
        self.taken -= 1;
        Some(stream)
    }

    /// Sends somebody's stream away.
    fn evict_for(&mut self, asker: &Asker) -> Option<()> {
        let (own, (most, largest)) = (key(asker), self.keys.largest()?);
        let of_another = largest != own && *most >= 2 * (self.keys.count(own) + 1);
        let from = match asker {
            _ if of_another => largest,
            Asker::Address(customer) => {
                let (most, _) = self.customers.largest()?;
                (*most >= 2 * (self.customers.count(customer) + 1)).then_some(NO_KEY)?
            }
            Asker::Key(_) => return None,
        };
        let id = if from == NO_KEY {
            let (_, customer) = self.customers.largest()?;
            *self.customers.of(customer)?.last_key_value()?.0
        } else {
            *self.keys.of(from)?.last_key_value()?.0
        };
        let asker = self.keys.of(from)?.get(&id)?.asker.clone();
        self.remove(&asker, id)?.away.cancel();
        Some(())
    }
}

impl Place {
    /// Does this until it is done, or until the place is another's: then there is no result.
    pub(super) async fn while_kept<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.away.cancelled() => None,
        }
    }

    /// Cancelled when the place is another's.
    pub(super) fn away(&self) -> CancellationToken {
        self.away.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().remove(&self.asker, self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt;

    use super::*;

    fn ask(places: &Arc<Places>, key: &str) -> Option<Place> {
        places.take(Asker::Key(key.to_owned()))
    }

    fn come(places: &Arc<Places>, address: [u8; 4]) -> Option<Place> {
        places.take(Asker::Address(Customer::V4(address)))
    }

    fn is_away(place: &Place) -> bool {
        place.while_kept(pending::<()>()).now_or_never().is_some()
    }

    #[test]
    fn the_newest_of_who_has_most_gives_way_to_who_has_less_than_half() {
        let places = Places::new(9);
        let mut ana: Vec<_> = (0..9).map(|_| ask(&places, "ana").expect("room")).collect();
        assert!(ask(&places, "ana").is_none());
        let bo: Vec<_> = std::iter::from_fn(|| ask(&places, "bo")).collect();
        assert_eq!((bo.len(), places.taken()), (3, 9));
        let away: Vec<_> = ana.iter().map(is_away).collect();
        assert_eq!(away, [false, false, false, false, false, false, true, true, true]);
        assert!(!bo.iter().any(is_away) && ask(&places, "ana").is_none());
        // One that was sent away gives nothing back a second time.
        ana.truncate(6);
        assert_eq!(places.taken(), 9);
        drop(ana);
        assert_eq!(places.taken(), 3);
        drop(bo);
        assert_eq!((places.taken(), ask(&places, "cem").is_some()), (0, true));
    }
    #[test]
    fn one_who_needs_no_key_takes_no_place_of_others_who_need_none() {
        let places = Places::new(9);
        let one = [10, 0, 0, 1];
        let many: Vec<_> = (0..9).map(|_| come(&places, one).expect("room")).collect();
        assert!(come(&places, one).is_none());
        let other: Vec<_> = std::iter::from_fn(|| come(&places, [10, 0, 0, 2])).collect();
        assert_eq!((other.len(), many.iter().filter(|place| is_away(place)).count()), (3, 3));
        // To those who have a key all of them are one.
        let ana: Vec<_> = std::iter::from_fn(|| ask(&places, "ana")).collect();
        assert_eq!((ana.len(), places.by_key()), (3, vec![(String::new(), 6), ("ana".to_owned(), 3)]));
        assert_eq!((many.iter().filter(|place| is_away(place)).count(), other.iter().any(is_away)), (6, false));
        drop((many, other, ana));
        let state = places.state();
        assert!(state.taken == 0 && state.keys.largest().is_none() && state.customers.largest().is_none());
    }

    #[test]
    fn a_thousand_addresses_keep_out_nobody_who_has_a_key() {
        let places = Places::new(1000);
        let many: Vec<_> =
            (0..1000_u16).map(|n| come(&places, [10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]])).collect();
        assert!(many.iter().all(Option::is_some) && come(&places, [11, 0, 0, 1]).is_none());
        let ana: Vec<_> = std::iter::from_fn(|| ask(&places, "ana")).collect();
        assert_eq!(ana.len(), 333);
    }
}
