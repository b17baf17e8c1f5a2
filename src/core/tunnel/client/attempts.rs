//! When to try the next carrier: back-off with full jitter, and when to give up.
//!
//! It opens nothing; `client` does.

use fastrand::Rng;

use super::Timing;
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Attempts {
    rng: Rng,
    failures: u32,
    retry_at: Option<Instant>,
    /// Without a carrier since.
    since: Option<Instant>,
}

impl Attempts {
    /// The first is under way.
    pub(super) fn new(seed: u64, now: Instant) -> Self {
        Self { rng: Rng::with_seed(seed), failures: 0, retry_at: None, since: Some(now) }
    }

    /// From 0 to 1.
    pub(super) fn jitter(&mut self) -> f64 {
        self.rng.f64()
    }

    /// There is no carrier, and no attempt under way.
    pub(super) fn lost(&mut self, timing: &Timing, now: Instant) {
        self.since.get_or_insert(now);
        self.retry_at.get_or_insert_with(|| {
            let most = timing.backoff.0.saturating_mul(1 << self.failures.min(16)).min(timing.backoff.1);
            now + most.mul_f64(self.rng.f64())
        });
    }

    /// An attempt failed.
    pub(super) const fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A carrier carries.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
        self.retry_at = None;
        self.since = None;
    }

    /// Whether the next attempt is due; true once.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.retry_at.take_if(|at| now >= *at).is_some()
    }

    /// Whether it has been without a carrier for too long.
    pub(super) fn is_hopeless(&self, timing: &Timing, now: Instant) -> bool {
        self.since.is_some_and(|since| now >= since + timing.give_up)
    }

    /// When to look next.
    pub(super) fn wake(&self, timing: &Timing) -> Option<Instant> {
        let give_up = self.since.map(|since| since + timing.give_up);
        match (self.retry_at, give_up) {
            (Some(retry), Some(give_up)) => Some(retry.min(give_up)),
            (retry, give_up) => retry.or(give_up),
        }
    }
}
