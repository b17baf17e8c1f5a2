//! One attempt of a search, and how far it is.

use std::time::Duration;

use tokio::time::Instant;

use super::{evidence::Evidence, way::Way};

/// Times and numbers of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The next endpoint is tried when the last one has not answered in this time.
    pub(crate) stagger: Duration,
    /// A hello that is not answered in this time and two round trips is taken for unanswered.
    pub(crate) patience: Duration,
    /// A connection that is not answered in this time is reason to try other ports.
    pub(crate) doubt: Duration,
    /// Hellos under way at a time; as many connections may wait for their first answer.
    pub(crate) at_once: usize,
}

/// An attempt's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) u64);

#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) id: Id,
    /// Until its hello is said the greeting is a guess, unless it repeats what worked.
    pub(super) way: Way,
    pub(super) repeats: bool,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Connecting {
        since: Instant,
    },
    /// It may not say its hello yet, or it has leave to and has not said it.
    Connected {
        since: Instant,
        round_trip: Duration,
        may_greet: bool,
    },
    /// Its hello is out. An answer is overdue at `due`, or because it never arrived.
    Greeted {
        since: Instant,
        due: Instant,
        dropped: bool,
    },
    /// It is answered, and slow.
    Heard {
        due: Instant,
    },
}

impl Attempt {
    pub(super) const fn waits_to_greet(&self) -> bool {
        matches!(self.stage, Stage::Connected { may_greet: false, .. })
    }

    pub(super) const fn is_greeting(&self) -> bool {
        matches!(self.stage, Stage::Connected { may_greet: true, .. } | Stage::Greeted { .. } | Stage::Heard { .. })
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Greeted { due, .. } | Stage::Heard { due } => Some(due),
            Stage::Connecting { .. } | Stage::Connected { .. } => None,
        }
    }

    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    /// Its hello is out for longer than an answer takes.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Greeted { due, .. } if due <= now)
    }

    /// What it is taken for while it is silent.
    pub(super) const fn silence(&self) -> Evidence {
        match self.stage {
            Stage::Greeted { dropped: true, .. } => Evidence::HelloDropped,
            Stage::Connecting { .. } | Stage::Connected { .. } | Stage::Greeted { .. } | Stage::Heard { .. } => {
                Evidence::SilentAfterHello
            }
        }
    }

    /// When an unanswered connection is reason to try another port.
    pub(super) fn doubted_at(&self, limits: &Limits) -> Option<Instant> {
        match self.stage {
            Stage::Connecting { since } => Some(since + limits.doubt),
            Stage::Connected { .. } | Stage::Greeted { .. } | Stage::Heard { .. } => None,
        }
    }

    pub(super) fn is_unanswered(&self, stagger: Duration, now: Instant) -> bool {
        matches!(self.stage, Stage::Connecting { since } if since + stagger <= now)
    }

    /// Until when its connection may be answered soon.
    pub(super) fn fresh_until(&self, limits: &Limits) -> Option<Instant> {
        match self.stage {
            Stage::Connecting { since } => Some(since + limits.patience),
            Stage::Connected { .. } | Stage::Greeted { .. } | Stage::Heard { .. } => None,
        }
    }
}
