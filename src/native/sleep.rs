//! Whether this machine slept. The clock that measures waiting stands still meanwhile, and connections die without a word.

use std::time::{Duration, Instant, SystemTime};

/// Clocks drift apart by less.
const DRIFT: Duration = Duration::from_secs(5);

/// A moment, by the clock that sleeps and by the one that does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    waking: Instant,
    calendar: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { waking: Instant::now(), calendar: SystemTime::now() }
    }

    /// Whether the machine slept between this and a later one; or its calendar was set, which is taken for the same.
    pub(crate) fn slept_until(self, later: Self) -> bool {
        let by_calendar = later.calendar.duration_since(self.calendar).unwrap_or_default();
        by_calendar > later.waking.saturating_duration_since(self.waking) + DRIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_that_is_ahead_of_waking_time_means_sleep() {
        let first = Moment::now();
        let later = |waking, calendar| Moment {
            waking: first.waking + Duration::from_secs(waking),
            calendar: first.calendar + Duration::from_secs(calendar),
        };
        assert!(!first.slept_until(later(50, 52)));
        assert!(first.slept_until(later(50, 3600)));
        assert!(!first.slept_until(Moment { calendar: first.calendar - Duration::from_secs(60), ..later(50, 0) }));
    }
}
