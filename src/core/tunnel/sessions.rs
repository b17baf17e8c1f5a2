//! What a relay keeps of its tunnels: their names, whose they are, and how much all of them may hold.
//!
//! `H` is whatever the adapter reaches a tunnel by. Names come from randomness that the caller passes in. It ends no tunnel
//! itself: it tells which to end.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use crate::{limits, time::Instant};

/// Bytes of randomness in a session's name.
pub const RANDOM: usize = 16;

/// How much the tunnels hold together at most: a window each way for each.
///
/// Windows are granted from what is left, so that they get smaller before anybody is turned away.
#[derive(Debug)]
pub struct Pool {
    most: usize,
    held: usize,
    left: usize,
    tunnels: usize,
}

/// The window granted to a tunnel, each way, in bytes. To be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant(u32);

impl Grant {
    /// Bytes each way.
    pub const fn window(self) -> u32 {
        self.0
    }

    const fn reserved(self) -> usize {
        2 * self.0 as usize
    }
}

impl Default for Pool {
    /// For an isolate or an object of the platform's.
    fn default() -> Self {
        Self::new(limits::SESSIONS, limits::HELD)
    }
}

impl Pool {
    /// A tunnel that gets more than this part of what is left leaves too little to those that follow.
    const SHARE: usize = 32;

    /// Room for so many tunnels that hold so many bytes together.
    pub const fn new(tunnels: usize, held: usize) -> Self {
        Self { most: tunnels, held, left: held, tunnels: 0 }
    }

    /// A window for one more tunnel; none if there is no room.
    pub fn grant(&mut self, asked: u32) -> Option<Grant> {
        let share = u32::try_from(self.left / Self::SHARE / 2).unwrap_or(u32::MAX);
        let grant = Grant(asked.min(share).clamp(limits::WINDOW_MIN, limits::WINDOW_MAX));
        if self.tunnels >= self.most || grant.reserved() > self.left {
            return None;
        }
        self.left -= grant.reserved();
        self.tunnels += 1;
        Some(grant)
    }

    /// Takes a window back.
    pub fn give_back(&mut self, grant: Grant) {
        self.left = (self.left + grant.reserved()).min(self.held);
        self.tunnels = self.tunnels.saturating_sub(1);
    }

    /// Tunnels that have a window.
    #[cfg(test)]
    pub(super) const fn tunnels(&self) -> usize {
        self.tunnels
    }
}

/// Tunnels by name.
#[derive(Debug)]
pub struct Sessions<H> {
    shard: u8,
    entries: Vec<Entry<H>>,
}

#[derive(Debug)]
struct Entry<H> {
    name: String,
    owner: String,
    detached_at: Option<Instant>,
    handle: H,
}

impl<H> Sessions<H> {
    /// None yet; `shard` is in every name, so that a `resume` finds the way back here.
    pub const fn new(shard: u8) -> Self {
        Self { shard, entries: Vec::new() }
    }

    /// The name for a new tunnel.
    pub fn name(&self, random: [u8; RANDOM]) -> String {
        format!("{}.{}", self.shard, URL_SAFE_NO_PAD.encode(random))
    }

    /// Keeps a tunnel under its name. `owner` is the key that it was opened with.
    pub fn insert(&mut self, name: String, owner: &str, handle: H) {
        self.entries.push(Entry { name, owner: owner.to_string(), detached_at: None, handle });
    }

    /// The tunnel of that name, if it was opened with the same key. The time tells nothing about names or keys that are
    /// not the caller's.
    pub fn find(&self, name: &str, owner: &str) -> Option<&H> {
        let mut found = None;
        for entry in &self.entries {
            let same = entry.name.as_bytes().ct_eq(name.as_bytes()) & entry.owner.as_bytes().ct_eq(owner.as_bytes());
            if bool::from(same) {
                found = Some(&entry.handle);
            }
        }
        found
    }

    /// Since when the tunnel has had no carrier, or that it has one.
    pub fn set_detached(&mut self, name: &str, at: Option<Instant>) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == name) {
            entry.detached_at = at;
        }
    }

    /// Forgets a tunnel that is over.
    pub fn remove(&mut self, name: &str) -> Option<H> {
        let index = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.swap_remove(index).handle)
    }

    /// Forgets the tunnel that has been without a carrier for longest, to make room: the caller ends it with `gone`.
    pub fn evict(&mut self) -> Option<H> {
        let detached = self.entries.iter().enumerate().filter_map(|(index, entry)| Some((entry.detached_at?, index)));
        let (_, index) = detached.min()?;
        Some(self.entries.swap_remove(index).handle)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The shard that a session's name belongs to.
pub fn shard(name: &str) -> Option<u8> {
    name.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_shrink_before_anybody_is_turned_away_and_the_pool_is_never_overdrawn() {
        let mut pool = Pool::default();
        let mut grants = Vec::new();
        while let Some(grant) = pool.grant(limits::WINDOW_MAX) {
            grants.push(grant);
        }
        assert_eq!(grants[0].window(), limits::WINDOW_MAX);
        assert!(grants.len() > 100 && grants[100].window() < limits::WINDOW_MAX, "{}", grants.len());
        assert_eq!(grants.last().unwrap().window(), limits::WINDOW_MIN);
        assert!(grants.iter().map(|grant| grant.reserved()).sum::<usize>() <= limits::HELD);
        grants.drain(..).for_each(|grant| pool.give_back(grant));
        assert_eq!((pool.left, pool.tunnels), (limits::HELD, 0));
    }

    #[test]
    fn as_many_as_the_limit_fit_if_they_ask_for_little() {
        let mut pool = Pool::default();
        assert_eq!((0..1000).filter_map(|_| pool.grant(0)).count(), limits::SESSIONS);
    }

    #[test]
    fn a_tunnel_is_found_by_its_name_and_key_only() {
        let mut sessions = Sessions::new(3);
        let name = sessions.name([7; RANDOM]);
        assert_eq!((shard(&name), name.len()), (Some(3), 2 + 22));
        sessions.insert(name.clone(), "ana", 1);
        assert_eq!(sessions.find(&name, "ana"), Some(&1));
        assert_eq!(sessions.find(&name, "bo"), None);
        assert_eq!(sessions.find(&sessions.name([8; RANDOM]), "ana"), None);
        assert_eq!(sessions.remove(&name), Some(1));
        assert_eq!(sessions.find(&name, "ana"), None);
    }

    #[test]
    fn the_longest_detached_makes_room_and_an_attached_one_never() {
        let mut sessions = Sessions::new(0);
        for n in 0..3u8 {
            sessions.insert(sessions.name([n; RANDOM]), "", n);
        }
        assert_eq!(sessions.evict(), None);
        for (n, at) in [(0, 9), (2, 5)] {
            let name = sessions.name([n; RANDOM]);
            sessions.set_detached(&name, Some(Instant::from_millis(at)));
        }
        assert_eq!((sessions.evict(), sessions.evict(), sessions.evict()), (Some(2), Some(0), None));
    }
}
