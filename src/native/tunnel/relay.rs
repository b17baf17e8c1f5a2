//! The relay's end of the tunnel: HTTP on a listener, a task for each tunnel, sessions in memory.
//!
//! It serves `K/tunnel` only. Which path is a route, where a stream may go and what a tunnel does is the core's.

mod registry;
mod upstream;
mod task;
mod http;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pasarela_core::config::Config;
use pasarela_core::dial::Candidate;
use pasarela_core::route::Kind;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use registry::Registry;

pub use registry::Gauges;

/// Clients have this long to take the last messages of a relay that shuts down.
const DRAIN: Duration = Duration::from_secs(2);

/// Connections that are not upgraded yet. More wait in the listener's backlog.
const CONNECTIONS: usize = 4096;

/// No candidate has won yet.
const NONE: usize = usize::MAX;

/// A running relay. Dropping it cuts all its connections.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What all tasks of a relay use.
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

// What is left out holds keys and the names of sessions.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("address", &self.address).field("gauges", &self.gauges()).finish_non_exhaustive()
    }
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
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut warned = false;
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let tcp = match listener.accept().await {
            Ok((tcp, _)) => tcp,
            // Only this one is lost.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
                continue;
            }
            Err(error) => {
                if !warned {
                    tracing::warn!(%error, "cannot accept, trying again");
                    warned = true;
                }
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
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const KEY: &str = "a-key-of-the-tests";

    async fn relay() -> Relay {
        let vars = |name: &str| (name == "RELAY_KEYS").then(|| format!("tests={KEY}"));
        let config = Config::from_vars(vars).expect("usable");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        Relay::start(listener, config).expect("bound")
    }

    /// Says this, and hears all that the relay answers.
    async fn answer(relay: &Relay, request: &str) -> String {
        let mut tcp = TcpStream::connect(relay.address()).await.expect("listening");
        tcp.write_all(request.as_bytes()).await.expect("connected");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.expect("an end");
        answer
    }

    #[tokio::test]
    async fn its_debug_holds_no_key_and_no_session() {
        let relay = relay().await;
        let (entry, _inbox) = relay.shared.registry.open("tests", 0).expect("room");
        let shown = format!("{relay:?}");
        assert!(shown.contains("tunnels: 1") && !shown.contains(KEY) && !shown.contains(entry.name()), "{shown}");
    }

    #[tokio::test]
    async fn a_connection_is_over_with_its_first_answer() {
        let relay = relay().await;
        let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let answers = answer(&relay, &request.repeat(2)).await;
        assert_eq!(answers.matches("HTTP/1.1 404").count(), 1, "{answers}");
        let long = |len: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(len));
        assert!(answer(&relay, &long(12 * 1024)).await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_says_all_is_cut_in_time() {
        let relay = relay().await;
        let body = format!("POST /{KEY}/tunnel HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1");
        for request in ["GET / HTTP/1.1\r\n", &body] {
            let begun = tokio::time::Instant::now();
            let mut tcp = TcpStream::connect(relay.address()).await.expect("listening");
            tcp.write_all(request.as_bytes()).await.expect("connected");
            // A reset is an end, too.
            let _ = tcp.read_to_end(&mut Vec::new()).await;
            assert!(begun.elapsed() <= Duration::from_secs(31));
        }
    }
}
