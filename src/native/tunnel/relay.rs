//! The relay's end of the tunnel: HTTP on a listener, a task for each tunnel, sessions in memory.
//!
//! It serves `K/tunnel` only. Which path is a route, where a stream may go and what a tunnel does is the core's.

mod registry;
mod upstream;
mod task;
mod http;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pasarela_core::config::Config;
use pasarela_core::dial::Candidate;
use pasarela_core::route::Kind;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use registry::Registry;

pub use registry::Gauges;

/// Clients have this long to take the last messages of a relay that shuts down.
const DRAIN: Duration = Duration::from_secs(2);

/// No candidate has won yet.
const NONE: usize = usize::MAX;

/// A running relay. Dropping it cuts all its connections.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What all tasks of a relay use.
#[derive(Debug)]
struct Shared {
    config: Config,
    clock: Clock,
    registry: Arc<Registry>,
    /// The candidate for chat that won last.
    winner: AtomicUsize,
    tasks: TaskTracker,
    /// No more connections, and all tunnels are to end.
    drain: CancellationToken,
    end: CancellationToken,
}

impl Shared {
    fn preferred(&self, kind: Kind) -> Option<Candidate> {
        match kind {
            Kind::Chat => Some(self.winner.load(Ordering::Relaxed)).filter(|index| *index != NONE).map(Candidate),
            // The candidates are other ones for each name.
            Kind::Tls => None,
        }
    }

    fn won(&self, kind: Kind, Candidate(index): Candidate) {
        match kind {
            Kind::Chat => self.winner.store(index, Ordering::Relaxed),
            Kind::Tls => {}
        }
    }
}

impl Relay {
    /// Starts to serve, in tasks of the current runtime.
    ///
    /// # Errors
    ///
    /// The listener's address cannot be told.
    pub fn start(listener: TcpListener, config: Config) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config,
            clock: Clock::start(),
            registry: Arc::new(Registry::new()),
            winner: AtomicUsize::new(NONE),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            end: CancellationToken::new(),
        });
        let accepting = shared.drain.clone().run_until_cancelled_owned(accept(listener, Arc::clone(&shared)));
        shared.tasks.spawn(accepting);
        Ok(Self { address, shared })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many tunnels there are.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        *self.shared.registry.watch().borrow()
    }

    /// The same, to be waited for.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Gauges> {
        self.shared.registry.watch()
    }

    /// Payload that all tunnels hold, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.shared.registry.held()
    }

    /// Ends all tunnels with `draining` and waits for it, two seconds at most.
    pub async fn shutdown(self) {
        self.shared.drain.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(DRAIN, self.shared.tasks.wait()).await;
        self.shared.end.cancel();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // First, so that nobody finds time to say good-bye.
        self.shared.end.cancel();
        self.shared.drain.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let tcp = match listener.accept().await {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                tracing::warn!(%error, "cannot accept, trying again");
                // Out of file descriptors, usually; at once would only spin.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let connection = http::serve(tcp, Arc::clone(&shared));
        // Behind an upgrade it is not this task's any more.
        let drain = shared.drain.clone();
        shared.tasks.spawn(async move {
            if let Some(Err(error)) = drain.run_until_cancelled_owned(connection).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}
