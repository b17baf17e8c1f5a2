//! What a failed handshake means.
//!
//! It tells what can be told apart; what to do about it is the caller's.

use std::io;

use rustls::internal::msgs::codec::Codec;
use rustls::{CertificateError, Error, PeerIncompatible};

use super::verify::WRONG_PIN;
use crate::trouble::Trouble;

/// Why a handshake failed.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// For this reason.
    Trouble(Trouble),
    /// The server did not take the encrypted hello, and offers this ECHConfigList instead.
    Retry(Vec<u8>),
}

impl Refusal {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(error) => Self::of_tls(error),
            None if error.kind() == io::ErrorKind::TimedOut => Self::Trouble(Trouble::TlsTimeout),
            // Reset, or ended where an answer was due: it makes no difference how a connection is cut.
            None => Self::Trouble(Trouble::TlsReset),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "rustls adds to its errors")]
    fn of_tls(error: &Error) -> Self {
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
        // Among others a certificate that its owner made himself, as boxes do that sit on the way.
        _ => Trouble::CertificateIssuer,
    }
}
