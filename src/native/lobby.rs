//! Connections of which nobody knows yet whether they may stay: how many an address may have, and who goes when places are
//! short.
//!
//! Nobody is kept out: a newcomer comes in, and who has been longest without a byte goes. So whoever opens connections and
//! says nothing loses them to whoever says something. It keeps addresses in memory only, and none for more than an hour.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// So many of one customer may wait: a household's browsers, and a phone that dials all that it has at once.
const OF_ONE: usize = 64;

/// The same of a customer who has shown a key: a bridge for many dials as many as it has phones, and keeps connections ready.
const OF_ONE_KNOWN: usize = 1024;

/// Who comes with more than that at once has this long to say something: the bytes are on their way or not yet read.
const GRACE: Duration = Duration::from_secs(1);

/// A customer is known for as long after the last key that he showed.
const KNOWN: Duration = Duration::from_secs(3600);

/// Known customers at once; some 4 MB. Further ones are strangers.
const CUSTOMERS: usize = 1 << 16;

/// An IPv4 address, or the network of an IPv6 address that is one customer's: he has all of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Customer {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl From<IpAddr> for Customer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Where connections wait until it is known whether they may stay.
pub(crate) struct Lobby {
    places: usize,
    state: Mutex<State>,
}

/// A point in the order of who was heard when.
type Turn = u64;

#[derive(Default)]
struct State {
    turn: Turn,
    guests: HashMap<u64, Entry>,
    /// Guests by when they were heard last: all those of strangers, then all those of known customers.
    order: [BTreeMap<Turn, u64>; 2],
    customers: HashMap<Customer, BTreeMap<Turn, u64>>,
    known: HashMap<Customer, Instant>,
    next: u64,
}

struct Entry {
    customer: Customer,
    known: bool,
    turn: Turn,
    heard: Instant,
    away: Arc<Notify>,
}

/// A connection in the lobby, for as long as this lives.
pub(crate) struct Guest {
    lobby: Arc<Lobby>,
    id: u64,
    customer: Customer,
    away: Arc<Notify>,
    /// Whether there were as many of this customer as may stay.
    crowded: bool,
}

impl Lobby {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places: places.max(1), state: Mutex::default() })
    }

    /// Lets a connection in.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Guest {
        let (customer, now) = (Customer::from(address), Instant::now());
        let mut state = self.state();
        let (id, turn, away) = (state.next, state.next_turn(), Arc::new(Notify::new()));
        state.next += 1;
        let known = state.is_known(customer, now);
        let entry = Entry { customer, known, turn, heard: now, away: Arc::clone(&away) };
        state.guests.insert(id, entry);
        state.order[usize::from(known)].insert(turn, id);
        state.customers.entry(customer).or_default().insert(turn, id);
        state.trim(customer, now);
        while state.guests.len() > self.places {
            // The newcomer is the last of them, and there is a place for one.
            let [strangers, known] = &state.order;
            let Some((_, longest)) = strangers.first_key_value().or_else(|| known.first_key_value()) else { break };
            let longest = *longest;
            state.send_away(longest);
        }
        let crowded = state.is_crowded(customer, now);
        drop(state);
        Guest { lobby: Arc::clone(self), id, customer, away, crowded }
    }

    /// A right key came from there.
    pub(crate) fn knows(&self, address: IpAddr) {
        let (customer, now) = (Customer::from(address), Instant::now());
        let mut state = self.state();
        if state.known.len() >= CUSTOMERS {
            state.known.retain(|_, until| *until > now);
        }
        if state.known.len() >= CUSTOMERS && !state.known.contains_key(&customer) {
            return;
        }
        state.known.insert(customer, now + KNOWN);
        let State { guests, order: [strangers, known], customers, .. } = &mut *state;
        for (turn, id) in customers.get(&customer).into_iter().flatten() {
            if strangers.remove(turn).is_some() {
                known.insert(*turn, *id);
                guests.entry(*id).and_modify(|guest| guest.known = true);
            }
        }
    }

    /// Forgets customers who showed no key for long; to be called now and then.
    pub(crate) fn forget(&self) {
        let now = Instant::now();
        self.state().known.retain(|_, until| *until > now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_turn(&mut self) -> Turn {
        self.turn += 1;
        self.turn
    }

    fn is_known(&self, customer: Customer, now: Instant) -> bool {
        self.known.get(&customer).is_some_and(|until| *until > now)
    }

    /// Whether a customer has more guests than may stay.
    fn is_crowded(&self, customer: Customer, now: Instant) -> bool {
        let most = if self.is_known(customer, now) { OF_ONE_KNOWN } else { OF_ONE };
        self.customers.get(&customer).is_some_and(|own| own.len() > most)
    }

    /// Sends away whom a customer has too many of and who has said nothing for a while.
    fn trim(&mut self, customer: Customer, now: Instant) {
        while self.is_crowded(customer, now) {
            let own = self.customers.get(&customer);
            let Some((_, longest)) = own.and_then(BTreeMap::first_key_value) else { return };
            let longest = *longest;
            if self.guests.get(&longest).is_some_and(|guest| guest.heard + GRACE > now) {
                return;
            }
            self.send_away(longest);
        }
    }

    fn send_away(&mut self, id: u64) {
        if let Some(guest) = self.remove(id) {
            guest.away.notify_one();
        }
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let guest = self.guests.remove(&id)?;
        self.order[usize::from(guest.known)].remove(&guest.turn);
        if let Some(own) = self.customers.get_mut(&guest.customer) {
            own.remove(&guest.turn);
            if own.is_empty() {
                self.customers.remove(&guest.customer);
            }
        }
        Some(guest)
    }

    fn heard(&mut self, id: u64) {
        let turn = self.next_turn();
        let Some(guest) = self.guests.get_mut(&id) else { return };
        let (old, known, customer) = (guest.turn, usize::from(guest.known), guest.customer);
        (guest.turn, guest.heard) = (turn, Instant::now());
        self.order[known].remove(&old);
        self.order[known].insert(turn, id);
        let own = self.customers.entry(customer).or_default();
        own.remove(&old);
        own.insert(turn, id);
    }
}

impl Guest {
    /// It said something.
    pub(crate) fn heard(&self) {
        self.lobby.state().heard(self.id);
    }

    /// Completes when its place is another's.
    pub(crate) async fn sent_away(&self) {
        let crowded = async {
            tokio::time::sleep(GRACE).await;
            self.lobby.state().trim(self.customer, Instant::now());
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.away.notified() => {}
            () = crowded, if self.crowded => {}
        }
    }

    /// Does this until its place is another's.
    pub(crate) async fn while_here<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.sent_away() => None,
            done = work => Some(done),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.lobby.state().remove(self.id);
    }
}

#[cfg(test)]
mod tests;
