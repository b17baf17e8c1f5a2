//! Connections of which nobody knows yet whether they may stay: how many an address may have, and who goes when places are
//! short.
//!
//! Nobody is kept out: a newcomer comes in, and who has been longest without a byte goes. So whoever opens connections and
//! says nothing loses them to whoever says something. Those who have shown a key are spared as long as they have half of the
//! places at most, so that they keep out nobody either. It keeps addresses in memory only, and none for more than an hour.

mod known;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::crowd::Crowd;
use known::Known;

/// So many of one customer may wait: a household's browsers, and a phone that dials all that it has at once.
const OF_ONE: usize = 64;

/// The same of a customer who has shown a key: a bridge for many dials as many as it has phones, and keeps connections ready.
const OF_ONE_KNOWN: usize = 1024;

/// Who comes with more than that at once has this long to say something: the bytes are on their way or not yet read.
const GRACE: Duration = Duration::from_secs(1);

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
    /// What all guests may have said together that is not a whole request, in bytes.
    bytes: usize,
    state: Mutex<State>,
}

/// A point in the order of who was heard when.
type Turn = u64;

#[derive(Default)]
struct State {
    turn: Turn,
    guests: HashMap<u64, Entry>,
    /// Those of strangers, then those of known customers.
    halls: [Hall; 2],
    /// Guests by how much they said that is not a whole request; and all of it, in bytes.
    talkers: BTreeSet<(usize, u64)>,
    said: usize,
    known: Known,
    next: u64,
}

/// Guests of one kind by when they were heard last.
#[derive(Default)]
struct Hall {
    order: BTreeMap<Turn, u64>,
    customers: Crowd<Customer, u64>,
}

struct Entry {
    customer: Customer,
    known: bool,
    turn: Turn,
    heard: Instant,
    /// Of a request that is not whole, and by the last read alone, in bytes.
    said: usize,
    last: usize,
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
    /// For so many guests, who may have said so many bytes together that are no whole request.
    pub(crate) fn new(places: usize, bytes: usize) -> Arc<Self> {
        Arc::new(Self { places: places.max(2), bytes, state: Mutex::default() })
    }

    /// Lets a connection in.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Guest {
        let (customer, now) = (Customer::from(address), Instant::now());
        let mut state = self.state();
        let (id, turn, away) = (state.next, state.next_turn(), Arc::new(Notify::new()));
        state.next += 1;
        let known = state.known.has(customer, now);
        let entry = Entry { customer, known, turn, heard: now, said: 0, last: 0, away: Arc::clone(&away) };
        state.halls[usize::from(known)].add(turn, customer, id);
        state.guests.insert(id, entry);
        state.trim(customer, now);
        while state.guests.len() > self.places {
            let Some(longest) = state.to_make_room(self.places) else { break };
            state.send_away(longest);
        }
        let crowded = state.is_crowded(customer, now);
        drop(state);
        Guest { lobby: Arc::clone(self), id, customer, away, crowded }
    }

    /// The right key of this name came from there.
    pub(crate) fn knows(&self, address: IpAddr, key: &str) {
        let (customer, now) = (Customer::from(address), Instant::now());
        let mut state = self.state();
        state.known.shows(customer, key, now);
        let State { guests, halls: [strangers, known], .. } = &mut *state;
        while let Some((turn, id)) = strangers.longest_of(customer) {
            strangers.remove(turn, customer);
            known.add(turn, customer, id);
            guests.entry(id).and_modify(|guest| guest.known = true);
        }
    }

    /// Forgets customers who showed no key for long; to be called now and then.
    pub(crate) fn forget(&self) {
        self.state().known.forget(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hall {
    fn add(&mut self, turn: Turn, customer: Customer, id: u64) {
        self.order.insert(turn, id);
        self.customers.insert(customer, turn, id);
    }

    fn remove(&mut self, turn: Turn, customer: Customer) {
        self.order.remove(&turn);
        self.customers.remove(&customer, turn);
    }

    /// The guest of this customer who has been silent for longest, and since when.
    fn longest_of(&self, customer: Customer) -> Option<(Turn, u64)> {
        self.customers.of(&customer)?.first_key_value().map(|(turn, id)| (*turn, *id))
    }
}

impl State {
    fn next_turn(&mut self) -> Turn {
        self.turn += 1;
        self.turn
    }

    /// Who goes when there is one guest more than there are places: never the newcomer, who was heard last. Were the known not
    /// held to half of the places, one of them could fill all, and whoever comes next would be the only stranger.
    fn to_make_room(&self, places: usize) -> Option<u64> {
        let [strangers, known] = &self.halls;
        let longest = |hall: &Hall| hall.order.first_key_value().map(|(_, id)| *id);
        if known.order.len() <= places / 2 {
            return longest(strangers);
        }
        let (most, customer) = known.customers.largest()?;
        if *most == 1 { longest(known) } else { known.longest_of(*customer).map(|(_, id)| id) }
    }

    /// Whether a customer has more guests than may stay.
    fn is_crowded(&self, customer: Customer, now: Instant) -> bool {
        let most = if self.known.has(customer, now) { OF_ONE_KNOWN } else { OF_ONE };
        self.halls.iter().map(|hall| hall.customers.count(&customer)).sum::<usize>() > most
    }

    /// Sends away whom a customer has too many of and who has said nothing for a while.
    fn trim(&mut self, customer: Customer, now: Instant) {
        while self.is_crowded(customer, now) {
            let longest = self.halls.iter().filter_map(|hall| hall.longest_of(customer)).min();
            let Some((_, longest)) = longest else { return };
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
        self.halls[usize::from(guest.known)].remove(guest.turn, guest.customer);
        self.talkers.remove(&(guest.said, id));
        self.said -= guest.said;
        Some(guest)
    }

    fn heard(&mut self, id: u64) {
        let turn = self.next_turn();
        let Some(guest) = self.guests.get_mut(&id) else { return };
        let (old, customer) = (guest.turn, guest.customer);
        (guest.turn, guest.heard) = (turn, Instant::now());
        let hall = &mut self.halls[usize::from(guest.known)];
        hall.remove(old, customer);
        hall.add(turn, customer, id);
    }

    /// So much of what this guest said is no whole request, as this says.
    fn says(&mut self, id: u64, said: impl FnOnce(&mut Entry) -> usize) {
        let Some(guest) = self.guests.get_mut(&id) else { return };
        let before = guest.said;
        let after = said(guest);
        guest.said = after;
        self.talkers.remove(&(before, id));
        self.talkers.insert((after, id));
        self.said = self.said - before + after;
    }
}

impl Guest {
    /// It said something.
    pub(crate) fn heard(&self) {
        self.lobby.state().heard(self.id);
    }

    /// It said so many bytes more, which have to be kept until the request is whole. When all guests have said too much, who
    /// said most goes.
    pub(crate) fn says(&self, bytes: usize) {
        let mut state = self.lobby.state();
        state.says(self.id, |guest| {
            guest.last = bytes;
            guest.said + bytes
        });
        while state.said > self.lobby.bytes {
            let Some((_, most)) = state.talkers.last().copied() else { break };
            state.send_away(most);
        }
    }

    /// Its request was whole. What else came with the last of it may have to be kept.
    pub(crate) fn said_all(&self) {
        self.lobby.state().says(self.id, |guest| guest.said.min(guest.last));
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
