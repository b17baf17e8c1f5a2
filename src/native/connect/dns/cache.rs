//! Answers that still hold.
//!
//! In memory only: on a disk it would be a list of the relays that somebody uses.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::doh::Answer;

/// As many names are kept; a user has a few relays.
const NAMES_MAX: usize = 64;

/// So long an answer holds at least: those of CDNs last seconds, and their addresses weeks.
const HOLDS_MIN: Duration = Duration::from_secs(60);

/// And so long at most.
const HOLDS_MAX: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<String, (Instant, Answer)>);

impl Cache {
    pub(super) fn get(&self, name: &str) -> Option<Answer> {
        let (expires, answer) = self.0.get(name)?;
        (Instant::now() < *expires).then(|| answer.clone())
    }

    pub(super) fn put(&mut self, name: String, answer: Answer) {
        let now = Instant::now();
        self.0.retain(|_, (expires, _)| now < *expires);
        if self.0.len() >= NAMES_MAX {
            let first = self.0.iter().min_by_key(|(_, (expires, _))| *expires).map(|(name, _)| name.clone());
            first.and_then(|name| self.0.remove(&name));
        }
        let expires = now + answer.ttl.clamp(HOLDS_MIN, HOLDS_MAX);
        self.0.insert(name, (expires, answer));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(ttl: u64) -> Answer {
        Answer { addresses: Vec::new(), ech: None, ttl: Duration::from_secs(ttl) }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_hold_for_their_time_within_bounds() {
        let mut cache = Cache::default();
        for (name, ttl) in [("short", 1), ("fits", 600), ("long", 100_000)] {
            cache.put(name.to_owned(), answer(ttl));
        }
        let held = |cache: &Cache| ["short", "fits", "long"].map(|name| cache.get(name).is_some());
        for (advance, expected) in
            [(59, [true; 3]), (2, [false, true, true]), (540, [false, false, true]), (3000, [false; 3])]
        {
            tokio::time::advance(Duration::from_secs(advance)).await;
            assert_eq!(held(&cache), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_keeps_so_many_and_no_more() {
        let mut cache = Cache::default();
        cache.put("first to expire".to_owned(), answer(60));
        (0..NAMES_MAX).for_each(|n| cache.put(n.to_string(), answer(600)));
        assert_eq!((cache.0.len(), cache.get("first to expire")), (NAMES_MAX, None));
    }
}
