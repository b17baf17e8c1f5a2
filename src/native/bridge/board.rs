//! What a bridge shows of itself: numbers, which relay, the last trouble. Nothing of it says who did what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::relay::Index;
use crate::{
    frontend::Refusal,
    trouble::Trouble,
    tunnel::{self, Handle},
    ways::Detour,
};

/// What went wrong is shown for so long.
const SHOWN: Duration = Duration::from_secs(120);

/// How a bridge stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Connections that are carried now.
    pub connections: usize,
    /// Of them, those whose relay is being looked for or dialled again.
    pub waiting: usize,
    /// Connections taken since the start.
    pub taken: u64,
    /// Bytes that phones sent.
    pub sent: u64,
    /// Bytes that phones received.
    pub received: u64,
    /// The relay that carried the last connection to WhatsApp.
    pub relay: Option<Index>,
    /// How that relay is reached, if not as its link says.
    pub detour: Option<Detour>,
    /// The network freezes connections after some packets, so that each is used for a few only.
    pub freezes: bool,
    /// What last went wrong, with which relay and when; for two minutes, unless that relay works again.
    pub problem: Option<(Index, Trouble, Instant)>,
    /// Connections that ended because no relay reached WhatsApp.
    pub failed: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// In the last two minutes one was, because it came from outside.
    pub stranger: bool,
}

/// Where tasks write what [`Standing`] is made of.
pub(super) struct Board {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    standing: Standing,
    /// The last that was refused because it came from outside.
    stranger: Option<Instant>,
    live: HashMap<u64, Option<(Index, Handle)>>,
    next: u64,
}

/// A connection on the board; off it when dropped.
pub(super) struct Entry {
    board: Arc<Board>,
    id: u64,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// Told at every change but that of the byte counters.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn standing(&self) -> Standing {
        let state = self.lock();
        let mut standing = state.standing.clone();
        standing.connections = state.live.len();
        let recent = |at: &Instant| at.elapsed() < SHOWN;
        standing.stranger = state.stranger.as_ref().is_some_and(recent);
        standing.problem = standing.problem.filter(|(_, _, at)| recent(at));
        for carried in state.live.values() {
            let status = carried.as_ref().map(|(_, handle)| handle.status()).unwrap_or_default();
            // Why a stream that was connected is not now.
            if let (Some((relay, _)), Some(trouble), false, None) =
                (carried, status.trouble, status.attached, standing.problem)
            {
                standing.problem = Some((*relay, trouble, Instant::now()));
            }
            standing.waiting += usize::from(!status.attached || !status.connected);
            standing.sent += status.sent;
            standing.received += status.received;
        }
        standing
    }

    /// Completes when there is a connection; tells whether it had to wait for that.
    pub(super) async fn busy(&self) -> bool {
        let mut changes = self.watch();
        let mut waited = false;
        while self.lock().live.is_empty() && changes.changed().await.is_ok() {
            waited = true;
        }
        waited
    }

    /// There is a better way to the relays: streams move to new connections.
    pub(super) fn rotate(&self) {
        self.lock().live.values().flatten().for_each(|(_, handle)| handle.rotate());
    }

    /// A connection is taken.
    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        let id = self.change(|state| {
            state.standing.taken += 1;
            state.next += 1;
            state.live.insert(state.next, None);
            state.next
        });
        Entry { board: Arc::clone(self), id }
    }

    pub(super) fn refused(&self, why: Refusal) {
        self.change(|state| {
            state.standing.refused += 1;
            if why == Refusal::Stranger {
                state.stranger = Some(Instant::now());
            }
        });
    }

    pub(super) fn trouble(&self, relay: Index, trouble: Trouble) {
        self.change(|state| state.standing.problem = Some((relay, trouble, Instant::now())));
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers cannot be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// It goes through this tunnel of this relay.
    pub(super) fn carried(&self, relay: Index, handle: Handle) {
        self.board.change(|state| {
            state.live.insert(self.id, Some((relay, handle)));
            state.standing.relay = Some(relay);
            state.standing.problem = state.standing.problem.filter(|(index, _, _)| *index != relay);
        });
    }

    /// There is a better way to its relay: the other streams there move to new connections.
    pub(super) fn rotate_others(&self) {
        let state = self.board.lock();
        let Some(Some((own, _))) = state.live.get(&self.id) else { return };
        let others = state.live.iter().filter(|(id, _)| **id != self.id).filter_map(|(_, carried)| carried.as_ref());
        others.filter(|(relay, _)| relay == own).for_each(|(_, handle)| handle.rotate());
    }

    /// No relay reached WhatsApp.
    pub(super) fn failed(&self) {
        self.board.change(|state| state.standing.failed += 1);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.board.change(|state| {
            let carried = state.live.remove(&self.id).flatten();
            let tunnel::Status { sent, received, .. } = carried.map(|(_, handle)| handle.status()).unwrap_or_default();
            state.standing.sent += sent;
            state.standing.received += received;
        });
    }
}
