//! What an attempt met, as far as it says something about the network.

use crate::trouble::{Stage, Trouble};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Evidence {
    /// This machine has no way out.
    Local,
    /// The connection was refused, or reset before anything was said.
    Refused,
    /// Nobody answered the connection.
    NoAnswer,
    /// It was cut behind the hello.
    ResetAfterHello,
    /// It was connected, and the hello never arrived.
    HelloDropped,
    /// It was connected, and nothing came behind the hello, which may have arrived.
    SilentAfterHello,
    /// The handshake was done, and nothing came behind the request.
    SilentAfterRequest,
    /// Somebody else answered: the certificate is not the relay's, or it is no TLS.
    Stranger,
    /// The relay itself does not want to be greeted so.
    Unfit,
    /// It answered as only the relay can.
    Works,
}

impl Evidence {
    /// What a dial that failed so has met.
    pub(crate) fn of(trouble: Trouble) -> Self {
        let known = [
            (Trouble::Refused, Self::Refused),
            (Trouble::ConnectTimeout, Self::NoAnswer),
            (Trouble::TlsReset, Self::ResetAfterHello),
            (Trouble::HelloDropped, Self::HelloDropped),
            (Trouble::TlsTimeout, Self::SilentAfterHello),
            (Trouble::TlsRefused, Self::Unfit),
            (Trouble::EchRejected, Self::Unfit),
            (Trouble::NoEch, Self::Unfit),
        ];
        let known = known.iter().find(|(known, _)| *known == trouble).map(|(_, evidence)| *evidence);
        // Else it is a name, the way out, or what a dial never says.
        known.unwrap_or(if trouble.stage() == Stage::Tls { Self::Stranger } else { Self::Local })
    }

    /// Whether nobody was greeted at all.
    pub(crate) const fn is_of_the_endpoint(self) -> bool {
        match self {
            Self::Local | Self::Refused | Self::NoAnswer => true,
            Self::ResetAfterHello
            | Self::HelloDropped
            | Self::SilentAfterHello
            | Self::SilentAfterRequest
            | Self::Stranger
            | Self::Unfit
            | Self::Works => false,
        }
    }

    /// Nobody said a word, which on a network that is dead says nothing.
    pub(super) const fn is_silence(self) -> bool {
        matches!(self, Self::HelloDropped | Self::SilentAfterHello)
    }

    /// Whether the greeting may be what was punished.
    pub(crate) const fn accuses_the_greeting(self) -> bool {
        match self {
            Self::ResetAfterHello | Self::HelloDropped | Self::SilentAfterHello | Self::SilentAfterRequest => true,
            Self::Local | Self::Refused | Self::NoAnswer | Self::Stranger | Self::Unfit | Self::Works => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_says_what_was_met() {
        for (trouble, evidence) in [
            (Trouble::Refused, Evidence::Refused),
            (Trouble::Unreachable, Evidence::Local),
            (Trouble::NoExit, Evidence::Local),
            (Trouble::ConnectTimeout, Evidence::NoAnswer),
            (Trouble::TlsReset, Evidence::ResetAfterHello),
            (Trouble::HelloDropped, Evidence::HelloDropped),
            (Trouble::TlsTimeout, Evidence::SilentAfterHello),
            (Trouble::TlsRefused, Evidence::Unfit),
            (Trouble::TlsOther, Evidence::Stranger),
            (Trouble::CertificateIssuer, Evidence::Stranger),
            (Trouble::NoEch, Evidence::Unfit),
        ] {
            assert_eq!(Evidence::of(trouble), evidence, "{trouble}");
        }
    }
}
