//! What keeps a relay from being used, as a closed set of words: by its stage, without an address, a name or a key.
//!
//! Whoever reaches a relay says it, whoever chooses among relays and whoever checks one listens. The words for people are
//! the command line's.

use std::fmt;
use std::io;

use pasarela_core::codes::Code;

/// The stages of a way to WhatsApp, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The addresses of the relay's name.
    Name,
    /// A TCP connection to one of them.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The upgrade to a WebSocket.
    Upgrade,
    /// The relay's key.
    Key,
    /// The relay's own connection to WhatsApp.
    Upstream,
    /// WhatsApp's answer in its own protocol.
    Chat,
    /// TLS with WhatsApp's media host.
    Media,
}

/// Why a relay cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No resolver answered.
    NoResolver,
    /// A resolver answered that the name does not exist, or has no address.
    NoAddress,
    /// DNS gives no configuration for the encrypted hello. Without one the name would show, so nothing was sent.
    NoEch,
    /// Nothing listens at the address.
    Refused,
    /// No network leads to the address, or this machine has none.
    Unreachable,
    /// The address does not answer.
    ConnectTimeout,
    /// The proxy that leads out of this network cannot be reached, or does not speak as it should.
    NoExit,
    /// It refused with this HTTP status.
    ExitStatus(u16),
    /// It speaks SOCKS and refused, or could not reach the relay.
    ExitRefused,
    /// The connection was cut in the TLS handshake, as networks do that forbid the name in it.
    TlsReset,
    /// The TLS handshake got no answer.
    TlsTimeout,
    /// The server refused the handshake with an alert, as a CDN does for a name that it does not know.
    TlsRefused,
    /// What answers there does not speak TLS, or not a version or cipher of ours.
    TlsOther,
    /// The certificate's time is over.
    CertificateExpired,
    /// The certificate's time has not come yet.
    CertificateNotYetValid,
    /// The certificate is for another name.
    CertificateName,
    /// No authority that is trusted here made the certificate.
    CertificateIssuer,
    /// The certificate is made as an authority's, as `openssl req -x509` does it, and so cannot be a server's.
    CertificateAuthority,
    /// The certificate is of a form that no client takes: X.509 version 1, or none at all.
    CertificateForm,
    /// The certificate is not the one whose fingerprint the link gives.
    CertificatePin,
    /// The server did not take the encrypted hello, nor one with the configuration that it offered instead.
    EchRejected,
    /// The connection was cut when the upgrade was asked for.
    UpgradeReset,
    /// The upgrade got no answer.
    UpgradeTimeout,
    /// The upgrade was answered with this HTTP status.
    Status(u16),
    /// What is in front of the relay passes no WebSockets on: the relay was asked for something else than an upgrade.
    NoWebSockets,
    /// The upgrade was answered by sending elsewhere, to another host.
    Elsewhere,
    /// The upgrade was answered with an error page of the CDN that bears this number (1101: the Worker failed, 1027: its
    /// requests of the day are used up …).
    ErrorPage(u16),
    /// It speaks no HTTP, or accepts WebSockets but is no relay.
    NoRelay,
    /// There is no relay under this key: the answer of an unknown path.
    Key,
    /// The relay reached no upstream, or the stream failed, for this reason.
    Stream(Code),
    /// The relay accepted the stream, but its upstream did not answer in time.
    UpstreamTimeout,
}

impl Trouble {
    /// The stage at which it shows.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::NoResolver | Self::NoAddress | Self::NoEch => Stage::Name,
            Self::Refused
            | Self::Unreachable
            | Self::ConnectTimeout
            | Self::NoExit
            | Self::ExitStatus(_)
            | Self::ExitRefused => Stage::Connect,
            Self::TlsReset
            | Self::TlsTimeout
            | Self::TlsRefused
            | Self::TlsOther
            | Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificateName
            | Self::CertificateIssuer
            | Self::CertificateAuthority
            | Self::CertificateForm
            | Self::CertificatePin
            | Self::EchRejected => Stage::Tls,
            Self::UpgradeReset
            | Self::UpgradeTimeout
            | Self::Status(_)
            | Self::NoWebSockets
            | Self::Elsewhere
            | Self::ErrorPage(_)
            | Self::NoRelay => Stage::Upgrade,
            Self::Key => Stage::Key,
            Self::Stream(_) | Self::UpstreamTimeout => Stage::Upstream,
        }
    }

    /// What an error that went through [`io::Error`] was, if it was one of these.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().copied()
    }

    /// What an error of connecting means.
    #[must_use]
    pub fn of_connect(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            Self::Refused
        } else if error.kind() == io::ErrorKind::TimedOut {
            Self::ConnectTimeout
        } else {
            // The kernel has many words for having no way.
            Self::Unreachable
        }
    }
}

/// For logs; the words for people are the command line's.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Trouble {}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        let kind = match trouble.stage() {
            Stage::Name => io::ErrorKind::NotFound,
            Stage::Connect => io::ErrorKind::ConnectionRefused,
            Stage::Tls | Stage::Upgrade | Stage::Key | Stage::Upstream | Stage::Chat | Stage::Media => {
                io::ErrorKind::ConnectionAborted
            }
        };
        Self::new(kind, trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_through_an_io_error() {
        let error = io::Error::from(Trouble::Status(403));
        assert_eq!(Trouble::of(&error), Some(Trouble::Status(403)));
        assert_eq!(Trouble::of(&io::Error::other("else")), None);
    }
}
