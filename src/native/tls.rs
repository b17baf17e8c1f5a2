//! TLS as every part needs it: which authorities are trusted, and clients of whose certificates a [`Judge`] decides.
//!
//! What a relay's hello shows is `connect::tls`'s, what a check makes of wrong dates `check::trust`'s. Signatures are never
//! left to a judge: whoever shows a certificate must have its key.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
    client::{
        EchMode, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{self, kx_group},
        verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::WantsServerCert,
};

/// What a server shows, and to whom it was said to belong.
pub(crate) struct Presented<'a> {
    pub(crate) certificate: &'a CertificateDer<'a>,
    pub(crate) intermediates: &'a [CertificateDer<'a>],
    pub(crate) name: &'a ServerName<'a>,
    pub(crate) ocsp: &'a [u8],
    pub(crate) now: UnixTime,
}

/// Decides whether a certificate is taken.
pub(crate) trait Judge: fmt::Debug + Send + Sync + 'static {
    /// # Errors
    ///
    /// Why it is not.
    fn judge(&self, presented: &Presented<'_>) -> Result<(), Error>;
}

/// Those who may certify a server: the authorities that browsers trust, and those that were added.
#[derive(Clone, Debug)]
pub(crate) struct Authorities(Arc<WebPkiServerVerifier>);

/// What was given as a certificate authority is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableAuthority;

impl fmt::Display for UnusableAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it contains something that is not a certificate")
    }
}

impl std::error::Error for UnusableAuthority {}

impl Authorities {
    pub(crate) fn with(more: &[CertificateDer<'static>]) -> Result<Self, UnusableAuthority> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        more.iter().try_for_each(|authority| roots.add(authority.clone())).map_err(|_| UnusableAuthority)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Self(verifier.expect("there are authorities, and no lists of revoked certificates to be wrong")))
    }
}

/// As browsers do.
impl Judge for Authorities {
    fn judge(&self, presented: &Presented<'_>) -> Result<(), Error> {
        let Presented { certificate, intermediates, name, ocsp, now } = *presented;
        self.0.verify_server_cert(certificate, intermediates, name, ocsp, now).map(drop)
    }
}

/// Takes any certificate: WhatsApp's app does that with a proxy, which makes its own; what goes through it is encrypted to
/// WhatsApp anyway. Never for a relay.
#[derive(Debug)]
struct Anybody;

impl Judge for Anybody {
    fn judge(&self, _presented: &Presented<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// What all of it is computed with.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The key exchanges that a client offers. The one against quantum computers is not among them: its share of 1184 bytes would make the
/// hello two packets, and where it is offered without a share, servers that prefer it, as Go's do, ask for one, which takes each connection a
/// round trip more.
const OFFERED: [&dyn SupportedKxGroup; 3] = [kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

/// A client's configuration, whose hello may be hidden.
pub(crate) fn client(judge: impl Judge, hiding: Option<EchMode>) -> ClientConfig {
    let provider = Arc::new(CryptoProvider { kx_groups: OFFERED.to_vec(), ..aws_lc_rs::default_provider() });
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = match hiding {
        None => builder.with_safe_default_protocol_versions(),
        Some(mode) => builder.with_ech(mode),
    };
    let builder = builder.expect("the provider has both versions").dangerous();
    builder.with_custom_certificate_verifier(Arc::new(Verifier { judge, provider })).with_no_client_auth()
}

/// A client's configuration that takes every certificate, as WhatsApp's app does with a proxy.
#[must_use]
pub fn anybody() -> Arc<ClientConfig> {
    Arc::new(client(Anybody, None))
}

/// A server's configuration but for its certificate.
pub(crate) fn server() -> ConfigBuilder<ServerConfig, WantsServerCert> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    builder.expect("the provider has both versions").with_no_client_auth()
}

/// A judge as rustls asks one.
#[derive(Debug)]
struct Verifier<J> {
    judge: J,
    provider: Arc<CryptoProvider>,
}

impl<J: Judge> ServerCertVerifier for Verifier<J> {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = Presented { certificate, intermediates, name, ocsp, now };
        self.judge.judge(&presented).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
