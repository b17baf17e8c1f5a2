//! Who of several addresses answers first, begun one after the other (RFC 8305 in spirit); for resolvers.
//!
//! What an attempt is the caller says. It resolves no names and remembers nothing. How a relay is reached is `search`'s.

use std::{
    collections::{BTreeMap, VecDeque},
    future::{Future, pending},
    net::SocketAddr,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;

use crate::deadline::reached;

/// How long the parts of a dial may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The next address is tried when the last one has not answered in this time.
    pub stagger: Duration,
    /// As many are tried at once.
    pub in_flight: usize,
    /// One that is not answered in this time, for a relay after its hello and two round trips more, makes way for another, and
    /// goes on: its line may be long.
    pub patience: Duration,
    /// TCP is connected in this time, and the TLS handshake is done in as much again.
    pub stage: Duration,
    /// All together may take this time.
    pub whole: Duration,
}

impl Pace {
    /// For people who wait, some of them for six seconds a round trip. More than two handshakes at once are what some censors
    /// look for.
    pub const DEFAULT: Self = Self {
        stagger: Duration::from_millis(250),
        in_flight: 2,
        patience: Duration::from_millis(1200),
        stage: Duration::from_secs(14),
        whole: Duration::from_secs(14),
    };
}

impl Default for Pace {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Which of the targets it belongs to.
    pub(super) target: usize,
    pub(super) address: SocketAddr,
}

/// A race that is to be run.
pub(super) struct Race<A> {
    pub(super) pace: Pace,
    pub(super) deadline: Instant,
    /// In the order in which they are tried.
    pub(super) candidates: VecDeque<Candidate>,
    /// Tries one. It must end at the deadline.
    pub(super) attempt: A,
}

impl<A, F, T> Race<A>
where
    A: Fn(Candidate) -> F,
    F: Future<Output = Option<T>>,
{
    /// Gives what the first gave that had something to give.
    pub(super) async fn run(mut self) -> Option<T> {
        let mut running = FuturesUnordered::new();
        let mut places = Places::new(&self.pace);
        // `None`: the next may start at once.
        let mut next: Option<Instant> = None;
        loop {
            if next.is_none()
                && places.any_free()
                && Instant::now() < self.deadline
                && let Some(candidate) = self.candidates.pop_front()
            {
                let attempt = (self.attempt)(candidate);
                let place = places.take();
                running.push(async move { (place, attempt.await) });
                next = Some(Instant::now() + self.pace.stagger);
                continue;
            }
            if running.is_empty() {
                return None;
            }
            tokio::select! {
                Some((place, result)) = running.next() => {
                    if result.is_some() {
                        return result;
                    }
                    places.leave(place);
                    next = None;
                }
                () = reached(next.unwrap_or(self.deadline)), if next.is_some() => next = None,
                () = places.freed(), if next.is_none() => {}
            }
        }
    }
}

/// Who counts as one of those that are tried at once.
struct Places {
    most: usize,
    patience: Duration,
    begun: usize,
    /// Until when each does.
    taken: BTreeMap<usize, Instant>,
}

impl Places {
    const fn new(pace: &Pace) -> Self {
        Self { most: pace.in_flight, patience: pace.patience, begun: 0, taken: BTreeMap::new() }
    }

    fn take(&mut self) -> usize {
        self.begun += 1;
        self.taken.insert(self.begun, Instant::now() + self.patience);
        self.begun
    }

    fn leave(&mut self, place: usize) {
        self.taken.remove(&place);
    }

    fn any_free(&mut self) -> bool {
        let now = Instant::now();
        self.taken.retain(|_, until| now < *until);
        self.taken.len() < self.most
    }

    /// Completes when one is free that is taken now.
    async fn freed(&self) {
        match self.taken.values().min() {
            Some(until) => reached(*until).await,
            None => pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
