//! The relay as a server of one's own: the routes of the Worker, natively, on a listener that is given.
//!
//! ```no_run
//! use pasarela::serve::Relay;
//! use pasarela_core::config::Config;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::from_vars(|name| std::env::var(name).ok())?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8787").await?;
//! let relay = Relay::start(listener, config)?;
//! tokio::signal::ctrl_c().await?;
//! relay.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Which path is a route, where a stream may go and when it ends is the core's; the tunnels' client is `tunnel`'s. No log line, number
//! or error holds an address, a key or payload.

mod numbers;
mod meter;
mod ground;
mod upstream;
mod tunnels;
mod counts;
mod rate;
pub(crate) mod forwarded;
mod site;
mod certificate;
mod room;
mod options;
mod places;
mod shared;
mod pages;
mod pipe;
mod dial;
mod web;
mod status;
mod entry;
mod announced;
mod visit;
mod listen;
mod copy;
mod raw;
mod metrics;

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use pasarela_core::{config::Config, limits};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    frontend::{Door, Intake},
    panics,
};
use shared::Shared;

pub use certificate::{Certificate, CertificateError, Files};
pub use options::Options;
pub use room::Room;
pub use site::{Site, SiteError};
#[cfg(feature = "deploy")]
pub(crate) use site::{files as site_files, kind as site_kind};
pub use tunnels::Gauges;

/// The longest message but a tunnel's, in bytes: WhatsApp's frames say their length in 24 bits.
const MESSAGE_MAX: usize = limits::UPLOAD_QUEUE;

/// Clients have this long to take the last messages of a relay that shuts down.
const DRAIN: Duration = Duration::from_secs(2);

/// A running relay. Dropping it cuts all its connections.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

// What is left out holds keys and the names of sessions.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("address", &self.address).field("gauges", &self.gauges()).finish_non_exhaustive()
    }
}

impl Relay {
    /// Starts to serve plain HTTP, in tasks of the current runtime.
    ///
    /// # Errors
    ///
    /// The listener's address cannot be told.
    pub fn start(listener: TcpListener, config: Config) -> io::Result<Self> {
        Self::start_with(listener, config, Options::default())
    }

    /// The same with other options.
    ///
    /// # Errors
    ///
    /// The listener's address cannot be told, or an authority in the options is no certificate.
    pub fn start_with(listener: TcpListener, config: Config, options: Options) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, options).map_err(io::Error::other)?);
        let relay = Self { address, shared };
        relay.keep(listener, |listener, shared| async move { listen::accept(&listener, shared).await });
        relay.keep((), |_, shared| async move { shared.forget().await });
        Ok(relay)
    }

    /// Does this until the relay is drained.
    fn keep<A, F>(&self, with: A, work: impl Fn(Arc<A>, Arc<Shared>) -> F + Send + 'static)
    where
        A: Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (with, shared) = (Arc::new(with), Arc::clone(&self.shared));
        let ground = &self.shared.ground;
        let work = panics::again(move || work(Arc::clone(&with), Arc::clone(&shared)));
        ground.tasks.spawn(ground.drain.clone().run_until_cancelled_owned(work));
    }

    /// Also serves Prometheus at `/metrics` of another listener.
    pub fn serve_metrics(&self, listener: TcpListener) {
        self.keep(listener, |listener, shared| async move { metrics::serve(&listener, shared).await });
    }

    /// Also serves phones, which take this listener for a port of the official proxy.
    pub fn serve_raw(&self, listener: TcpListener, door: Door, intake: Intake) {
        self.keep((listener, intake), move |with, shared| async move {
            raw::accept(&with.0, door, &with.1, shared).await;
        });
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many tunnels there are.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        *self.watch().borrow()
    }

    /// The same, to be waited for.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Gauges> {
        self.shared.tunnels.watch()
    }

    /// Payload that all tunnels hold, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.shared.tunnels.held()
    }

    /// Accepts no more, ends all that is open with `draining` and waits for it, two seconds at most.
    pub async fn shutdown(self) {
        let ground = &self.shared.ground;
        ground.drain.cancel();
        ground.tasks.close();
        let _ = tokio::time::timeout(DRAIN, ground.tasks.wait()).await;
        ground.end.cancel();
        ground.tasks.wait().await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // First, so that nobody finds time to say good-bye.
        self.shared.ground.end.cancel();
        self.shared.ground.drain.cancel();
    }
}

#[cfg(test)]
mod tests;
