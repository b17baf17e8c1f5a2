//! Other ways that are tried because the one that works carries little: which, how often, and what came of it.

use std::time::Duration;

use tokio::time::Instant;

use super::{detour::Met, way::Way};

/// Behind a way that was found to be faster, another may be sought after this.
const AGAIN: Duration = Duration::from_secs(60);

/// So many are tried, one after the other. If none is faster the line is slow.
const MOST: usize = 3;

/// A line that is full has a longer round trip than when it was free, and one that is policed has not: so many times, and so much.
const FULL: (u32, Duration) = (2, Duration::from_millis(200));

/// What is slow, while another way is tried in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slow {
    /// It and what was no faster: others are tried.
    pub(crate) avoided: Vec<Way>,
    pub(super) way: Way,
    pub(super) met: Option<Met>,
    /// The longest round trip of a line that is not full.
    pub(crate) round_trip: Duration,
}

/// What was learned of the speed of ways in one network.
#[derive(Debug, Default)]
pub(super) struct Speed {
    /// One is being tried.
    trying: bool,
    /// Ways that were no faster, in this round.
    no_faster: Vec<Way>,
    /// None is tried before this time.
    again: Option<Instant>,
    /// The shortest round trip that was seen.
    round_trip: Option<Duration>,
}

impl Speed {
    /// A connection took so long.
    pub(super) fn connected(&mut self, round_trip: Duration) {
        self.round_trip = Some(self.round_trip.map_or(round_trip, |shortest| shortest.min(round_trip)));
    }

    /// This works and is slow. Whether another may be tried now; it is judged in any case.
    pub(super) fn begin(&mut self, (way, met): (Way, Option<Met>), now: Instant) -> Option<Slow> {
        if self.trying || self.again.is_some_and(|at| now < at) {
            return None;
        }
        self.trying = true;
        let avoided = self.no_faster.iter().copied().chain([way]).collect();
        let round_trip = self.round_trip.unwrap_or_default() * FULL.0 + FULL.1;
        Some(Slow { avoided, way, met, round_trip })
    }

    /// What came of it: the way that was tried, if one was found, and whether it is faster. It rests for so long if all was in vain.
    pub(super) fn judged(&mut self, tried: Option<Way>, faster: bool, now: Instant, rest: Duration) {
        self.trying = false;
        self.no_faster.extend(tried.filter(|_| !faster));
        if faster {
            self.again = Some(now + AGAIN);
        } else if tried.is_none() || self.no_faster.len() >= MOST {
            self.again = Some(now + rest);
        } else {
            return;
        }
        self.no_faster.clear();
    }
}
