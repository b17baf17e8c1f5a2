//! What a relay keeps of its tunnels: their names, whose they are, and which has to go when there is no room.
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

use super::pool::Pool;
use crate::{codes::Code, limits, time::Instant};

/// Bytes of randomness in a session's name.
pub const RANDOM: usize = 16;

/// Tunnels by name.
#[derive(Debug)]
pub struct Sessions<H> {
    shard: u8,
    opened: u64,
    entries: Vec<Entry<H>>,
}

#[derive(Debug)]
struct Entry<H> {
    name: String,
    owner: String,
    /// Its place in the order in which tunnels were opened.
    opened: u64,
    detached_at: Option<Instant>,
    /// Connections that are being established, and since when.
    dialling: Option<(usize, Instant)>,
    handle: H,
}

/// A tunnel that is to make room.
#[derive(Debug, PartialEq, Eq)]
pub struct Evicted<H> {
    /// How it is reached.
    pub handle: H,
    /// The word with which it is to be ended.
    pub code: Code,
}

impl<H> Sessions<H> {
    /// None yet; `shard` is in every name, so that a `resume` finds the way back here.
    pub const fn new(shard: u8) -> Self {
        Self { shard, opened: 0, entries: Vec::new() }
    }

    /// The name for a new tunnel.
    pub fn name(&self, random: [u8; RANDOM]) -> String {
        format!("{}.{}", self.shard, URL_SAFE_NO_PAD.encode(random))
    }

    /// Keeps a tunnel under its name. `owner` is the key that it was opened with.
    pub fn insert(&mut self, name: String, owner: &str, handle: H) {
        self.opened += 1;
        let (owner, opened) = (owner.to_string(), self.opened);
        self.entries.push(Entry { name, owner, opened, detached_at: None, dialling: None, handle });
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

    /// By what the tunnel of this name is reached.
    pub fn handle_mut(&mut self, name: &str) -> Option<&mut H> {
        self.entries.iter_mut().find(|entry| entry.name == name).map(|entry| &mut entry.handle)
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

    /// So many connections of the tunnel are being established.
    pub fn set_dialling(&mut self, name: &str, connections: usize, now: Instant) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == name) {
            let since = entry.dialling.map_or(now, |(_, since)| since);
            entry.dialling = (connections > 0).then_some((connections, since));
        }
    }

    /// Whether a further tunnel of this owner would be dialled soon, and leave others something to dial with. What has been
    /// dialled for a moment only does not count: many phones wake up at once, and most candidates answer.
    pub fn may_dial(&self, owner: &str, now: Instant) -> bool {
        let slow = |entry: &Entry<H>| entry.dialling.filter(|(_, since)| now.since(*since) >= limits::DIAL_STAGGER);
        let (mut all, mut own) = (0, 0);
        for (entry, (connections, _)) in self.entries.iter().filter_map(|entry| Some((entry, slow(entry)?))) {
            all += connections;
            own += if entry.owner == owner { connections } else { 0 };
        }
        let is_alone = self.entries.iter().all(|entry| entry.owner == owner);
        all < limits::DIALS && (is_alone || own < limits::DIALS_OF_ONE)
    }

    /// Forgets a tunnel, to make room for a further one of this owner: the caller gives its window back and ends it.
    ///
    /// It is one of the owner's who has most. First the tunnel goes that has been without a carrier for longest; one that has a
    /// carrier goes only if its owner has twice as much as the one who comes, since otherwise both would cut each other's streams
    /// for ever. In the end the one who comes loses of his own what has no carrier.
    pub fn evict(&mut self, pool: &Pool, owner: &str) -> Option<Evicted<H>> {
        let wanted = pool.reserved(owner) + Pool::LEAST;
        let mut larger: Vec<_> =
            pool.owners.iter().filter(|other| other.name != owner && other.reserved >= wanted).collect();
        larger.sort_by_key(|other| core::cmp::Reverse(other.reserved));
        if let Some(index) = larger.iter().find_map(|other| self.longest_detached(&other.name)) {
            return Some(Evicted { handle: self.entries.swap_remove(index).handle, code: Code::Gone });
        }
        if let Some(largest) = larger.first().filter(|largest| largest.reserved >= 2 * wanted)
            && let Some(index) = self.newest(&largest.name)
        {
            return Some(Evicted { handle: self.entries.swap_remove(index).handle, code: Code::Busy });
        }
        let index = self.longest_detached(owner)?;
        Some(Evicted { handle: self.entries.swap_remove(index).handle, code: Code::Gone })
    }

    fn newest(&self, owner: &str) -> Option<usize> {
        let own = self.entries.iter().enumerate().filter(|(_, entry)| entry.owner == owner);
        own.max_by_key(|(_, entry)| entry.opened).map(|(index, _)| index)
    }

    fn longest_detached(&self, owner: &str) -> Option<usize> {
        let own = self.entries.iter().enumerate().filter(|(_, entry)| entry.owner == owner);
        own.filter_map(|(index, entry)| Some((entry.detached_at?, index))).min().map(|(_, index)| index)
    }

    /// How many of this owner there are.
    pub fn count(&self, owner: &str) -> usize {
        self.entries.iter().filter(|entry| entry.owner == owner).count()
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
    use super::{super::pool::Grant, *};

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

    /// Tunnels with their windows, as an adapter keeps them.
    struct Relay {
        pool: Pool,
        sessions: Sessions<(String, Grant)>,
        next: u8,
    }

    impl Relay {
        fn new() -> Self {
            Self { pool: Pool::new(40, usize::MAX), sessions: Sessions::new(0), next: 0 }
        }

        /// Opens one; gives its name, and whom it cost his tunnel and with which word.
        fn open(&mut self, owner: &str) -> Option<(String, Option<(String, Code)>)> {
            let (mut lost, grant) = (None, self.pool.grant(owner, 0));
            let grant = match grant {
                Some(grant) => grant,
                None => {
                    let Evicted { handle: (whose, grant), code } = self.sessions.evict(&self.pool, owner)?;
                    self.pool.give_back(grant);
                    lost = Some((whose, code));
                    self.pool.grant(owner, 0).unwrap()
                }
            };
            self.next += 1;
            let name = self.sessions.name([self.next; RANDOM]);
            self.sessions.insert(name.clone(), owner, (owner.to_string(), grant));
            Some((name, lost))
        }

        fn detach(&mut self, name: &str, at: u64) {
            self.sessions.set_detached(name, Some(Instant::from_millis(at)));
        }
    }

    #[test]
    fn alone_one_loses_the_longest_detached_and_never_what_has_a_carrier() {
        let mut relay = Relay::new();
        let names: Vec<_> = (0..40).map(|_| relay.open("").unwrap().0).collect();
        assert_eq!(relay.open(""), None);
        relay.detach(&names[0], 9);
        relay.detach(&names[2], 5);
        assert_eq!(relay.open("").unwrap().1, Some((String::new(), Code::Gone)));
        assert!(relay.sessions.find(&names[2], "").is_none() && relay.sessions.find(&names[0], "").is_some());
    }

    #[test]
    fn who_has_most_goes_first_and_nobody_elses_stream_is_cut_for_him() {
        let mut relay = Relay::new();
        let bo = relay.open("bo").unwrap().0;
        relay.detach(&bo, 1);
        let ana: Vec<_> = (0..39).map(|_| relay.open("ana").unwrap().0).collect();
        // What waits for its client is not taken from who has less.
        assert_eq!(relay.open("ana"), None);
        relay.detach(&ana[7], 2);
        assert_eq!(relay.open("bo").unwrap().1, Some(("ana".into(), Code::Gone)));
        // And he has room whatever she keeps, as far as a third of all.
        let cut = Some(("ana".into(), Code::Busy));
        let more: Vec<_> = std::iter::from_fn(|| relay.open("bo")).collect();
        assert!(more.iter().take(11).all(|(_, lost)| *lost == cut), "{more:?}");
        assert_eq!((relay.sessions.count("ana"), relay.sessions.count("bo")), (27, 13));
        // The newest of hers went.
        assert!(relay.sessions.find(&ana[0], "ana").is_some() && relay.sessions.find(&ana[38], "ana").is_none());
        // Now neither takes from the other.
        assert_eq!((relay.open("ana"), relay.open("bo")), (None, None));
        assert_eq!(relay.open("cem").unwrap().1, Some(("ana".into(), Code::Busy)));
    }

    #[test]
    fn one_owner_leaves_others_something_to_dial_with() {
        let mut sessions = Sessions::new(0);
        let names: Vec<_> = (0..4).map(|n| sessions.name([n; RANDOM])).collect();
        for (name, owner) in names.iter().zip(["ana", "ana", "bo", "bo"]) {
            sessions.insert(name.clone(), owner, ());
        }
        let at = Instant::from_millis;
        let mut dials = |index: usize, connections, now| sessions.set_dialling(&names[index], connections, at(now));
        dials(0, 1, 0);
        dials(1, 1, 100);
        dials(0, 3, 300);
        assert!(sessions.may_dial("ana", at(399)));
        assert!(!sessions.may_dial("ana", at(400)) && sessions.may_dial("bo", at(400)));
        sessions.set_dialling(&names[2], 2, at(400));
        assert!(
            sessions.may_dial("bo", at(699)) && !sessions.may_dial("bo", at(700)) && !sessions.may_dial("cem", at(700))
        );
        sessions.set_dialling(&names[0], 0, at(700));
        assert!(sessions.may_dial("ana", at(700)) && sessions.may_dial("bo", at(700)));
    }
}
