//! How often one key may ask for a stream, or one address where there are no keys: so many a minute, and as many at once.
//!
//! It remembers addresses for a minute at most and a bounded number of them, in memory only. What is told to a client that
//! asks too often is `entry`'s.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use pasarela_core::time::Instant;

use crate::lobby::Customer;

/// Addresses remembered at once; some 4 MB. With more than this within a minute the further ones are not limited: the
/// number of all connections still is.
const ADDRESSES: usize = 1 << 16;

/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;

/// The old are looked for this often at most, in milliseconds.
const PURGE: u64 = 1000;

/// Who asks, and whose a stream is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    /// Somebody with the key of this name: perhaps a machine with hundreds of sessions, or a family behind several addresses.
    Key(String),
    Address(Customer),
}

/// One key may ask so many times as often as an address without one.
const KEYS_SHARE: u64 = 10;

pub(super) struct Rate {
    /// How many a minute one address may; 0 for no limit.
    per_minute: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the requests made so far would have been spread evenly, in milliseconds.
    spread_until: HashMap<Asker, u64>,
    purged: u64,
}

impl Rate {
    /// So many a minute; 0 is no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.into(), state: Mutex::default() }
    }

    /// Lets who asks do so once more, which counts as having asked.
    ///
    /// # Errors
    ///
    /// So long before he may.
    pub(super) fn allows(&self, asker: Asker, now: Instant) -> Result<(), Duration> {
        let per_minute = match &asker {
            Asker::Key(_) => self.per_minute * KEYS_SHARE,
            Asker::Address(_) => self.per_minute,
        };
        let Some(interval) = MINUTE.checked_div(per_minute) else { return Ok(()) };
        let now = now.as_millis();
        // Nothing under the lock leaves it half done.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let room = state.purge(now);
        let known = state.spread_until.get(&asker).copied();
        if known.is_none() && !room {
            return Ok(());
        }
        let spread_until = known.unwrap_or(0).max(now) + interval.max(1);
        if let Some(early @ 1..) = spread_until.checked_sub(now + MINUTE) {
            return Err(Duration::from_millis(early));
        }
        state.spread_until.insert(asker, spread_until);
        Ok(())
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
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn nobody_is_remembered_for_longer_than_a_minute() {
        let rate = Rate::new(1);
        assert!(allows(&rate, Ipv4Addr::LOCALHOST, at(5000)) && rate.remembered() == 1);
        rate.forget(at(64_999));
        assert_eq!(rate.remembered(), 1);
        rate.forget(at(66_000));
        assert_eq!(rate.remembered(), 0);
    }

    fn allows(rate: &Rate, address: impl Into<IpAddr>, now: Instant) -> bool {
        rate.allows(Asker::Address(address.into().into()), now).is_ok()
    }

    #[test]
    fn a_key_may_ask_ten_times_as_often_from_wherever_and_is_told_when_to_come_again() {
        let rate = Rate::new(120);
        let ask = |key: &str, now| rate.allows(Asker::Key(key.to_owned()), at(now));
        assert!((0..1200).all(|_| ask("ana", 0).is_ok()));
        assert_eq!(ask("ana", 0), Err(Duration::from_millis(50)));
        assert!(ask("bo", 0).is_ok() && ask("ana", 50).is_ok());
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn as_many_at_once_as_a_minute_has_and_then_one_after_the_other() {
        let rate = Rate::new(3);
        let address = Ipv4Addr::LOCALHOST;
        let asked = [0, 1, 2, 3, 20_000, 20_001, 40_000].map(|now| allows(&rate, address, at(now)));
        assert_eq!(asked, [true, true, true, false, true, false, true]);
        assert!(allows(&rate, IpAddr::from([192, 0, 2, 1]), at(3)));
    }

    #[test]
    fn an_ipv6_customer_is_one_whatever_address_he_takes_and_a_mapped_one_is_itself() {
        let rate = Rate::new(1);
        let v6 = |a, h| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, a, 0, 0, 0, h));
        assert!(allows(&rate, v6(1, 1), at(0)) && !allows(&rate, v6(1, 2), at(0)) && allows(&rate, v6(2, 1), at(0)));
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        assert!(allows(&rate, v4, at(0)) && !allows(&rate, v4.to_ipv6_mapped(), at(0)));
    }

    #[test]
    fn without_a_limit_nobody_is_remembered() {
        let rate = Rate::new(0);
        assert!((0..1000).all(|_| allows(&rate, Ipv4Addr::LOCALHOST, at(0))));
        assert!(rate.state.lock().expect("whole").spread_until.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_old_make_room() {
        let rate = Rate::new(1);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let many = u32::try_from(ADDRESSES).expect("fits");
        assert!((0..many).all(|n| allows(&rate, address(n), at(1000))));
        // No room, and so no limit.
        assert!((0..2).all(|_| allows(&rate, address(many), at(1500))));
        assert!(!allows(&rate, address(5), at(1500)));
        assert!(allows(&rate, address(many), at(70_000)) && !allows(&rate, address(many), at(70_000)));
    }
}
