//! What the library is given to reach the network: its own WebSocket transport, watched, and no HTTP at all.
//!
//! The watching passes every transport event on as it came, one for one, so messages are never joined or split here.
//! It is there because during the handshake the library tells a closing code to nobody.

use std::sync::Arc;

use tokio::sync::mpsc;
use whatsapp_rust::{
    anyhow::{Result, bail},
    async_channel::{self, Receiver},
    async_trait,
    http::{HttpClient, HttpRequest, HttpResponse},
    transport::{DisconnectReason, TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory},
};

/// What was seen on the wire.
pub(crate) enum Seen {
    /// Upgraded. The transport comes along because the library forgets one whose handshake does not finish.
    Opened(Arc<dyn Transport>),
    Closed(DisconnectReason),
    /// The upgrade failed.
    Refused(String),
}

/// The library's own factory with an observer behind it.
pub(crate) struct Watched {
    inner: TokioWebSocketTransportFactory,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Watched {
    pub(crate) fn new(url: &str, seen: mpsc::UnboundedSender<Seen>) -> Self {
        Self { inner: TokioWebSocketTransportFactory::new().with_url(url), seen }
    }
}

#[async_trait]
impl TransportFactory for Watched {
    async fn create_transport(&self) -> Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        let (transport, events) = match self.inner.create_transport().await {
            Ok(made) => made,
            Err(error) => {
                let _ = self.seen.send(Seen::Refused(error.to_string()));
                return Err(error);
            }
        };
        let (forward, forwarded) = async_channel::bounded(1);
        let (seen, opened) = (self.seen.clone(), Arc::clone(&transport));
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                match &event {
                    TransportEvent::Connected => drop(seen.send(Seen::Opened(Arc::clone(&opened)))),
                    TransportEvent::Disconnected(reason) => drop(seen.send(Seen::Closed(reason.clone()))),
                    TransportEvent::DataReceived(_) => {}
                }
                if forward.send(event).await.is_err() {
                    break;
                }
            }
        });
        Ok((transport, forwarded))
    }
}

/// Refuses: the driver reaches nothing but the URL it was given.
pub(crate) struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> Result<HttpResponse> {
        bail!("no HTTP here: {} {}", request.method, request.url)
    }
}
