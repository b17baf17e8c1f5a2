//! Counters and gauges of 64 bits, also for processors that change no more than 32 at once, as those of many routers.
//!
//! What they count is `meter`'s and `counts`'.

use portable_atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use prometheus_client::metrics::{counter, gauge};

/// Counts up.
pub(crate) type Counter = counter::Counter<u64, Up>;

/// How much there is now.
pub(super) type Gauge = gauge::Gauge<i64, Now>;

/// A counter's number.
#[derive(Debug, Default)]
pub(crate) struct Up(AtomicU64);

/// A gauge's number.
#[derive(Debug, Default)]
pub(super) struct Now(AtomicI64);

impl counter::Atomic<u64> for Up {
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    fn inc_by(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Relaxed)
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl gauge::Atomic<i64> for Now {
    fn inc(&self) -> i64 {
        self.inc_by(1)
    }

    fn inc_by(&self, more: i64) -> i64 {
        self.0.fetch_add(more, Relaxed)
    }

    fn dec(&self) -> i64 {
        self.dec_by(1)
    }

    fn dec_by(&self, less: i64) -> i64 {
        self.0.fetch_sub(less, Relaxed)
    }

    fn set(&self, value: i64) -> i64 {
        self.0.swap(value, Relaxed)
    }

    fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}
