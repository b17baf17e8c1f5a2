//! A way to a relay: the endpoint, and how it is greeted.

use std::net::SocketAddr;

/// An address and port of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// Which of the link's targets it belongs to.
    pub(crate) target: usize,
    /// Where it is. With a proxy that leads out, only the port is meant.
    pub(crate) address: SocketAddr,
    /// The port is another than the link says.
    pub(crate) other_port: bool,
}

/// The name that everybody can read in a hello (RFC 6066, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// As the link says.
    Own,
    /// Another under the wildcard that the link gives, by this number.
    Sibling(u32),
    /// That of the server's configuration for encrypted hellos (RFC 9849).
    Public,
    /// None.
    Nothing,
}

/// How the hello's bytes are cut, always inside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One record in one segment.
    Whole,
    /// Two TLS records in one segment.
    Records,
    /// Two TLS records, each in a segment of its own.
    RecordsAndSegments,
}

/// Whose TLS says the hello: each has a fingerprint of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stack {
    /// This program's usual one.
    Usual,
    /// Chromium's, if the program was built with it.
    Browser,
}

/// What a hello looks like on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Greeting {
    /// The name to be read in it.
    pub(crate) name: Name,
    /// How it is cut.
    pub(crate) shape: Shape,
    /// Who says it.
    pub(crate) stack: Stack,
}

impl Greeting {
    /// As the link says, in one piece.
    pub(crate) const PLAIN: Self = Self::new(Name::Own, Shape::Whole);

    /// The same as a browser says it.
    pub(crate) const BROWSER: Self = Self { stack: Stack::Browser, ..Self::PLAIN };

    /// One of the usual TLS.
    pub(crate) const fn new(name: Name, shape: Shape) -> Self {
        Self { name, shape, stack: Stack::Usual }
    }

    /// One name under the wildcard is like another when it is asked what was tried.
    pub(crate) fn is_like(self, other: Self) -> bool {
        let alike = matches!((self.name, other.name), (Name::Sibling(_), Name::Sibling(_)));
        self.stack == other.stack && self.shape == other.shape && (alike || self.name == other.name)
    }
}

/// All that a network can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    /// Where it leads.
    pub(crate) endpoint: Endpoint,
    /// How the relay is greeted.
    pub(crate) greeting: Greeting,
}
