//! When to try the next carrier: back-off with full jitter, and when to give up.
//!
//! It opens nothing; `client` does.

use fastrand::Rng;

use super::Timing;
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Backoff {
    rng: Rng,
    failures: u32,
    retry_at: Option<Instant>,
    /// Without a carrier since.
    since: Option<Instant>,
    /// There is a carrier, but it has brought nothing yet: had it not come, it would be without one since.
    unproven: Option<Instant>,
}

impl Backoff {
    /// The first is under way.
    pub(super) fn new(seed: u64, now: Instant) -> Self {
        Self { rng: Rng::with_seed(seed), failures: 0, retry_at: None, since: Some(now), unproven: None }
    }

    /// From 0 to 1.
    pub(super) fn jitter(&mut self) -> f64 {
        self.rng.f64()
    }

    /// There is no carrier. One that brought nothing was none: some networks let an upgrade through and no more.
    pub(super) fn lost(&mut self, now: Instant) {
        if let Some(since) = self.unproven.take() {
            self.since = Some(since);
            self.failed();
        }
        self.since.get_or_insert(now);
    }

    /// There is no attempt under way, and the next is not to be begun at once.
    pub(super) fn wait(&mut self, timing: &Timing, now: Instant) {
        self.retry_at.get_or_insert_with(|| {
            let most = timing.backoff.0.saturating_mul(1 << self.failures.min(16)).min(timing.backoff.1);
            now + most.mul_f64(self.rng.f64())
        });
    }

    /// Whether the next attempt is still to wait.
    pub(super) const fn is_waiting(&self) -> bool {
        self.retry_at.is_some()
    }

    /// The next attempt may be begun at once.
    pub(super) const fn wait_no_more(&mut self) {
        self.retry_at = None;
    }

    /// An attempt failed.
    pub(super) const fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// There is a carrier.
    pub(super) const fn succeeded(&mut self) {
        self.retry_at = None;
        self.unproven = self.since.take();
        if self.unproven.is_none() {
            self.failures = 0;
        }
    }

    /// The carrier carries.
    pub(super) const fn proven(&mut self) {
        if self.unproven.take().is_some() {
            self.failures = 0;
        }
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
