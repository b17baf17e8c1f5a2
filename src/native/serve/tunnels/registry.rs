//! What the relay keeps of all its tunnels: names, windows, numbers. What was taken is given back when it is dropped.
//!
//! A tunnel's task owns its [`Entry`]; here is only how to reach it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use pasarela_core::{
    codes::Code,
    time::Instant,
    tunnel::{
        message::Resume,
        pool::{Grant, Pool},
        sessions::{Evicted, Sessions},
    },
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{lobby::Customer, tunnel::carrier::Socket};

/// Clients that may wait for a tunnel's task to take their carriers.
const WAITING: usize = 8;

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Tunnels that are not over.
    pub tunnels: usize,
    /// Those of them that have no carrier now.
    pub detached: usize,
    /// Tunnels opened since the start.
    pub opened: u64,
    /// Carriers that asked to go on with a tunnel of this relay since the start.
    pub resumed: u64,
}

/// All tunnels of a relay.
pub(super) struct Registry {
    state: Mutex<State>,
    gauges: watch::Sender<Gauges>,
    held: AtomicUsize,
}

struct State {
    pool: Pool,
    sessions: Sessions<Reach>,
    /// Of a relay that is open: whose each session is, by its name. Its client may go on with it from anywhere.
    keyless: HashMap<String, String>,
}

impl State {
    /// Whom a session counts for, if it was opened with this key.
    fn owner(&self, key: &str, session: &str) -> Option<String> {
        if key.is_empty() { self.keyless.get(session).cloned() } else { Some(key.to_owned()) }
    }

    fn find(&self, key: &str, session: &str) -> Option<&Reach> {
        self.sessions.find(session, &self.owner(key, session)?)
    }
}

/// How to reach the task of a tunnel.
struct Reach {
    resumes: mpsc::Sender<Attach>,
    end: oneshot::Sender<Code>,
    grant: Grant,
}

/// A client that goes on with a tunnel.
pub(super) struct Attach {
    pub(super) socket: Socket,
    pub(super) resume: Resume,
}

/// What the task of a tunnel is told by others.
pub(super) struct Inbox {
    pub(super) resumes: mpsc::Receiver<Attach>,
    /// To make room.
    pub(super) end: oneshot::Receiver<Code>,
}

/// A tunnel's place, for as long as this lives.
pub(super) struct Entry {
    registry: Arc<Registry>,
    name: String,
    window: u32,
    detached: bool,
    held: usize,
}

impl Registry {
    /// So many tunnels at most, whose windows are so many bytes together.
    pub(super) fn new(tunnels: usize, windows: usize) -> Self {
        let state = State { pool: Pool::new(tunnels, windows), sessions: Sessions::new(0), keyless: HashMap::new() };
        Self { state: Mutex::new(state), gauges: watch::Sender::default(), held: AtomicUsize::new(0) }
    }

    /// A place for a new tunnel, for which another may have to go. It counts for its key, or where there is none for its customer.
    pub(super) fn open(self: &Arc<Self>, key: &str, customer: Customer, asked: u32) -> Option<(Entry, Inbox)> {
        let own = if key.is_empty() { format!("{customer:?}") } else { key.to_owned() };
        let owner = own.as_str();
        let mut state = self.lock();
        let grant = loop {
            if let Some(grant) = state.pool.grant(owner, asked) {
                break grant;
            }
            let State { pool, sessions, .. } = &mut *state;
            let Evicted { handle: Reach { end, grant, .. }, code } = sessions.evict(pool, owner)?;
            pool.give_back(grant);
            // Failure means that it is over already.
            let _ = end.send(code);
        };
        let name = state.sessions.name(rand::random());
        let (resumes, resumes_in) = mpsc::channel(WAITING);
        let (end, end_in) = oneshot::channel();
        let window = grant.window();
        state.sessions.insert(name.clone(), owner, Reach { resumes, end, grant });
        if key.is_empty() {
            state.keyless.insert(name.clone(), own);
        }
        drop(state);
        self.count(|gauges| {
            gauges.tunnels += 1;
            gauges.opened += 1;
        });
        let entry = Entry { registry: Arc::clone(self), name, window, detached: false, held: 0 };
        Some((entry, Inbox { resumes: resumes_in, end: end_in }))
    }

    /// Whether there is a tunnel of that name that was opened with the same key.
    pub(super) fn has(&self, key: &str, session: &str) -> bool {
        self.lock().find(key, session).is_some()
    }

    /// Hands a carrier to the tunnel that it asks for; gives it back with the reason if that is not possible.
    pub(super) fn resume(&self, key: &str, attach: Attach) -> Result<(), (Socket, Code)> {
        let reach = self.lock().find(key, &attach.resume.session).map(|reach| reach.resumes.clone());
        let Some(resumes) = reach else { return Err((attach.socket, Code::Gone)) };
        match resumes.try_send(attach) {
            Ok(()) => {
                self.count(|gauges| gauges.resumed += 1);
                Ok(())
            }
            Err(mpsc::error::TrySendError::Closed(attach)) => Err((attach.socket, Code::Gone)),
            Err(mpsc::error::TrySendError::Full(attach)) => Err((attach.socket, Code::Busy)),
        }
    }

    /// How many there are, to be waited for.
    pub(super) fn watch(&self) -> watch::Receiver<Gauges> {
        self.gauges.subscribe()
    }

    /// Payload that all tunnels hold, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn count(&self, change: impl FnOnce(&mut Gauges)) {
        self.gauges.send_modify(change);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The session's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The window granted, each way, in bytes.
    pub(super) const fn window(&self) -> u32 {
        self.window
    }

    /// A larger window, if there is room for it; the one that it has now, in bytes.
    pub(super) fn widen(&mut self, asked: u32) -> u32 {
        let mut state = self.registry.lock();
        let State { pool, sessions, .. } = &mut *state;
        // One that had to make room is not there any more.
        if let Some(reach) = sessions.handle_mut(&self.name) {
            self.window = pool.widen(&mut reach.grant, asked);
        }
        self.window
    }

    /// How the tunnel stands now.
    pub(super) fn update(&mut self, detached_at: Option<Instant>, held: usize) {
        let detached = detached_at.is_some();
        if detached != self.detached {
            self.registry.lock().sessions.set_detached(&self.name, detached_at);
            self.set_detached(detached);
        }
        self.registry.held.fetch_add(held, Ordering::Relaxed);
        self.registry.held.fetch_sub(self.held, Ordering::Relaxed);
        self.held = held;
    }

    fn set_detached(&mut self, detached: bool) {
        self.detached = detached;
        self.registry.count(|gauges| {
            gauges.detached = if detached { gauges.detached + 1 } else { gauges.detached - 1 };
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        // One that had to make room is not there any more.
        if let Some(reach) = state.sessions.remove(&self.name) {
            state.pool.give_back(reach.grant);
        }
        state.keyless.remove(&self.name);
        drop(state);
        self.registry.held.fetch_sub(self.held, Ordering::Relaxed);
        if self.detached {
            self.set_detached(false);
        }
        self.registry.count(|gauges| gauges.tunnels -= 1);
    }
}

#[cfg(test)]
mod tests {
    use pasarela_core::limits;

    use super::*;

    /// Tunnels for which there is room.
    const ROOM: usize = 64;

    fn open(registry: &Arc<Registry>, key: &str, from: u8) -> Option<(Entry, Inbox)> {
        registry.open(key, Customer::V4([10, 0, 0, from]), limits::WINDOW_MIN)
    }

    fn full() -> (Arc<Registry>, Vec<(Entry, Inbox)>) {
        let registry = Arc::new(Registry::new(ROOM, ROOM * 2 * limits::WINDOW_MIN as usize));
        let entries = std::iter::from_fn(|| open(&registry, "ana", 1)).collect();
        (registry, entries)
    }

    #[test]
    fn what_is_dropped_makes_room_again() {
        let (registry, mut entries) = full();
        assert_eq!(entries.len(), ROOM);
        assert!(open(&registry, "ana", 1).is_none());
        entries.clear();
        assert_eq!(registry.watch().borrow().tunnels, 0);
        assert!(open(&registry, "ana", 1).is_some());
    }

    #[test]
    fn one_who_uses_an_open_relay_takes_no_tunnel_of_others() {
        let registry = Arc::new(Registry::new(ROOM, ROOM * 2 * limits::WINDOW_MIN as usize));
        let many: Vec<_> = std::iter::from_fn(|| open(&registry, "", 1)).collect();
        let others: Vec<_> = std::iter::from_fn(|| open(&registry, "", 2)).collect();
        assert_eq!((many.len(), others.len()), (ROOM, ROOM / 3));
        // He goes on with his from wherever he is then.
        assert!(registry.has("", others[0].0.name()) && !registry.has("ana", others[0].0.name()));
        drop((many, others));
        // Nobody's address is kept: the next one's takes its place.
        let state = registry.lock();
        assert!(state.keyless.is_empty() && state.sessions.is_empty());
    }

    #[test]
    fn the_longest_detached_goes_first_and_its_place_is_not_given_back_twice() {
        let (registry, mut entries) = full();
        for (index, at) in [(3, 7), (5, 6)] {
            entries[index].0.update(Some(Instant::from_millis(at)), 10);
        }
        assert_eq!((registry.watch().borrow().detached, registry.held()), (2, 20));
        let more = open(&registry, "ana", 1).expect("the place of the fifth");
        assert_eq!(entries[5].1.end.try_recv(), Ok(Code::Gone));
        assert!(entries[3].1.end.try_recv().is_err());
        entries.remove(5);
        entries[3].0.update(None, 0);
        assert!(open(&registry, "ana", 1).is_none());
        let gauges = *registry.watch().borrow();
        assert_eq!((gauges.tunnels, gauges.detached, registry.held()), (ROOM, 0, 0));
        drop(more);
    }
}
