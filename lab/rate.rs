//! How long bytes take at a rate, and a token bucket that polices.
//!
//! It asks no clock: the time is what the caller says it is, and it does not run backwards.

use std::time::Duration;

/// How long so many bytes take at a rate in bytes per second.
#[must_use]
pub fn transmit_time(bytes: usize, per_second: u64) -> Duration {
    let nanos = (bytes as u128) * 1_000_000_000 / u128::from(per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A token bucket. It begins full.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Bytes per second.
    per_second: u64,
    /// How long the bucket takes to fill.
    depth: Duration,
    /// When it is full again.
    full_at: Duration,
}

impl Bucket {
    /// Lets through so many bytes per second, and as many as `burst` at once.
    #[must_use]
    pub fn new(per_second: u64, burst: usize) -> Self {
        Self { per_second, depth: transmit_time(burst, per_second), full_at: Duration::ZERO }
    }

    /// Whether so many bytes may pass now. They are counted only if they may.
    #[must_use]
    pub fn take(&mut self, bytes: usize, now: Duration) -> bool {
        let full_at = self.full_at.max(now).saturating_add(transmit_time(bytes, self.per_second));
        let passes = full_at.saturating_sub(now) <= self.depth;
        if passes {
            self.full_at = full_at;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_passes_its_burst_and_then_the_rate() {
        let mut bucket = Bucket::new(1000, 2000);
        assert!(bucket.take(2000, Duration::ZERO));
        assert!(!bucket.take(1, Duration::ZERO));
        assert!(!bucket.take(1000, Duration::from_millis(999)));
        assert!(bucket.take(1000, Duration::from_secs(1)));
        assert!(!bucket.take(1, Duration::from_secs(1)));
        assert!(bucket.take(2000, Duration::from_secs(60)));
        assert!(!bucket.take(1, Duration::from_secs(60)));
    }

    #[test]
    fn bytes_take_their_time() {
        assert_eq!(transmit_time(8000, 8000), Duration::from_secs(1));
        assert_eq!(transmit_time(1, 0), Duration::from_secs(1));
    }
}
