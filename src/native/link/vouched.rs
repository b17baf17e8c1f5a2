//! By what a relay is known, if not by a certificate for the host that one reads in its link.
//!
//! It verifies nothing: the connector does, and those who show a link say this beside it.

use std::fmt;

use super::Link;

/// By what a relay is known that is not known by its host's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched<'a> {
    /// A certificate for this name.
    Name(&'a str),
    /// The public key in the link, whoever made the certificate.
    Pin,
}

impl fmt::Display for Vouched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "verified as {name}"),
            Self::Pin => f.write_str("verified by the link's pin"),
        }
    }
}

impl Link {
    /// By what the relay is known, if not by a certificate for the host that one reads in the link.
    #[must_use]
    pub fn vouched(&self) -> Option<Vouched<'_>> {
        if self.pin.is_some() {
            return Some(Vouched::Pin);
        }
        Some(self.verified()).filter(|_| self.secure).filter(|name| *name != self.host).map(Vouched::Name)
    }
}
