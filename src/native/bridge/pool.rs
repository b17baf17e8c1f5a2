//! Several relays: which to try first, which to leave alone for a while, and a race among them for each new stream.
//!
//! A stream begins with the relay that worked last. If WhatsApp does not answer through it within a second, or something is
//! seen to go wrong, the next relay is tried beside it; the first through which WhatsApp answers has the stream, the others
//! let go of it as soon as it is known how they fare. The first bytes may so reach WhatsApp more than once, as its own apps
//! do that dial several addresses. How one relay is reached is `connect`'s.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pasarela_core::{limits, route::Kind};
use tokio::time::{Instant, timeout};

use super::{
    board::Board,
    relay::{Index, Relay},
};
use crate::{
    trouble::Trouble,
    tunnel::{self, Timing},
};

/// Another relay can be reached if it is within this time.
const REACH: Duration = Duration::from_secs(8);

/// How long things may take, and what a stream may hold.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// How long to wait for WhatsApp's first byte before the next relay is tried as well.
    pub hedge: Duration,
    /// A stream that did not reach WhatsApp for this long is given up; the app then dials again.
    pub open: Duration,
    /// A stream whose relay is lost waits so long for it; then it is given up if another relay can be reached, and the app
    /// dials again.
    pub leave: Duration,
    /// A relay with trouble is tried last for this long, twice as long each time, at most for the second.
    pub cooldown: (Duration, Duration),
    /// Stream bytes from the relay that one connection can bear before the network freezes it.
    pub budget: Option<u64>,
    /// Of a tunnel.
    pub timing: Timing,
}

/// See [`Tuning::leave`].
const LEAVE: Duration = Duration::from_secs(8);

// A relay that says nothing any more, be it dead or cut off, is left 15 s after its last byte by a stream that has something to say.
const _: () = {
    let Timing { quiet, pong, .. } = Timing::DEFAULT;
    assert!(quiet.as_millis() + pong.as_millis() + LEAVE.as_millis() <= 15_000);
};

impl Default for Tuning {
    fn default() -> Self {
        Self {
            hedge: Duration::from_secs(1),
            // WhatsApp's apps give up after 20 s by themselves. On a long line a stream needs four round trips until then.
            open: Duration::from_secs(45),
            leave: LEAVE,
            cooldown: (Duration::from_secs(15), Duration::from_secs(300)),
            budget: None,
            timing: Timing::DEFAULT,
        }
    }
}

/// All relays, and how they fared.
pub(super) struct Pool {
    relays: Vec<Relay>,
    pub(super) tuning: Tuning,
    state: Mutex<State>,
    board: Arc<Board>,
}

struct State {
    health: Vec<Health>,
    /// The relay that worked last.
    last: Option<Index>,
}

#[derive(Clone, Copy, Default)]
struct Health {
    /// Troubles since it last worked.
    troubles: u32,
    /// It is tried last until then.
    until: Option<Instant>,
}

impl Pool {
    pub(super) fn new(relays: Vec<Relay>, tuning: Tuning, board: Arc<Board>) -> Self {
        let health = vec![Health::default(); relays.len()];
        Self { relays, tuning, state: Mutex::new(State { health, last: None }), board }
    }

    pub(super) fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// The relays in the order in which they should be tried now: the one that worked last, those of which nothing bad is
    /// known, those with trouble, the longest ago first.
    pub(super) fn order(&self) -> Vec<Index> {
        let now = Instant::now();
        let state = self.lock();
        let rank = |index: &Index| {
            let until = state.health.get(index.0).and_then(|health| health.until).filter(|until| *until > now);
            (until, state.last != Some(*index), *index)
        };
        let mut order: Vec<_> = (0..self.relays.len()).map(Index).collect();
        order.sort_by_key(rank);
        order
    }

    /// Whether another relay can be reached now. If none can, this machine may have lost its network, and nothing is gained by
    /// changing.
    pub(super) async fn reaches_another(&self, than: Index) -> bool {
        for index in self.order().into_iter().filter(|index| *index != than) {
            let Some(relay) = self.relays.get(index.0) else { continue };
            if matches!(timeout(REACH, relay.dialer.dial()).await, Ok(Ok(_))) {
                return true;
            }
        }
        false
    }

    /// Whether another way to this relay is being looked for.
    pub(super) fn searches(&self, relay: Index) -> bool {
        self.relays.get(relay.0).is_some_and(|relay| relay.dialer.searches())
    }

    /// A tunnel through this relay.
    pub(super) fn options(&self, relay: Index, route: Kind) -> Option<tunnel::Options> {
        let relay = self.relays.get(relay.0)?;
        // A relay has a budget of windows for all; chat is small messages, media is not.
        let window = match route {
            Kind::Chat => limits::WINDOW_MIN,
            Kind::Tls => limits::WINDOW_MAX,
        };
        Some(tunnel::Options {
            dialer: Arc::clone(&relay.dialer),
            host: relay.authority.clone(),
            path: relay.path.clone(),
            route,
            window,
            budget: self.tuning.budget,
            timing: self.tuning.timing,
            answer: tunnel::ANSWER,
            short_heads: Arc::clone(&relay.short_heads),
            frozen: Arc::clone(&relay.frozen),
            seed: None,
        })
    }

    /// WhatsApp answered through it.
    pub(super) fn worked(&self, relay: Index) {
        let mut state = self.lock();
        state.last = Some(relay);
        if let Some(health) = state.health.get_mut(relay.0) {
            *health = Health::default();
        }
    }

    /// Something went wrong before WhatsApp answered.
    pub(super) fn failed(&self, relay: Index, trouble: Trouble) {
        let (first, longest) = self.tuning.cooldown;
        let mut state = self.lock();
        // One outage is felt by all streams at once; and that this machine is in no network is not the relay's fault.
        let known = |health: &&mut Health| health.until.is_none_or(|until| until <= Instant::now());
        let blamed = trouble != Trouble::Unreachable;
        if let Some(health) = state.health.get_mut(relay.0).filter(known).filter(|_| blamed) {
            let wait = first.saturating_mul(2_u32.saturating_pow(health.troubles)).min(longest);
            health.troubles += 1;
            health.until = Some(Instant::now() + wait);
        }
        drop(state);
        self.board.trouble(relay, trouble);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers cannot be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tunnel::Direct;

    fn pool(count: usize) -> Pool {
        let relay = |index| {
            let link = format!("http://relay{index}.example/").parse().expect("a link");
            Relay::new(&link, Arc::new(Direct::tcp("192.0.2.1:1")))
        };
        Pool::new((0..count).map(relay).collect(), Tuning::default(), Arc::new(Board::new()))
    }

    fn order(pool: &Pool) -> Vec<usize> {
        pool.order().into_iter().map(|Index(index)| index).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_worked_goes_first_and_what_failed_last_for_a_while() {
        let pool = pool(3);
        assert_eq!(order(&pool), [0, 1, 2]);
        pool.worked(Index(2));
        assert_eq!(order(&pool), [2, 0, 1]);
        pool.failed(Index(2), Trouble::Refused);
        pool.failed(Index(0), Trouble::Refused);
        assert_eq!(order(&pool), [1, 2, 0]);
        tokio::time::advance(Duration::from_secs(16)).await;
        assert_eq!(order(&pool), [2, 0, 1]);
        pool.failed(Index(0), Trouble::Refused);
        pool.failed(Index(0), Trouble::Refused);
        pool.failed(Index(2), Trouble::Unreachable);
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(order(&pool), [2, 1, 0]);
        pool.worked(Index(0));
        assert_eq!(order(&pool), [0, 1, 2]);
    }
}
