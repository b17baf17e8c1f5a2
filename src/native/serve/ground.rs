//! What all streams of one relay stand on: the operator's variables, a clock, counters, tasks, and the signals of its end.
//!
//! It knows no route and no listener.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use pasarela_core::{codes::Code, config::Config, dial::Candidate, route::Kind};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::meter::Meter;
use crate::tunnel::{budget::Budget, clock::Clock};

/// No candidate has won yet.
const NONE: usize = usize::MAX;

pub(crate) struct Ground {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) meter: Meter,
    pub(crate) budget: Arc<Budget>,
    /// The candidate for chat that won last.
    winner: AtomicUsize,
    pub(crate) tasks: TaskTracker,
    /// No more connections, and all streams are to end.
    pub(crate) drain: CancellationToken,
    /// All is cut.
    pub(crate) end: CancellationToken,
}

// What is left out holds keys.
impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground").finish_non_exhaustive()
    }
}

/// Ready with the reason when a stream is to end that neither side has ended.
pub(crate) type Leave = Pin<Box<dyn Future<Output = Code> + Send>>;

impl Ground {
    /// For a stream that may be sent `away` for another's sake.
    pub(crate) fn leave(&self, away: CancellationToken) -> Leave {
        let drain = self.drain.clone();
        Box::pin(async move {
            tokio::select! {
                () = drain.cancelled() => Code::Draining,
                () = away.cancelled() => Code::Busy,
            }
        })
    }

    /// Its WebSockets may hold so many bytes together beyond what is granted to tunnels.
    pub(crate) fn new(config: Config, waiting: usize) -> Self {
        Self {
            config,
            clock: Clock::start(),
            meter: Meter::default(),
            budget: Budget::new(waiting),
            winner: AtomicUsize::new(NONE),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            end: CancellationToken::new(),
        }
    }

    /// The candidate to try first.
    pub(crate) fn preferred(&self, kind: Kind) -> Option<Candidate> {
        match kind {
            Kind::Chat => Some(self.winner.load(Ordering::Relaxed)).filter(|index| *index != NONE).map(Candidate),
            // The candidates are other ones for each name.
            Kind::Tls => None,
        }
    }

    /// Which candidate won.
    pub(crate) fn won(&self, kind: Kind, Candidate(index): Candidate) {
        match kind {
            Kind::Chat => self.winner.store(index, Ordering::Relaxed),
            Kind::Tls => {}
        }
    }

    /// Runs this in a task of its own until all is cut.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Boxed, because each future around it has room for it twice: where it is given and where it is polled.
        self.tasks.spawn(self.end.clone().run_until_cancelled_owned(Box::pin(work)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_shows_nothing_secret() {
        let vars = |name: &str| (name == "RELAY_KEYS").then(|| "me=a-key-of-the-tests".to_owned());
        let ground = Ground::new(Config::from_vars(vars).expect("usable"), 0);
        assert!(!format!("{ground:?}").contains("a-key"));
    }
}
