//! What to try next, for each failure and for whatever is checked.
//!
//! A hint is an enum; how it is said is the command line's.

use pasarela_core::codes::Code;

use super::clock::Clock;
use super::flaw::Flaw;
use super::found::{Fault, What};
use crate::trouble::Trouble;

macro_rules! hints {
    ($($(#[$doc:meta])* $name:ident = $token:literal;)*) => {
        /// What to try next.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Hint { $($(#[$doc])* $name,)* }

        impl Hint {
            /// Every hint.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// One word for programs.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self { $(Self::$name => $token,)* }
            }
        }
    };
}

hints! {
    /// See whether this device is online at all; try another network.
    Network = "network";
    /// Compare the link with the one that was sent.
    Link = "link";
    /// Tell whoever runs the relay that it does not run.
    Operator = "operator";
    /// The address seems blocked: another address, another relay.
    OtherAddress = "other-address";
    /// The name seems blocked: hide it, or another relay.
    HideName = "hide-name";
    /// Set the clock.
    SetClock = "set-clock";
    /// Look whether the clock is right.
    LookAtClock = "look-at-clock";
    /// Somebody sits in between: another network.
    Intercepted = "intercepted";
    /// The link asks for an encrypted hello that is not to be had.
    Ech = "ech";
    /// Look at the proxy that leads out of this network.
    Exit = "exit";
    /// Whoever runs the relay has to let the web server in front pass WebSockets on.
    Front = "front";
    /// Whoever runs the relay has to make another certificate, or to put its fingerprint into the link.
    Certificate = "certificate";
    /// The line is slow: give it more time.
    Slow = "slow";
    /// Something on the way, or the site's own protection, forbids it.
    Forbidden = "forbidden";
    /// Wait until tomorrow, or another relay.
    Tomorrow = "tomorrow";
    /// Try again in some minutes.
    Later = "later";
    /// Ask for a new link.
    NewLink = "new-link";
    /// Whoever runs the relay has to look at what it may reach.
    RelaysWay = "relays-way";
    /// Do not use this relay or proxy.
    DoNotUse = "do-not-use";
    /// WhatsApp changed its certificate, or lets it run out: a newer program, or waiting.
    Newer = "newer";
    /// See whether the proxy runs, at this address and this port, in the same network.
    Proxy = "proxy";
    /// Look at the proxy's ports and at TLS.
    Ports = "ports";
    /// Look at the port for media.
    MediaPort = "media-port";
}

impl Hint {
    pub(super) fn of(what: What, fault: Fault, clock: Option<Clock>) -> Self {
        match fault {
            Fault::Way(trouble) => match what {
                What::Relay => of_way(trouble),
                What::Proxy => of_proxys_way(trouble),
            },
            Fault::Chat(flaw) => of_flaw(what, flaw, clock, Self::Ports),
            Fault::Media(flaw) => of_flaw(what, flaw, clock, Self::MediaPort),
            Fault::MediaWay(_) => Self::MediaPort,
        }
    }
}

fn of_way(trouble: Trouble) -> Hint {
    match trouble {
        Trouble::NoResolver | Trouble::Unreachable => Hint::Network,
        Trouble::NoAddress => Hint::Link,
        Trouble::Refused | Trouble::TlsOther => Hint::Operator,
        Trouble::ConnectTimeout => Hint::OtherAddress,
        Trouble::NoExit | Trouble::ExitStatus(_) | Trouble::ExitRefused => Hint::Exit,
        Trouble::TlsReset | Trouble::TlsTimeout | Trouble::TlsRefused => Hint::HideName,
        Trouble::CertificateExpired | Trouble::CertificateNotYetValid => Hint::LookAtClock,
        Trouble::CertificateName | Trouble::CertificateIssuer | Trouble::CertificatePin => Hint::Intercepted,
        Trouble::NoEch | Trouble::EchRejected => Hint::Ech,
        Trouble::CertificateAuthority | Trouble::CertificateForm => Hint::Certificate,
        Trouble::UpgradeReset | Trouble::UpgradeTimeout | Trouble::Elsewhere => Hint::Intercepted,
        Trouble::NoWebSockets => Hint::Front,
        Trouble::Status(status) => of_status(status),
        Trouble::ErrorPage(number) => of_page(number),
        Trouble::NoRelay => Hint::Link,
        Trouble::Key => Hint::NewLink,
        Trouble::Stream(code) => of_code(code),
        Trouble::UpstreamTimeout => Hint::RelaysWay,
    }
}

fn of_proxys_way(trouble: Trouble) -> Hint {
    match trouble {
        Trouble::NoResolver | Trouble::Unreachable => Hint::Network,
        Trouble::NoAddress | Trouble::Refused | Trouble::ConnectTimeout => Hint::Proxy,
        Trouble::NoExit | Trouble::ExitStatus(_) | Trouble::ExitRefused => Hint::Exit,
        Trouble::TlsReset
        | Trouble::TlsTimeout
        | Trouble::TlsRefused
        | Trouble::TlsOther
        | Trouble::CertificateExpired
        | Trouble::CertificateNotYetValid
        | Trouble::CertificateName
        | Trouble::CertificateIssuer
        | Trouble::CertificateAuthority
        | Trouble::CertificateForm
        | Trouble::CertificatePin
        | Trouble::NoEch
        | Trouble::EchRejected => Hint::Ports,
        Trouble::UpgradeReset
        | Trouble::UpgradeTimeout
        | Trouble::Status(_)
        | Trouble::NoWebSockets
        | Trouble::Elsewhere
        | Trouble::ErrorPage(_)
        | Trouble::NoRelay
        | Trouble::Key
        | Trouble::Stream(_)
        | Trouble::UpstreamTimeout => Hint::Later,
    }
}

fn of_status(status: u16) -> Hint {
    match status {
        408 | 429 | 500.. => Hint::Later,
        401 | 403 | 407 | 451 => Hint::Forbidden,
        _ => Hint::Link,
    }
}

/// By Cloudflare's numbers.
fn of_page(number: u16) -> Hint {
    match number {
        // Denied by the site's owner, or for the country.
        1005..=1012 | 1020 => Hint::Forbidden,
        // Too many requests at once; today.
        1015 => Hint::Later,
        1027 => Hint::Tomorrow,
        _ => Hint::Operator,
    }
}

fn of_code(code: Code) -> Hint {
    match code {
        Code::UpstreamRefused | Code::UpstreamReset | Code::UpstreamTimeout => Hint::RelaysWay,
        Code::End
        | Code::Draining
        | Code::Silent
        | Code::Queue
        | Code::Crashed
        | Code::Busy
        | Code::Cpu
        | Code::Superseded
        | Code::Gone
        | Code::Idle
        | Code::Flood => Hint::Later,
        Code::Text | Code::Destination | Code::Garbage | Code::TooBig | Code::Protocol => Hint::Newer,
    }
}

fn of_flaw(what: What, flaw: Flaw, clock: Option<Clock>, ports: Hint) -> Hint {
    match (flaw, what) {
        (Flaw::Dates(_), _) => match clock {
            Some(Clock::Behind(_) | Clock::Ahead(_)) => Hint::SetClock,
            Some(Clock::Right) => Hint::Newer,
            Some(Clock::Doubtful) | None => Hint::LookAtClock,
        },
        (Flaw::Forged, _) => Hint::DoNotUse,
        (Flaw::Stream(code), _) => of_code(code),
        (Flaw::Cut | Flaw::Silent | Flaw::Garbage, What::Proxy) => ports,
        (Flaw::Cut | Flaw::Silent | Flaw::Garbage, What::Relay) => Hint::RelaysWay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_unique() {
        for (index, hint) in Hint::ALL.iter().enumerate() {
            assert!(Hint::ALL.iter().skip(index + 1).all(|other| other.token() != hint.token()));
        }
    }
}
