//! What is held against clients, and until when.
//!
//! It does nothing to packets, and asks no clock.

use std::{collections::HashMap, time::Duration};

use crate::scene::Held;

/// Entries that are kept. When there are more, those that are over go.
const MOST: usize = 16_384;

/// What is held against clients, by rule.
#[derive(Clone, Debug, Default)]
pub struct Residuals(HashMap<(usize, Held), Duration>);

impl Residuals {
    /// Holds something until a time, which is not part of it. What was held longer is not shortened.
    pub fn hold(&mut self, rule: usize, held: Held, now: Duration, lasts: Duration) {
        if self.0.len() >= MOST {
            self.0.retain(|_, until| now < *until);
        }
        let until = self.0.entry((rule, held)).or_default();
        *until = now.saturating_add(lasts).max(*until);
    }

    /// It is held now.
    #[must_use]
    pub fn is_held(&self, rule: usize, held: Held, now: Duration) -> bool {
        self.0.get(&(rule, held)).is_some_and(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_at_its_time_and_not_shortened() {
        let mut residuals = Residuals::default();
        let held = || Held::ChromeName("relay.example".to_owned());
        let second = Duration::from_secs;
        residuals.hold(0, held(), second(10), second(60));
        residuals.hold(0, held(), second(11), second(1));
        assert!(residuals.is_held(0, held(), second(70) - Duration::from_nanos(1)));
        assert!(!residuals.is_held(0, held(), second(70)));
        assert!(!residuals.is_held(1, held(), second(11)));
    }
}
