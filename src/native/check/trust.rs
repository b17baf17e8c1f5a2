//! The client's side of TLS for a check: with WhatsApp's media host as browsers do it, with a proxy as the app does it.
//!
//! A certificate of which only the dates are wrong is told from any other, because then the clock may be wrong. The time is
//! an argument. TLS with a relay is `connect`'s.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::clock::Dates;
use crate::connect::anybody;

/// A chain has few certificates, so that few dates can be wrong one after the other.
const CERTIFICATES_MAX: usize = 8;

/// Whom to trust for TLS, and what time it is.
#[derive(Clone, Debug)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

/// One of the additional authorities is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableAuthority;

impl Trust {
    /// The authorities that browsers trust, and these; at `now`, Unix seconds.
    ///
    /// # Errors
    ///
    /// One of these is no certificate.
    pub fn new(authorities: &[CertificateDer<'static>], now: u64) -> Result<Self, UnusableAuthority> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let added = authorities.iter().try_for_each(|authority| roots.add(authority.clone()));
        added.map_err(|_| UnusableAuthority)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let webpki = webpki.expect("there are authorities, and no lists of revoked certificates to be wrong");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AtTime { webpki, now }))
            .with_no_client_auth();
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
    /// The handshake failed; [`refusal`] tells more.
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
pub(super) enum Refusal {
    /// It is not TLS, or the other side would not have it.
    NoTls,
    /// The certificate is not to be trusted.
    Certificate,
    /// It is, apart from its dates.
    Dates(Dates),
    /// The connection broke.
    Broken,
}

pub(super) fn refusal(error: &io::Error) -> Refusal {
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(error)) => dates(error).map_or(Refusal::Certificate, Refusal::Dates),
        Some(_) => Refusal::NoTls,
        None => Refusal::Broken,
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
    webpki: Arc<WebPkiServerVerifier>,
    now: UnixTime,
}

impl ServerCertVerifier for AtTime {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |now| self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let first = match verify(self.now) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // Dates are looked at before signatures: at a time that suits them the rest shows.
        let mut last = first.clone();
        for _ in 0..CERTIFICATES_MAX {
            let Error::InvalidCertificate(error) = &last else { return Err(last) };
            let Some(Dates::NotBefore(at) | Dates::NotAfter(at)) = dates(error) else { return Err(last) };
            match verify(UnixTime::since_unix_epoch(Duration::from_secs(at))) {
                Ok(_) => return Err(first),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
