//! Customers who showed a key of late.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::Customer;
use crate::crowd::Crowd;

/// A customer is known for as long after the last key that he showed.
const KNOWN: Duration = Duration::from_secs(3600);

/// Known customers at once; some 8 MB. A further one takes the place of whoever was known for longest by the key that made most
/// known: who has a key, and all addresses that he likes, displaces his own.
const CUSTOMERS: usize = 1 << 16;

pub(super) struct Known {
    most: usize,
    came: u64,
    customers: HashMap<Customer, Shown>,
    /// The same by the name of the key.
    by_key: Crowd<String, Customer>,
}

struct Shown {
    key: String,
    came: u64,
    until: Instant,
}

impl Default for Known {
    fn default() -> Self {
        Self { most: CUSTOMERS, came: 0, customers: HashMap::new(), by_key: Crowd::default() }
    }
}

impl Known {
    /// This customer showed the key of this name.
    pub(super) fn shows(&mut self, customer: Customer, key: &str, now: Instant) {
        self.remove(customer);
        while self.customers.len() >= self.most {
            let largest = self.by_key.largest().and_then(|(_, key)| self.by_key.of(key));
            let Some((_, oldest)) = largest.and_then(|customers| customers.first_key_value()) else { break };
            let oldest = *oldest;
            self.remove(oldest);
        }
        self.came += 1;
        self.by_key.insert(key.to_owned(), self.came, customer);
        self.customers.insert(customer, Shown { key: key.to_owned(), came: self.came, until: now + KNOWN });
    }

    pub(super) fn has(&self, customer: Customer, now: Instant) -> bool {
        self.customers.get(&customer).is_some_and(|shown| shown.until > now)
    }

    /// Forgets who showed none for long.
    pub(super) fn forget(&mut self, now: Instant) {
        let Self { customers, by_key, .. } = self;
        customers.retain(|_, shown| {
            let stays = shown.until > now;
            if !stays {
                by_key.remove(&*shown.key, shown.came);
            }
            stays
        });
    }

    fn remove(&mut self, customer: Customer) {
        if let Some(shown) = self.customers.remove(&customer) {
            self.by_key.remove(&*shown.key, shown.came);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(n: u8) -> Customer {
        Customer::V4([10, 0, 0, n])
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_makes_many_known_displaces_its_own() {
        let (mut known, now) = (Known { most: 4, ..Known::default() }, Instant::now());
        known.shows(customer(1), "ana", now);
        for n in 10..30 {
            known.shows(customer(n), "bo", now);
        }
        let there = |known: &Known| (0..30).filter(|n| known.has(customer(*n), now)).collect::<Vec<_>>();
        assert_eq!(there(&known), [1, 27, 28, 29]);
        known.shows(customer(2), "ana", now);
        known.shows(customer(3), "cem", now);
        assert_eq!(there(&known), [1, 2, 3, 29]);
        // Who shows it again takes no second place.
        known.shows(customer(1), "ana", now + KNOWN / 2);
        assert_eq!(there(&known), [1, 2, 3, 29]);
        known.forget(now + KNOWN);
        assert_eq!((known.customers.len(), known.by_key.count("ana")), (1, 1));
        known.forget(now + KNOWN * 2);
        assert!(known.customers.is_empty() && known.by_key.largest().is_none());
    }
}
