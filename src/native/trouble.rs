//! What keeps a relay from being used, as a closed set of words: by its stage, without an address, a name or a key.
//!
//! Whoever reaches a relay says it, whoever chooses among relays and whoever checks one listens. The words for people are
//! the command line's.

use std::{borrow::Cow, fmt, io};

use pasarela_core::codes::Code;

mod hint;

pub use hint::Hint;

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $token:literal;)*) => {
        /// The stages of a way to WhatsApp, in their order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stage { $($(#[$doc])* $name,)* }

        impl Stage {
            /// One word for programs; it does not change.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self { $(Self::$name => $token,)* }
            }
        }
    };
}

stages! {
    /// The addresses of the relay's name.
    Name = "name";
    /// A TCP connection to one of them.
    Connect = "connect";
    /// The TLS handshake.
    Tls = "tls";
    /// The upgrade to a WebSocket.
    Upgrade = "upgrade";
    /// The relay's key.
    Key = "key";
    /// The relay's own connection to WhatsApp.
    Upstream = "upstream";
    /// WhatsApp's answer in its own protocol.
    Chat = "chat";
    /// TLS with WhatsApp's media host.
    Media = "media";
}

/// Each row: the evidence, and what it may carry; the stage at which it shows; the word for programs; what to try.
macro_rules! troubles {
    ($($(#[$doc:meta])* $name:ident $(($value:ident: $type:ty))?, $stage:ident, $token:expr, $hint:expr;)*) => {
        /// Why a relay cannot be used.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Trouble { $($(#[$doc])* $name $(($type))?,)* }

        impl Trouble {
            /// The stage at which it shows.
            #[must_use]
            pub const fn stage(self) -> Stage {
                #[allow(unused_variables, reason = "few stages depend on what a trouble carries")]
                match self { $(Self::$name $(($value))? => Stage::$stage,)* }
            }

            /// One word for programs; it does not change.
            #[must_use]
            pub fn token(self) -> Cow<'static, str> {
                match self { $(Self::$name $(($value))? => $token.into(),)* }
            }

            /// What to try next, if it is a relay that cannot be used.
            #[must_use]
            pub fn hint(self) -> Hint {
                #[allow(unused_variables, reason = "few hints depend on what a trouble carries")]
                match self { $(Self::$name $(($value))? => $hint,)* }
            }
        }
    };
}

troubles! {
    /// No resolver answered.
    NoResolver, Name, "no-resolver", Hint::Network;
    /// A resolver answered that the name does not exist, or has no address.
    NoAddress, Name, "no-address", Hint::Link;
    /// DNS gives no configuration for the encrypted hello. Without one the name would show, so nothing was sent.
    NoEch, Name, "no-ech", Hint::Ech;
    /// Nothing listens at the address.
    Refused, Connect, "refused", Hint::Operator;
    /// No network leads to the address, or this machine has none.
    Unreachable, Connect, "unreachable", Hint::Network;
    /// The address does not answer.
    ConnectTimeout, Connect, "connect-timeout", Hint::OtherAddress;
    /// The proxy that leads out of this network cannot be reached, or does not speak as it should.
    NoExit, Connect, "no-exit", Hint::Exit;
    /// It refused with this HTTP status.
    ExitStatus(status: u16), Connect, format!("exit-status-{status}"), Hint::Exit;
    /// It speaks SOCKS and refused, or could not reach the relay.
    ExitRefused, Connect, "exit-refused", Hint::Exit;
    /// The connection was cut in the TLS handshake, as networks do that forbid the name in it.
    TlsReset, Tls, "tls-reset", Hint::HideName;
    /// The hello was sent again and again and never acknowledged, though the connection had been answered: it vanishes on the way.
    HelloDropped, Tls, "hello-dropped", Hint::HideName;
    /// The TLS handshake got no answer.
    TlsTimeout, Tls, "tls-timeout", Hint::HideName;
    /// The server refused the handshake with an alert, as a CDN does for a name that it does not know.
    TlsRefused, Tls, "tls-refused", Hint::HideName;
    /// What answers there does not speak TLS, or not a version or cipher of ours.
    TlsOther, Tls, "tls-other", Hint::Operator;
    /// The certificate's time is over.
    CertificateExpired, Tls, "certificate-expired", Hint::LookAtClock;
    /// The certificate's time has not come yet.
    CertificateNotYetValid, Tls, "certificate-not-yet-valid", Hint::LookAtClock;
    /// The certificate is for another name.
    CertificateName, Tls, "certificate-name", Hint::Intercepted;
    /// No authority that is trusted here made the certificate.
    CertificateIssuer, Tls, "certificate-issuer", Hint::Intercepted;
    /// The certificate is made as an authority's, as `openssl req -x509` does it, and so cannot be a server's.
    CertificateAuthority, Tls, "certificate-authority", Hint::Certificate;
    /// The certificate is of a form that no client takes: X.509 version 1, or none at all.
    CertificateForm, Tls, "certificate-form", Hint::Certificate;
    /// The certificate is not the one whose fingerprint the link gives.
    CertificatePin, Tls, "certificate-pin", Hint::Intercepted;
    /// The server did not take the encrypted hello, nor one with the configuration that it offered instead.
    EchRejected, Tls, "ech-rejected", Hint::Ech;
    /// The connection was cut when the upgrade was asked for.
    UpgradeReset, Upgrade, "upgrade-reset", Hint::Intercepted;
    /// The upgrade got no answer.
    UpgradeTimeout, Upgrade, "upgrade-timeout", Hint::Intercepted;
    /// The upgrade was answered with this HTTP status.
    Status(status: u16), Upgrade, format!("status-{status}"), Hint::of_status(status);
    /// What is in front of the relay passes no WebSockets on: the relay was asked for something else than an upgrade.
    NoWebSockets, Upgrade, "no-websockets", Hint::Front;
    /// The upgrade was answered by sending elsewhere, to another host.
    Elsewhere, Upgrade, "elsewhere", Hint::Intercepted;
    /// The upgrade was answered with an error page of the CDN that bears this number (1101: the Worker failed, 1027: its
    /// requests of the day are used up …).
    ErrorPage(number: u16), Upgrade, format!("error-page-{number}"), Hint::of_page(number);
    /// It speaks no HTTP, or accepts WebSockets but is no relay.
    NoRelay, Upgrade, "no-relay", Hint::Link;
    /// There is no relay under this key: the answer of an unknown path.
    Key, Key, "wrong-key", Hint::NewLink;
    /// The relay reached no upstream, or the stream failed, for this reason.
    Stream(code: Code), Upstream, code.token(), Hint::of_code(code);
    /// The relay accepted the stream, but its upstream did not answer in time.
    UpstreamTimeout, Upstream, "upstream-timeout", Hint::RelaysWay;
}

impl Trouble {
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

/// The word for programs; those for people are the command line's.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.token())
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
