//! Verifies a relay's certificate: for a name that need not be the hello's, or by the key that the link gives.
//!
//! What a certificate must be is webpki's; here is only the choice of the name.

use rustls::{CertificateError, Error, pki_types::ServerName, server::ParsedCertificate};
use sha2::{Digest, Sha256};

use crate::tls::{Authorities, Judge, Presented};

/// What [`OfRelay`] says of a certificate with another key than the pinned one. Nobody else says it.
pub(super) const WRONG_PIN: CertificateError = CertificateError::ApplicationVerificationFailure;

/// Judges the certificate of one relay.
#[derive(Debug)]
pub(super) struct OfRelay {
    pub(super) authorities: Authorities,
    /// The name in the hello, as rustls repeats it here.
    pub(super) offered: ServerName<'static>,
    /// The name that counts.
    pub(super) verified: ServerName<'static>,
    /// SHA-256 of the only acceptable public key.
    pub(super) pin: Option<[u8; 32]>,
    /// The hello is encrypted.
    pub(super) encrypted: bool,
}

impl OfRelay {
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

impl Judge for OfRelay {
    fn judge(&self, presented: &Presented<'_>) -> Result<(), Error> {
        match self.pin {
            Some(pin) if !self.is_public_name(presented.name) => {
                let key = ParsedCertificate::try_from(presented.certificate)?.subject_public_key_info();
                // It is public, so there is nothing to learn from the time that this takes.
                if Sha256::digest(key.as_ref()).as_slice() == pin { Ok(()) } else { Err(WRONG_PIN.into()) }
            }
            Some(_) | None => {
                let name = self.expected(presented.name);
                self.authorities.judge(&Presented { name, ..*presented })
            }
        }
    }
}
