//! Streams that there may be at once, and whose ends when there is no place left: the newest of the key that has most, for one
//! that has less than half of that. So nobody takes all places, and two keys do not throw out each other's streams for ever.
//!
//! It knows names of keys and no addresses.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

pub(super) struct Places {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    taken: usize,
    /// Streams by their key's name, and by when they came.
    owners: HashMap<String, BTreeMap<u64, CancellationToken>>,
}

/// A stream's place, for as long as this lives.
pub(super) struct Place {
    places: Arc<Places>,
    owner: String,
    id: u64,
    away: CancellationToken,
}

impl Places {
    /// So many at most.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// A place for one more stream of this key, if there is one or if another has to give it up.
    pub(super) fn take(self: &Arc<Self>, owner: &str) -> Option<Place> {
        let mut state = self.state();
        if state.taken >= self.most {
            state.evict_for(owner)?;
        }
        let (id, away) = (state.next, CancellationToken::new());
        state.next += 1;
        state.taken += 1;
        state.owners.entry(owner.to_owned()).or_default().insert(id, away.clone());
        drop(state);
        Some(Place { places: Arc::clone(self), owner: owner.to_owned(), id, away })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.state().taken
    }

    /// How many this key has.
    pub(super) fn taken_by(&self, owner: &str) -> usize {
        self.state().owners.get(owner).map_or(0, BTreeMap::len)
    }

    /// How many each key has that ever had one.
    pub(super) fn by_owner(&self) -> Vec<(String, usize)> {
        self.state().owners.iter().map(|(owner, streams)| (owner.clone(), streams.len())).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Sends somebody's stream away.
    fn evict_for(&mut self, owner: &str) -> Option<()> {
        let wanted = self.owners.get(owner).map_or(0, BTreeMap::len) + 1;
        let largest = self.owners.values_mut().max_by_key(|streams| streams.len())?;
        if largest.len() < 2 * wanted {
            return None;
        }
        let (_, away) = largest.pop_last()?;
        away.cancel();
        self.taken -= 1;
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
        let mut state = self.places.state();
        if state.owners.get_mut(&self.owner).is_some_and(|streams| streams.remove(&self.id).is_some()) {
            state.taken -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt;

    use super::*;

    fn is_away(place: &Place) -> bool {
        place.while_kept(pending::<()>()).now_or_never().is_some()
    }

    #[test]
    fn the_newest_of_who_has_most_gives_way_to_who_has_less_than_half() {
        let places = Places::new(9);
        let mut ana: Vec<_> = (0..9).map(|_| places.take("ana").expect("room")).collect();
        assert!(places.take("ana").is_none());
        let bo: Vec<_> = std::iter::from_fn(|| places.take("bo")).collect();
        assert_eq!((bo.len(), places.taken()), (3, 9));
        let away: Vec<_> = ana.iter().map(is_away).collect();
        assert_eq!(away, [false, false, false, false, false, false, true, true, true]);
        assert!(!bo.iter().any(is_away) && places.take("ana").is_none());
        // One that was sent away gives nothing back a second time.
        ana.truncate(6);
        assert_eq!(places.taken(), 9);
        drop(ana);
        assert_eq!(places.taken(), 3);
        drop(bo);
        assert_eq!((places.taken(), places.take("cem").is_some()), (0, true));
    }
}
