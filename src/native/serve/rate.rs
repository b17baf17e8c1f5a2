//! How often one address may ask for a stream: so many a minute, and as many at once.
//!
//! It remembers addresses for a minute at most and a bounded number of them, in memory only. What is told to a client that
//! asks too often is `entry`'s.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use pasarela_core::time::Instant;

use crate::lobby::Customer;

/// Addresses remembered at once; some 4 MB. With more than this within a minute the further ones are not limited: the
/// number of all connections still is.
const ADDRESSES: usize = 1 << 16;

/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;

/// The old are looked for this often at most, in milliseconds.
const PURGE: u64 = 1000;

pub(super) struct Rate {
    /// The time of one request, in milliseconds; 0 for no limit.
    interval: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the requests made so far would have been spread evenly, in milliseconds.
    spread_until: HashMap<Customer, u64>,
    purged: u64,
}

impl Rate {
    /// So many a minute; 0 is no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        let interval = MINUTE.checked_div(u64::from(per_minute)).map_or(0, |interval| interval.max(1));
        Self { interval, state: Mutex::default() }
    }

    /// Whether this address may ask once more, which counts as having asked.
    pub(super) fn allows(&self, address: IpAddr, now: Instant) -> bool {
        if self.interval == 0 {
            return true;
        }
        let now = now.as_millis();
        // Nothing under the lock leaves it half done.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let room = state.purge(now);
        let customer = Customer::from(address);
        let known = state.spread_until.get(&customer).copied();
        if known.is_none() && !room {
            return true;
        }
        let spread_until = known.unwrap_or(0).max(now) + self.interval;
        let allowed = spread_until <= now + MINUTE;
        if allowed {
            state.spread_until.insert(customer, spread_until);
        }
        allowed
    }
}

impl Rate {
    /// Forgets who has not asked for long; to be called now and then, also when nobody asks.
    pub(super) fn forget(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.purge(now.as_millis());
    }

    /// Addresses remembered.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spread_until.len()
    }
}

impl State {
    /// Forgets who has not asked for long; whether there is room now.
    fn purge(&mut self, now: u64) -> bool {
        if now >= self.purged + PURGE {
            self.purged = now;
            self.spread_until.retain(|_, until| *until > now);
        }
        self.spread_until.len() < ADDRESSES
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn nobody_is_remembered_for_longer_than_a_minute() {
        let rate = Rate::new(1);
        assert!(rate.allows(Ipv4Addr::LOCALHOST.into(), at(5000)) && rate.remembered() == 1);
        rate.forget(at(64_999));
        assert_eq!(rate.remembered(), 1);
        rate.forget(at(66_000));
        assert_eq!(rate.remembered(), 0);
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn as_many_at_once_as_a_minute_has_and_then_one_after_the_other() {
        let rate = Rate::new(3);
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let asked = [0, 1, 2, 3, 20_000, 20_001, 40_000].map(|now| rate.allows(address, at(now)));
        assert_eq!(asked, [true, true, true, false, true, false, true]);
        assert!(rate.allows(IpAddr::from([192, 0, 2, 1]), at(3)));
    }

    #[test]
    fn an_ipv6_customer_is_one_whatever_address_he_takes_and_a_mapped_one_is_itself() {
        let rate = Rate::new(1);
        let v6 = |a, h| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, a, 0, 0, 0, h));
        assert!(rate.allows(v6(1, 1), at(0)) && !rate.allows(v6(1, 2), at(0)) && rate.allows(v6(2, 1), at(0)));
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        assert!(rate.allows(v4.into(), at(0)) && !rate.allows(v4.to_ipv6_mapped().into(), at(0)));
    }

    #[test]
    fn without_a_limit_nobody_is_remembered() {
        let rate = Rate::new(0);
        assert!((0..1000).all(|_| rate.allows(IpAddr::from(Ipv4Addr::LOCALHOST), at(0))));
        assert!(rate.state.lock().expect("whole").spread_until.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_old_make_room() {
        let rate = Rate::new(1);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let many = u32::try_from(ADDRESSES).expect("fits");
        assert!((0..many).all(|n| rate.allows(address(n), at(1000))));
        // No room, and so no limit.
        assert!((0..2).all(|_| rate.allows(address(many), at(1500))));
        assert!(!rate.allows(address(5), at(1500)));
        assert!(rate.allows(address(many), at(70_000)) && !rate.allows(address(many), at(70_000)));
    }
}
