//! The way to a relay up to where HTTP begins: TCP, or TLS over it.
//!
//! What a network sees of the way (name, address, handshake) is decided here and nowhere else. The upgrade is
//! `client::upgrade`'s.

use std::{
    fmt,
    future::{Future, ready},
    io,
    pin::Pin,
    sync::Arc,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio_rustls::TlsConnector;

use crate::{
    net::{BoxedStream, eyeballs, wait_outside},
    ways::Detour,
};

/// What [`Dialer::dial`] gives.
pub type Dialling<'a> = Pin<Box<dyn Future<Output = io::Result<Dialled>> + Send + 'a>>;

/// What [`Dialer::seek_faster`] gives.
pub type Seeking<'a> = Pin<Box<dyn Future<Output = Option<Trial>> + Send + 'a>>;

/// Another way that is tried for its speed. Dropped, it was in vain.
pub struct Trial(Option<Box<dyn FnOnce(bool) + Send>>);

impl Trial {
    /// One of which this is told whether it is faster.
    #[must_use]
    pub fn new(told: Box<dyn FnOnce(bool) + Send>) -> Self {
        Self(Some(told))
    }

    /// It is faster: the next dials go by it, too.
    pub fn is_faster(mut self) {
        if let Some(told) = self.0.take() {
            told(true);
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(told) = self.0.take() {
            told(false);
        }
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

/// A connection to a relay.
pub struct Dialled {
    /// HTTP/1.1 may be spoken on it.
    pub stream: BoxedStream,
    /// The `Host` to ask for on it, if it is not the tunnel's.
    pub host: Option<String>,
}

impl From<BoxedStream> for Dialled {
    fn from(stream: BoxedStream) -> Self {
        Self { stream, host: None }
    }
}

// The host is a relay's name.
impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").finish_non_exhaustive()
    }
}

/// Reaches a relay.
pub trait Dialer: Send + Sync {
    /// A new connection on which HTTP/1.1 may be spoken. It may be dropped at any time, and is not expected to limit its
    /// own time.
    ///
    /// # Errors
    ///
    /// None is to be had now. The tunnel tries again later.
    fn dial(&self) -> Dialling<'_>;

    /// How it reaches the relay, if it found another way than it was told.
    fn detour(&self) -> Option<Detour> {
        None
    }

    /// Whether it is trying ways of which it does not know whether they lead there, and one is left.
    fn searches(&self) -> bool {
        false
    }

    /// Looks for another way than that which is in use, because that carries little. The next dials go by it.
    fn seek_faster(&self) -> Seeking<'_> {
        Box::pin(ready(None))
    }
}

/// Connects to the host and port of the relay's URL.
pub struct Direct {
    authority: String,
    tls: Option<(ServerName<'static>, TlsConnector)>,
}

impl Direct {
    /// Plain TCP to `host:port`.
    #[must_use]
    pub fn tcp(authority: impl Into<String>) -> Self {
        Self { authority: authority.into(), tls: None }
    }

    /// TCP to `host:port`, and TLS to `name` over it.
    #[must_use]
    pub fn tls(authority: impl Into<String>, name: ServerName<'static>, config: Arc<ClientConfig>) -> Self {
        Self { authority: authority.into(), tls: Some((name, config.into())) }
    }
}

impl Dialer for Direct {
    fn dial(&self) -> Dialling<'_> {
        Box::pin(async {
            let tcp = eyeballs::connect(&self.authority).await?;
            wait_outside(&tcp);
            match &self.tls {
                None => Ok(Dialled::from(Box::new(tcp) as BoxedStream)),
                Some((name, connector)) => {
                    let tls = connector.connect(name.clone(), tcp).await?;
                    Ok(Dialled::from(Box::new(tls) as BoxedStream))
                }
            }
        })
    }
}
