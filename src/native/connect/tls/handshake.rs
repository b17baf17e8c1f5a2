//! What a failed handshake means.
//!
//! It tells what can be told apart; what to do about it is the caller's.

use std::io;

use rustls::{CertificateError, Error, OtherError, PeerIncompatible, internal::msgs::codec::Codec};

use super::verify::WRONG_PIN;
use crate::trouble::Trouble;

/// Why a handshake failed.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum HandshakeError {
    /// For this reason.
    Trouble(Trouble),
    /// The server did not take the encrypted hello, and offers this ECHConfigList instead.
    Retry(Vec<u8>),
}

impl HandshakeError {
    /// Where no other configuration is asked for.
    pub(in super::super) fn trouble(self) -> Trouble {
        match self {
            Self::Trouble(trouble) => trouble,
            Self::Retry(_) => Trouble::EchRejected,
        }
    }

    pub(super) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(error) => Self::of_tls(error),
            None if error.kind() == io::ErrorKind::TimedOut => Self::Trouble(Trouble::TlsTimeout),
            // Reset, or ended where an answer was due: it makes no difference how a connection is cut.
            None => Self::Trouble(Trouble::TlsReset),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "rustls adds to its errors")]
    pub(super) fn of_tls(error: &Error) -> Self {
        Self::Trouble(match error {
            Error::InvalidCertificate(error) => certificate(error),
            Error::AlertReceived(_) => Trouble::TlsRefused,
            Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(offer)) => {
                return offer.as_ref().map_or(Self::Trouble(Trouble::EchRejected), |offer| Self::Retry(encode(offer)));
            }
            _ => Trouble::TlsOther,
        })
    }
}

/// As an ECHConfigList.
fn encode<'a>(offer: &impl Codec<'a>) -> Vec<u8> {
    let mut list = Vec::new();
    offer.encode(&mut list);
    list
}

#[expect(clippy::wildcard_enum_match_arm, reason = "rustls adds to its errors")]
fn certificate(error: &CertificateError) -> Trouble {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trouble::CertificateExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Trouble::CertificateNotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Trouble::CertificateName,
        error if *error == WRONG_PIN => Trouble::CertificatePin,
        CertificateError::BadEncoding => Trouble::CertificateForm,
        CertificateError::Other(OtherError(error)) => match error.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => Trouble::CertificateAuthority,
            Some(webpki::Error::UnsupportedCertVersion) => Trouble::CertificateForm,
            Some(_) | None => Trouble::CertificateIssuer,
        },
        // Among others a certificate that its owner made himself, as boxes do that sit on the way.
        _ => Trouble::CertificateIssuer,
    }
}

#[cfg(test)]
mod tests {
    use rustls::{pki_types::CertificateDer, server::ParsedCertificate};

    use super::*;

    /// Without its version, which is how version 1 is written.
    fn version_1(der: &[u8]) -> Vec<u8> {
        let mut old = der.to_vec();
        // SEQUENCE, its length in two bytes; the same within; then [0] { INTEGER 2 }.
        assert_eq!(old.drain(8..13).collect::<Vec<_>>(), [0xa0, 3, 2, 1, 2]);
        for at in [2, 6] {
            let length = u16::from_be_bytes([old[at], old[at + 1]]) - 5;
            old[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        old
    }

    #[test]
    fn a_certificate_of_version_1_is_of_an_old_form() {
        let certified = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()]).expect("made");
        for (der, expected) in [
            (version_1(certified.cert.der()), Trouble::CertificateForm),
            (b"garbage".to_vec(), Trouble::CertificateForm),
        ] {
            let der = CertificateDer::from(der);
            let Err(error) = ParsedCertificate::try_from(&der) else { unreachable!("it is parsed") };
            assert_eq!(HandshakeError::of_tls(&error), HandshakeError::Trouble(expected));
        }
    }
}
