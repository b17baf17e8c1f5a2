//! The client's side of TLS for a check: with WhatsApp's media host as browsers do it, with a proxy as the app does it.
//!
//! A certificate of which only the dates are wrong is told from any other, because then the clock may be wrong. The time is
//! an argument. TLS with a relay is `connect`'s.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, Error,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::clock::Dates;
use crate::tls::{self, Authorities, Judge, Presented, UnusableAuthority, anybody};

/// A chain has few certificates, so that few dates can be wrong one after the other.
const CERTIFICATES_MAX: usize = 8;

/// Whom to trust for TLS, and what time it is.
#[derive(Clone, Debug)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// The authorities that browsers trust, and these; at `now`, Unix seconds.
    ///
    /// # Errors
    ///
    /// One of these is no certificate.
    pub fn new(authorities: &[CertificateDer<'static>], now: u64) -> Result<Self, UnusableAuthority> {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let config = tls::client(AtTime { authorities: Authorities::with(authorities)?, now }, None);
        Ok(Self { config: Arc::new(config) })
    }

    /// Any certificate: a proxy makes its own, and what goes through it is encrypted to WhatsApp anyway.
    #[must_use]
    pub fn anybody() -> Self {
        Self { config: anybody() }
    }

    /// A session with `name`, a host name or an address.
    ///
    /// # Errors
    ///
    /// The handshake failed; [`handshake_error`] tells more.
    pub(super) async fn connect<S>(&self, name: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await
    }
}

/// Why a handshake failed, as far as it makes a difference here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandshakeError {
    /// It is not TLS, or the other side would not have it.
    NoTls,
    /// The certificate is not to be trusted.
    Certificate,
    /// It is, apart from its dates.
    Dates(Dates),
    /// The connection broke.
    Broken,
}

pub(super) fn handshake_error(error: &io::Error) -> HandshakeError {
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(error)) => {
            dates(error).map_or(HandshakeError::Certificate, HandshakeError::Dates)
        }
        Some(_) => HandshakeError::NoTls,
        None => HandshakeError::Broken,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "rustls adds to its errors")]
fn dates(error: &CertificateError) -> Option<Dates> {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => Some(Dates::NotAfter(not_after.as_secs())),
        CertificateError::NotValidYetContext { not_before, .. } => Some(Dates::NotBefore(not_before.as_secs())),
        _ => None,
    }
}

/// Verifies at a given time, and blames the dates only if nothing else is wrong.
#[derive(Debug)]
struct AtTime {
    authorities: Authorities,
    now: UnixTime,
}

impl Judge for AtTime {
    fn judge(&self, presented: &Presented<'_>) -> Result<(), Error> {
        let at = |now| self.authorities.judge(&Presented { now, ..*presented });
        let Err(first) = at(self.now) else { return Ok(()) };
        // Dates are looked at before signatures: at a time that suits them the rest shows.
        let mut last = first.clone();
        for _ in 0..CERTIFICATES_MAX {
            let Error::InvalidCertificate(error) = &last else { return Err(last) };
            let Some(Dates::NotBefore(date) | Dates::NotAfter(date)) = dates(error) else { return Err(last) };
            match at(UnixTime::since_unix_epoch(Duration::from_secs(date))) {
                Ok(()) => return Err(first),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
