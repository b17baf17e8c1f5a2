//! Who of several addresses answers first, begun one after the other (RFC 8305 in spirit).
//!
//! What an attempt is the caller says: here it has won when it is through, and for a relay that is behind the TLS handshake,
//! since networks cut connections after the hello. It resolves no names and remembers nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    future::{Future, pending},
    net::SocketAddr,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{self, Instant};

use super::report::{Failed, Step};
use crate::trouble::Trouble;

/// How long the parts of a dial may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The next address is tried when the last one has not answered in this time.
    pub stagger: Duration,
    /// As many are tried at once.
    pub in_flight: usize,
    /// One that is not through in this time makes way for another, and goes on: its line may be long.
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
        patience: Duration::from_secs(3),
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

/// In which order candidates are tried, apart from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were given.
    Listed,
    /// IPv6 and IPv4 by turns.
    ByTurns { first: Family },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Self::V4,
            SocketAddr::V6(_) => Self::V6,
        }
    }
}

/// What is known of one target's addresses.
pub(super) struct Found {
    pub(super) step: Option<Step>,
    pub(super) result: Result<Vec<Candidate>, Trouble>,
}

impl Found {
    pub(super) const fn none(trouble: Trouble) -> Self {
        Self { step: None, result: Err(trouble) }
    }
}

/// Who won.
pub(super) struct Won<T> {
    pub(super) value: T,
    pub(super) candidate: Candidate,
    /// Candidates of both families were tried, and it is not of the one tried first.
    pub(super) overtook: bool,
    /// The targets that were resolved meanwhile.
    pub(super) steps: Vec<Step>,
}

/// A race that is to be run.
pub(super) struct Race<N, A> {
    pub(super) pace: Pace,
    pub(super) deadline: Instant,
    /// Tried before anybody is asked for addresses.
    pub(super) first: Vec<Candidate>,
    /// The targets, being resolved.
    pub(super) targets: Vec<N>,
    /// Asked once all that was found before has failed, or is slow.
    pub(super) later: Vec<N>,
    pub(super) order: Order,
    /// Tries one. It must end at the deadline.
    pub(super) attempt: A,
}

impl<N, A, F, T> Race<N, A>
where
    N: Future<Output = Found>,
    A: Fn(Candidate) -> F,
    F: Future<Output = Result<T, Failed>>,
{
    /// Gives the first that is through, or the most telling failure: of the latest stage, and among those the first.
    pub(super) async fn run(self) -> Result<Won<T>, Failed> {
        let mut grid = Grid::new(self.order, self.first);
        let mut waiting = VecDeque::from([self.targets, self.later]);
        let mut resolving = FuturesUnordered::new();
        let mut running = FuturesUnordered::new();
        let mut places = Places::new(&self.pace);
        let mut steps = Vec::new();
        let mut worst: Option<Failed> = None;
        // `None`: the next may start at once.
        let mut next: Option<Instant> = None;
        loop {
            if next.is_none() && places.any_free() && Instant::now() < self.deadline {
                if let Some(candidate) = grid.take() {
                    let attempt = (self.attempt)(candidate);
                    let place = places.take();
                    running.push(async move { (candidate, place, attempt.await) });
                    next = Some(Instant::now() + self.pace.stagger);
                    continue;
                }
                // The first are asked for at once, the later ones when nothing else is left to hope for.
                let first = waiting.len() > 1;
                if resolving.is_empty() && (first || places.all_free()) {
                    resolving.extend(waiting.pop_front().into_iter().flatten());
                }
            }
            if running.is_empty() && resolving.is_empty() {
                while resolving.is_empty()
                    && let Some(targets) = waiting.pop_front()
                {
                    resolving.extend(targets);
                }
                if !resolving.is_empty() {
                    continue;
                }
                return Err(worst.unwrap_or_else(|| Trouble::NoAddress.into()).behind(steps));
            }
            tokio::select! {
                Some((candidate, place, result)) = running.next(), if !running.is_empty() => match result {
                    Ok(value) => {
                        let overtook = grid.began.is_some_and(|family| family != Family::of(&candidate.address));
                        return Ok(Won { value, candidate, overtook, steps });
                    }
                    Err(failed) => {
                        note(&mut worst, failed);
                        places.leave(place);
                        next = None;
                    }
                },
                Some(Found { result, step }) = resolving.next(), if !resolving.is_empty() => match result {
                    Ok(candidates) => {
                        add_step(&mut steps, step, waiting.is_empty());
                        grid.add(candidates);
                    }
                    Err(trouble) => note(&mut worst, trouble.into()),
                },
                () = time::sleep_until(next.unwrap_or(self.deadline)), if next.is_some() => next = None,
                () = places.freed(), if next.is_none() => {}
            }
        }
    }
}

/// Tells of a target that was resolved. If it is one of the later ones, those before it were good for nothing.
fn add_step(steps: &mut Vec<Step>, step: Option<Step>, is_later: bool) {
    if is_later {
        steps.clear();
    }
    steps.extend(step);
}

/// Keeps the more telling of two failures.
fn note(worst: &mut Option<Failed>, failed: Failed) {
    if worst.as_ref().is_none_or(|worst| worst.trouble.stage() < failed.trouble.stage()) {
        *worst = Some(failed);
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

    fn all_free(&self) -> bool {
        self.taken.is_empty()
    }

    /// Completes when one is free that is taken now.
    async fn freed(&self) {
        match self.taken.values().min() {
            Some(until) => time::sleep_until(*until).await,
            None => pending().await,
        }
    }
}

/// The candidates that are not yet tried.
struct Grid {
    order: Order,
    first: VecDeque<Candidate>,
    rest: Vec<(usize, Candidate)>,
    seen: Vec<Candidate>,
    /// The family of the one tried last, and of the one tried first.
    last: Option<Family>,
    began: Option<Family>,
}

impl Grid {
    fn new(order: Order, first: Vec<Candidate>) -> Self {
        let seen = first.clone();
        Self { order, first: first.into(), rest: Vec::new(), seen, last: None, began: None }
    }

    /// Adds the addresses of one target. Those of all targets are taken by turns.
    fn add(&mut self, candidates: Vec<Candidate>) {
        for (rank, candidate) in candidates.into_iter().enumerate() {
            if !self.seen.contains(&candidate) {
                self.seen.push(candidate);
                self.rest.push((rank, candidate));
            }
        }
        self.rest.sort_by_key(|(rank, candidate)| (*rank, candidate.target));
    }

    fn take(&mut self) -> Option<Candidate> {
        let candidate = match self.first.pop_front() {
            Some(candidate) => candidate,
            None => self.take_by_order()?,
        };
        let family = Family::of(&candidate.address);
        self.last = Some(family);
        self.began.get_or_insert(family);
        Some(candidate)
    }

    fn take_by_order(&mut self) -> Option<Candidate> {
        let wanted = match (self.order, self.last) {
            (Order::Listed, _) => None,
            (Order::ByTurns { first }, None) => Some(first),
            (Order::ByTurns { .. }, Some(Family::V4)) => Some(Family::V6),
            (Order::ByTurns { .. }, Some(Family::V6)) => Some(Family::V4),
        };
        let fits = |(_, candidate): &(usize, Candidate)| wanted.is_none_or(|f| f == Family::of(&candidate.address));
        let index = self.rest.iter().position(fits).unwrap_or(0);
        (index < self.rest.len()).then(|| self.rest.remove(index).1)
    }
}

#[cfg(test)]
mod tests;
