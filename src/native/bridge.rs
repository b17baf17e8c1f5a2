//! The bridge: to a phone the official proxy, to the network an ordinary visitor of an HTTPS site.
//!
//! Each connection of the phone is one tunnel through one of the relays. What the phone says is taken apart by `frontend`,
//! how a relay is reached is `connect`'s, what a tunnel does is `tunnel`'s; here is only what joins them.

mod late;
mod relay;
mod board;
mod moved;
mod pool;
mod throttled;
mod carry;
mod socks;

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    frontend::{Door, Intake, Refusal},
    lobby::{Guest, Lobby},
    net::accept_next,
    panics,
};
use board::Board;
use pool::Pool;

pub use board::Standing;
pub use pool::Tuning;
pub use relay::{Index, Relay};

/// Connections that are carried at a time; further ones are reset. A phone has a few, a family a few dozen.
const CONNECTIONS: usize = 4096;

/// Connections of which it is not known yet what they speak.
const STRANGERS: usize = 1024;

/// They speak no HTTP; what they say first has limits of its own.
const HEADS: usize = usize::MAX;

/// Relays have this long to be told that their streams are over.
const DRAIN: Duration = Duration::from_secs(2);

/// Something to listen on.
#[derive(Debug)]
pub enum Listener {
    /// For phones.
    Phone(TcpListener, Door),
    /// For programs that speak SOCKS5.
    Socks(TcpListener),
}

/// A running bridge. Dropping it cuts all connections.
pub struct Bridge {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
}

struct Shared {
    intake: Intake,
    pool: Arc<Pool>,
    board: Arc<Board>,
    lobby: Arc<Lobby>,
    connections: Arc<Semaphore>,
    tasks: TaskTracker,
    end: CancellationToken,
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Bridge {
    /// Starts to listen and to carry, in tasks of the current runtime.
    ///
    /// # Errors
    ///
    /// A listener's address cannot be told.
    pub fn start(listeners: Vec<Listener>, intake: Intake, relays: Vec<Relay>, tuning: Tuning) -> io::Result<Self> {
        let address = |listener: &Listener| match listener {
            Listener::Phone(listener, _) | Listener::Socks(listener) => listener.local_addr(),
        };
        let addresses = listeners.iter().map(address).collect::<io::Result<_>>()?;
        let board = Arc::new(Board::new());
        let pool = Arc::new(Pool::new(relays, tuning, Arc::clone(&board)));
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        let (lobby, connections) = (Lobby::new(STRANGERS, HEADS), Arc::new(Semaphore::new(CONNECTIONS)));
        let shared = Arc::new(Shared { intake, pool, board, lobby, connections, tasks, end });
        for listener in listeners {
            let (listener, door) = match listener {
                Listener::Phone(listener, door) => (listener, Some(door)),
                Listener::Socks(listener) => (listener, None),
            };
            let (listener, accepted) = (Arc::new(listener), Arc::clone(&shared));
            let accepting = panics::again(move || accept(Arc::clone(&listener), door, Arc::clone(&accepted)));
            shared.tasks.spawn(shared.end.clone().run_until_cancelled_owned(accepting));
        }
        let board = Arc::clone(&shared.board);
        let pool = Arc::clone(&shared.pool);
        let watching = async move {
            let moved = |was_idle: bool| {
                pool.relays().iter().for_each(|relay| relay.frozen.forget());
                // What has just begun began here.
                if !was_idle {
                    board.rotate();
                }
            };
            moved::watch(&board, moved).await;
        };
        shared.tasks.spawn(shared.end.clone().run_until_cancelled_owned(watching));
        Ok(Self { addresses, shared })
    }

    /// Where it listens, in the order in which the listeners were given.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The name of a relay.
    #[must_use]
    pub fn relay(&self, Index(index): Index) -> &str {
        self.shared.pool.relays().get(index).map_or("", Relay::name)
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mut standing = self.shared.board.standing();
        if let Some(relay) = standing.relay.and_then(|Index(index)| self.shared.pool.relays().get(index)) {
            standing.detour = relay.dialer.detour();
            standing.freezes = relay.frozen.is_on();
        }
        standing
    }

    /// Told at every change of [`Bridge::standing`] but that of the byte counters.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.shared.board.watch()
    }

    /// Resets all connections, tells the relays, and waits for it, two seconds at most.
    pub async fn shutdown(self) {
        self.shared.end.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(DRAIN, self.shared.tasks.wait()).await;
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.shared.end.cancel();
    }
}

async fn accept(listener: Arc<TcpListener>, door: Option<Door>, shared: Arc<Shared>) {
    loop {
        let (tcp, peer) = accept_next(&listener).await;
        let trusted = shared.intake.admission().trusts(peer.ip());
        let guest = (!trusted).then(|| shared.lobby.enter(peer.ip()));
        let shared = Arc::clone(&shared);
        let tasks = shared.tasks.clone();
        tasks.spawn(async move { serve(tcp, door, guest, &shared).await });
    }
}

/// Takes a connection and carries it to its end.
async fn serve(tcp: TcpStream, door: Option<Door>, guest: Option<Guest>, shared: &Shared) {
    let take = async {
        match door {
            Some(door) => Some(shared.intake.accept_guest(tcp, door, (&shared.lobby, guest)).await),
            None => {
                // Before it may ask for anything.
                let Some(tcp) = shared.intake.admitted(tcp) else { return Some(Err(Refusal::Stranger)) };
                let negotiated = match &guest {
                    Some(guest) => guest.while_here(socks::negotiate(tcp)).await?,
                    None => socks::negotiate(tcp).await,
                };
                Some(shared.intake.accept_guest(negotiated?, Door::DIRECT, (&shared.lobby, guest)).await)
            }
        }
    };
    let taken = match shared.end.run_until_cancelled(take).await.flatten() {
        Some(Ok(accepted)) => match Arc::clone(&shared.connections).try_acquire_owned() {
            Ok(place) => Ok((accepted, place)),
            Err(_) => {
                accepted.local.reset();
                Err(Refusal::Crowded)
            }
        },
        Some(Err(refusal)) => Err(refusal),
        None => return,
    };
    match taken {
        Ok((accepted, _place)) => {
            let entry = shared.board.enter();
            carry::carry(&shared.pool, accepted, &entry, &shared.tasks, &shared.end).await;
        }
        Err(refusal) => {
            tracing::debug!(?refusal, "a connection is refused");
            shared.board.refused(refusal);
        }
    }
}
