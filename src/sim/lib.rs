//! A WhatsApp to test against, on one machine and without internet.
//!
//! Three listeners: chat on raw TCP, chat on WebSocket (`/ws/chat`), a TLS media host, which is
//! web.whatsapp.com as well for those who ask for that name. It answers as
//! a real server does up to the pairing QR code: Noise handshake with its own root, pairing stanza,
//! edge routing, keep-alives. Real clients and the project's tests talk to it through the relay.
//!
//! After WhatsApp's header a client's first frame may be a command in ASCII instead of a Noise hello;
//! then the connection measures and no other byte is sent:
//!
//! | first frame | what follows |
//! |---|---|
//! | `sim echo` | every byte (WebSocket: message) comes back |
//! | `sim source N` | N bytes of the [`pattern`] (WebSocket: messages of 64 KiB), then FIN or close 1000 |
//! | `sim frames COUNT SIZE` | COUNT frames of SIZE bytes, the pattern running on from frame to frame (WebSocket: one frame a message, its length included), then FIN or close 1000 |
//! | `sim sink` | for each read (WebSocket: message) the count of bytes so far that were the pattern's, 8 bytes big-endian; other bytes reset the connection |
//! | `sim stall` | nothing is read any more |
//!
//! It is no relay, stores nothing on disk, and knows no accounts or messages: nobody can log in.

#![cfg(not(target_arch = "wasm32"))]

pub mod pattern;

mod stats;

mod identity;
mod intake;
mod socket;
mod stanza;

mod delivery;

mod measure;
mod measure_web;

mod conversation;

mod chat;
mod web;
mod media;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use delivery::{Delivery, UnknownDelivery};
pub use stats::{PayloadSeen, ProxySeen, Stats, Traffic, UpgradeSeen};

use conversation::World;
use identity::{NoiseIdentity, TlsIdentity};
use socket::Socket;
use stats::{Listener, Recorder};

/// How to start a [`Sim`]. The default: free ports of the loopback interface, whole frames.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Where chat listens on raw TCP; port 0 takes a free one.
    pub chat: SocketAddr,
    /// Where chat listens on WebSocket.
    pub web: SocketAddr,
    /// Where the TLS media host listens.
    pub media: SocketAddr,
    /// How frames leave the raw TCP side.
    pub delivery: Delivery,
    /// Makes all that is random on the Noise side from this number, for tests only: whoever knows
    /// it knows the keys. `None` takes the system's randomness.
    pub seed: Option<u64>,
}

impl Default for SimConfig {
    fn default() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { chat: free, web: free, media: free, delivery: Delivery::default(), seed: None }
    }
}

/// A running simulator. Dropping it ends all its tasks and connections.
pub struct Sim {
    addresses: [SocketAddr; 3],
    world: Arc<World>,
    tls: TlsIdentity,
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Sim {
    /// Binds the listeners and starts to serve, in tasks of the current runtime.
    ///
    /// # Errors
    ///
    /// An address that cannot be bound (the error names the listener), or no system randomness.
    pub async fn start(config: SimConfig) -> io::Result<Self> {
        let world = Arc::new(World {
            delivery: config.delivery,
            noise: NoiseIdentity::new(config.seed)?,
            recorder: Arc::new(Recorder::new()),
        });
        let chat = bind("chat", config.chat).await?;
        let web = bind("web", config.web).await?;
        let media = bind("media", config.media).await?;
        let sim = Self {
            addresses: [chat.local_addr()?, web.local_addr()?, media.local_addr()?],
            world,
            tls: TlsIdentity::new()?,
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        };
        let world = Arc::clone(&sim.world);
        sim.serve(chat, Listener::Chat, move |socket| chat::serve(socket, Arc::clone(&world)));
        let host = web::Host { world: Arc::clone(&sim.world), tasks: sim.tasks.clone(), end: sim.end.clone() };
        let tls = Arc::clone(&sim.tls.config);
        let behind = host.clone();
        sim.serve(web, Listener::Web, move |socket| web::serve(socket, host.clone()));
        sim.serve(media, Listener::Media, move |socket| media::serve(socket, Arc::clone(&tls), behind.clone()));
        Ok(sim)
    }

    /// Where chat listens on raw TCP.
    #[must_use]
    pub fn chat(&self) -> SocketAddr {
        let [chat, _, _] = self.addresses;
        chat
    }

    /// Where chat listens on WebSocket.
    #[must_use]
    pub fn web(&self) -> SocketAddr {
        let [_, web, _] = self.addresses;
        web
    }

    /// The URL of chat on WebSocket, `ws://…/ws/chat`.
    #[must_use]
    pub fn web_url(&self) -> String {
        format!("ws://{}/ws/chat", self.web())
    }

    /// Where the TLS media host listens.
    #[must_use]
    pub fn media(&self) -> SocketAddr {
        let [_, _, media] = self.addresses;
        media
    }

    /// The Noise root's public key, which clients must be told instead of WhatsApp's.
    #[must_use]
    pub fn root_key(&self) -> &[u8; 32] {
        &self.world.noise.root_key
    }

    /// The certificate of the TLS authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.tls.ca_pem
    }

    /// The certificate of the TLS authority, DER.
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        &self.tls.ca_der
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.world.recorder.snapshot()
    }

    /// Waits until `condition` holds; gives what held, or what was seen when `limit` was over.
    ///
    /// It looks at every change except those of the byte counters.
    ///
    /// # Errors
    ///
    /// `limit` passed; the error is the last snapshot.
    pub async fn wait_until(
        &self,
        limit: Duration,
        condition: impl FnMut(&Stats) -> bool,
    ) -> Result<Stats, Box<Stats>> {
        let wait = self.world.recorder.wait_until(condition);
        let waited = tokio::time::timeout(limit, wait).await;
        waited.map_err(|_| Box::new(self.stats()))
    }

    /// Ends all connections and tasks and waits for them.
    pub async fn shutdown(self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn serve<F, S>(&self, listener: TcpListener, which: Listener, serve: F)
    where
        F: Fn(Socket) -> S + Send + 'static,
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (tasks, end) = (self.tasks.clone(), self.end.clone());
        let recorder = Arc::clone(&self.world.recorder);
        let accept = async move {
            loop {
                let tcp = match listener.accept().await {
                    Ok((tcp, _)) => tcp,
                    Err(error) => {
                        tracing::warn!(?which, %error, "cannot accept, trying again");
                        // Out of file descriptors, usually; at once would only spin.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                };
                let connection = serve(Socket::new(tcp, Arc::clone(&recorder), which));
                let end = end.clone();
                tasks.spawn(async move {
                    if let Some(Err(error)) = end.run_until_cancelled_owned(connection).await {
                        tracing::debug!(?which, %error, "connection ended");
                    }
                });
            }
        };
        let end = self.end.clone();
        self.tasks.spawn(end.run_until_cancelled_owned(accept));
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

async fn bind(name: &str, address: SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| io::Error::new(error.kind(), format!("{name} on {address}: {error}")))
}
