//! What a network does to a relay's connections, and how it was got round, in words for programs.
//!
//! The words for people are the command line's. There is no address and no name in it.

use std::fmt;

use super::{
    evidence::Evidence,
    way::{Greeting, Name, Shape, Stack, Way},
};
use crate::trouble::Trouble;

/// What was met on the way that was to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Connections were refused.
    Refused,
    /// Connections were not answered.
    NoAnswer,
    /// Connections were cut behind the hello.
    Cut,
    /// The hello never arrived.
    Dropped,
    /// Nothing came behind the hello, which may have arrived.
    Silent,
    /// Nothing came behind the request.
    Stalled,
    /// Little came through.
    Throttled,
    /// Somebody else answered.
    Stranger,
}

impl Met {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Refused,
        Self::NoAnswer,
        Self::Cut,
        Self::Dropped,
        Self::Silent,
        Self::Stalled,
        Self::Throttled,
        Self::Stranger,
    ];

    /// One word for programs; it does not change.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NoAnswer => "no-answer",
            Self::Cut => "cut-after-hello",
            Self::Dropped => "hello-dropped",
            Self::Silent => "silent-after-hello",
            Self::Stalled => "silent-after-request",
            Self::Throttled => "throttled",
            Self::Stranger => "stranger",
        }
    }

    /// What a dial says that met nothing else.
    pub(crate) const fn trouble(self) -> Trouble {
        match self {
            Self::Refused => Trouble::Refused,
            Self::NoAnswer => Trouble::ConnectTimeout,
            Self::Cut => Trouble::TlsReset,
            Self::Dropped => Trouble::HelloDropped,
            Self::Silent => Trouble::TlsTimeout,
            Self::Stalled | Self::Throttled => Trouble::UpgradeTimeout,
            Self::Stranger => Trouble::CertificateIssuer,
        }
    }

    pub(super) const fn of(evidence: Evidence) -> Option<Self> {
        match evidence {
            Evidence::Refused => Some(Self::Refused),
            Evidence::NoAnswer => Some(Self::NoAnswer),
            Evidence::ResetAfterHello => Some(Self::Cut),
            Evidence::HelloDropped => Some(Self::Dropped),
            Evidence::SilentAfterHello => Some(Self::Silent),
            Evidence::SilentAfterRequest => Some(Self::Stalled),
            Evidence::Stranger => Some(Self::Stranger),
            Evidence::Local | Evidence::Unfit | Evidence::Works => None,
        }
    }
}

/// How the relay is reached all the same, if not as the link says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detour {
    /// What was met, as far as it is known.
    pub met: Option<Met>,
    /// The port, if it is another.
    pub port: Option<u16>,
    /// The name in the hello.
    pub name: Name,
    /// How the hello is cut.
    pub shape: Shape,
    /// Whose TLS says it.
    pub stack: Stack,
}

impl Detour {
    pub(crate) fn of(way: &Way, met: Option<Met>) -> Option<Self> {
        let port = way.endpoint.other_port.then_some(way.endpoint.address.port());
        let Greeting { name, shape, stack } = way.greeting;
        (port.is_some() || way.greeting != Greeting::PLAIN).then_some(Self { met, port, name, shape, stack })
    }
}

/// Words for programs; they do not change.
impl fmt::Display for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.map(|port| format!("port-{port}"));
        let name = match self.name {
            Name::Own => None,
            Name::Sibling(_) => Some("sibling"),
            Name::Public => Some("ech"),
            Name::Nothing => Some("nameless"),
        };
        let shape = match self.shape {
            Shape::Whole => None,
            Shape::Records => Some("cut-records"),
            Shape::RecordsAndSegments => Some("cut-segments"),
        };
        let stack = match self.stack {
            Stack::Usual => None,
            Stack::Browser => Some("browser-hello"),
        };
        let words: Vec<_> = port.as_deref().into_iter().chain(name).chain(shape).chain(stack).collect();
        f.write_str(&words.join(" "))
    }
}
