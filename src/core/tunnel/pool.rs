//! How much all tunnels of one place may hold, and how much of it each key's have.
//!
//! It holds nothing: it grants windows and counts what it granted.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::limits;

/// How much the tunnels hold together at most: a window each way for each.
///
/// Windows are granted from what is left, so that they get smaller before anybody is turned away, and first those of the key
/// whose tunnels have more than its part.
#[derive(Debug)]
pub struct Pool {
    most: usize,
    held: usize,
    left: usize,
    tunnels: usize,
    /// Everybody who has a tunnel, and others whose places are free.
    pub(super) owners: Vec<Owner>,
}

#[derive(Debug)]
pub(super) struct Owner {
    pub(super) name: String,
    tunnels: usize,
    pub(super) reserved: usize,
}

/// The window granted to a tunnel, each way, in bytes. To be given back.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    window: u32,
    owner: usize,
}

impl Grant {
    /// Bytes each way.
    pub const fn window(&self) -> u32 {
        self.window
    }

    const fn reserved(&self) -> usize {
        2 * self.window as usize
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

    /// The smallest that may be granted, in bytes both ways.
    pub(super) const LEAST: usize = 2 * limits::WINDOW_MIN as usize;

    /// Room for so many tunnels that hold so many bytes together.
    pub const fn new(tunnels: usize, held: usize) -> Self {
        Self { most: tunnels, held, left: held, tunnels: 0, owners: Vec::new() }
    }

    /// A window for one more tunnel of this owner; none if there is no room.
    pub fn grant(&mut self, owner: &str, asked: u32) -> Option<Grant> {
        let owner = self.owner(owner);
        let share = self.share(owner, self.left);
        let grant = Grant { window: asked.min(share).clamp(limits::WINDOW_MIN, limits::WINDOW_MAX), owner };
        if self.tunnels >= self.most || grant.reserved() > self.left {
            return None;
        }
        self.left -= grant.reserved();
        self.tunnels += 1;
        let owner = self.owners.get_mut(owner)?;
        owner.reserved += grant.reserved();
        owner.tunnels += 1;
        Some(grant)
    }

    /// Makes a window larger; the window that it is now. Of what is left only the upper half is for that: a window stays as large as
    /// it once was, and others are to come.
    pub fn widen(&mut self, grant: &mut Grant, asked: u32) -> u32 {
        let more = asked
            .min(limits::WINDOW_MAX)
            .saturating_sub(grant.window)
            .min(self.share(grant.owner, self.left.saturating_sub(self.held / 2)));
        let reserved = 2 * more as usize;
        self.left -= reserved;
        self.owners.get_mut(grant.owner).iter_mut().for_each(|owner| owner.reserved += reserved);
        grant.window += more;
        grant.window
    }

    /// What of so much that is left is for a tunnel of this owner, in bytes.
    fn share(&self, owner: usize, left: usize) -> u32 {
        let mine = self.owners.get(owner).map_or(0, |owner| owner.reserved);
        let others =
            self.owners.iter().enumerate().filter(|(index, other)| *index != owner && other.reserved > 0).count();
        let share = if others > 0 && mine > self.held / (others + 1) { 0 } else { left / Self::SHARE / 2 };
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// Takes a window back.
    pub fn give_back(&mut self, grant: Grant) {
        self.left = (self.left + grant.reserved()).min(self.held);
        self.tunnels = self.tunnels.saturating_sub(1);
        if let Some(owner) = self.owners.get_mut(grant.owner) {
            owner.reserved = owner.reserved.saturating_sub(grant.reserved());
            owner.tunnels = owner.tunnels.saturating_sub(1);
            if owner.tunnels == 0 {
                // Where no key is needed it is an address.
                owner.name.clear();
            }
        }
    }

    /// Whether this owner has so much that a further tunnel of his would leave too little to others, where none can be ended.
    pub fn is_greedy(&self, owner: &str) -> bool {
        let owner = self.owners.iter().find(|known| known.name == owner && known.tunnels > 0);
        owner.is_some_and(|owner| 4 * owner.reserved > 3 * self.held || 4 * owner.tunnels > 3 * self.most)
    }

    fn owner(&mut self, name: &str) -> usize {
        let owner = Owner { name: name.to_string(), tunnels: 0, reserved: 0 };
        if let Some(known) = self.owners.iter().position(|owner| owner.name == name && owner.tunnels > 0) {
            return known;
        }
        // A relay without keys has ever new owners. No grant tells of one who has no tunnel.
        if let Some((index, free)) = self.owners.iter_mut().enumerate().find(|(_, owner)| owner.tunnels == 0) {
            *free = owner;
            return index;
        }
        self.owners.push(owner);
        self.owners.len() - 1
    }

    /// What this owner's tunnels have, in bytes.
    pub(super) fn reserved(&self, name: &str) -> usize {
        self.owners.iter().find(|owner| owner.name == name && owner.tunnels > 0).map_or(0, |owner| owner.reserved)
    }

    /// Tunnels that have a window.
    #[cfg(test)]
    pub(super) const fn tunnels(&self) -> usize {
        self.tunnels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_shrink_before_anybody_is_turned_away_and_the_pool_is_never_overdrawn() {
        let mut pool = Pool::default();
        let mut grants = Vec::new();
        while let Some(grant) = pool.grant("", limits::WINDOW_MAX) {
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
    fn who_has_no_tunnel_any_more_is_forgotten_when_others_come() {
        let mut pool = Pool::default();
        let kept = pool.grant("ana", limits::WINDOW_MIN).unwrap();
        for n in 0..1000 {
            let grant = pool.grant(&n.to_string(), limits::WINDOW_MIN).unwrap();
            pool.give_back(grant);
        }
        assert_eq!((pool.owners.len(), pool.reserved("ana")), (2, kept.reserved()));
        assert!(pool.owners[1].name.is_empty());
    }

    #[test]
    fn a_window_grows_while_there_is_room_and_all_of_it_is_given_back() {
        let mut pool = Pool::default();
        let mut ana = pool.grant("ana", limits::WINDOW_MIN).unwrap();
        assert_eq!(pool.widen(&mut ana, 2 * limits::WINDOW_MIN), 2 * limits::WINDOW_MIN);
        assert!(pool.widen(&mut ana, u32::MAX) < limits::WINDOW_MAX);
        assert_eq!(pool.widen(&mut ana, u32::MAX), limits::WINDOW_MAX);
        assert_eq!(pool.widen(&mut ana, limits::WINDOW_MIN), limits::WINDOW_MAX);
        let mut chats: Vec<_> = (0..100).map(|_| pool.grant("ana", limits::WINDOW_MIN).unwrap()).collect();
        for chat in &mut chats {
            pool.widen(chat, limits::WINDOW_MAX);
        }
        let more = std::iter::from_fn(|| pool.grant("cem", limits::WINDOW_MIN)).take(200);
        let mut more: Vec<_> = more.collect();
        assert_eq!(more.len(), 200);
        chats.drain(..).chain(more.drain(..)).for_each(|chat| pool.give_back(chat));
        let rest: Vec<_> = std::iter::from_fn(|| pool.grant("bo", limits::WINDOW_MAX)).collect();
        let mut last = pool.grant("ana", 0).unwrap_or(rest.into_iter().next_back().unwrap());
        let before = last.window();
        assert!(pool.widen(&mut last, limits::WINDOW_MAX) - before <= limits::WINDOW_MIN);
        pool.give_back(ana);
        pool.give_back(last);
        assert!(pool.owners.iter().map(|owner| owner.reserved).sum::<usize>() + pool.left == limits::HELD);
    }

    #[test]
    fn as_many_as_the_limit_fit_if_they_ask_for_little() {
        let mut pool = Pool::default();
        assert_eq!((0..1000).filter_map(|_| pool.grant("", 0)).count(), limits::SESSIONS);
    }

    #[test]
    fn who_has_more_than_his_part_gets_the_smallest_windows() {
        let mut pool = Pool::default();
        let bo = pool.grant("bo", limits::WINDOW_MAX).unwrap();
        assert_eq!(bo.window(), limits::WINDOW_MAX);
        let ana: Vec<_> = std::iter::from_fn(|| pool.grant("ana", limits::WINDOW_MAX)).collect();
        assert!(ana.iter().map(Grant::reserved).sum::<usize>() > limits::HELD / 2);
        let half = ana.iter().scan(0, |sum, grant| {
            *sum += grant.reserved();
            Some((*sum, grant))
        });
        let beyond: Vec<_> = half.skip_while(|(sum, _)| *sum <= limits::HELD / 2).skip(1).collect();
        assert!(pool.is_greedy("ana") && !pool.is_greedy("bo") && !pool.is_greedy("cem"));
        assert!(beyond.len() > 100 && beyond.iter().all(|(_, grant)| grant.window() == limits::WINDOW_MIN));
    }
}
