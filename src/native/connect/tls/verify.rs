//! Verifies a relay's certificate: for a name that need not be the hello's, or by the key that the link gives.
//!
//! What a certificate must be is webpki's; here is only the choice of the name.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};

/// What [`Verifier`] says of a certificate with another key than the pinned one. Nobody else says it.
pub(super) const WRONG_PIN: CertificateError = CertificateError::ApplicationVerificationFailure;

/// The verifier of one relay.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) authorities: Arc<WebPkiServerVerifier>,
    /// The name in the hello, as rustls repeats it here.
    pub(super) offered: ServerName<'static>,
    /// The name that counts.
    pub(super) verified: ServerName<'static>,
    /// SHA-256 of the only acceptable public key.
    pub(super) pin: Option<[u8; 32]>,
    /// The hello is encrypted.
    pub(super) encrypted: bool,
}

impl Verifier {
    /// The name to verify in place of `given`.
    ///
    /// Behind an encrypted hello that the server did not take, rustls gives the public name of the configuration, and ends
    /// the connection after this. Only who has a certificate for that name may offer another configuration (RFC 9849,
    /// section 6.1.7), so it must be verified as given.
    fn expected<'a>(&'a self, given: &'a ServerName<'a>) -> &'a ServerName<'a> {
        if self.is_public_name(given) { given } else { &self.verified }
    }

    fn is_public_name(&self, given: &ServerName<'_>) -> bool {
        self.encrypted && *given != self.offered
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.pin {
            Some(pin) if !self.is_public_name(server_name) => {
                let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
                // It is public, so there is nothing to learn from the time that this takes.
                if Sha256::digest(key.as_ref()).as_slice() == pin {
                    Ok(ServerCertVerified::assertion())
                } else {
                    Err(WRONG_PIN.into())
                }
            }
            Some(_) | None => {
                let expected = self.expected(server_name);
                self.authorities.verify_server_cert(end_entity, intermediates, expected, ocsp_response, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
