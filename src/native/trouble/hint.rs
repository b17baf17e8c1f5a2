//! What to try next, as a closed set of words. How it is said is the command line's.

use pasarela_core::codes::Code;

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
    pub(super) const fn of_status(status: u16) -> Self {
        match status {
            408 | 429 | 500.. => Self::Later,
            401 | 403 | 407 | 451 => Self::Forbidden,
            _ => Self::Link,
        }
    }

    /// By Cloudflare's numbers.
    pub(super) const fn of_page(number: u16) -> Self {
        match number {
            // Denied by the site's owner, or for the country.
            1005..=1012 | 1020 => Self::Forbidden,
            // Too many requests at once; today.
            1015 => Self::Later,
            1027 => Self::Tomorrow,
            _ => Self::Operator,
        }
    }

    pub(crate) const fn of_code(code: Code) -> Self {
        match code {
            Code::UpstreamRefused | Code::UpstreamReset | Code::UpstreamTimeout => Self::RelaysWay,
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
            | Code::Flood => Self::Later,
            Code::Text | Code::Destination | Code::Garbage | Code::TooBig | Code::Protocol => Self::Newer,
        }
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
