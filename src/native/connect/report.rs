//! What there is to tell of a dial, for those who look closely: its stages and how long each took.
//!
//! It holds addresses, so it is for the screen of the user whose relay it is; nothing here is ever logged.

use std::{net::SocketAddr, time::Duration};

use crate::trouble::Trouble;

/// Who knew the addresses of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody was asked: it is an address itself.
    Literal,
    /// The proxy that leads out of this network, which is asked for the name when it connects.
    Exit,
    /// The system's resolver.
    System,
    /// A resolver reached by DNS over HTTPS, now or not long ago.
    Doh,
}

/// What became of the encrypted hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchStatus {
    /// There was none.
    NotOffered,
    /// There was a pretence of one.
    Grease,
    /// The server took it.
    Accepted,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The name in the hello that everybody on the way can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There was none.
    Nothing,
    /// The one that the link asks for.
    Name,
    /// The public name of the server's configuration for encrypted hellos.
    PublicName,
}

/// A stage that is passed, and the time that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One of the hosts to connect to is resolved.
    Resolved {
        /// How many addresses it has.
        addresses: usize,
        /// Who knew them.
        by: Source,
        /// How long it took.
        took: Duration,
    },
    /// TCP is connected.
    Connected {
        /// To this address.
        address: SocketAddr,
        /// How long it took.
        took: Duration,
    },
    /// The TLS handshake is done.
    Secured {
        /// What of it could be read.
        shown: Shown,
        /// The encrypted hello.
        ech: EchStatus,
        /// The server did not take the first configuration for it, but the one that it offered instead.
        retried: bool,
        /// The version spoken.
        version: Version,
        /// How long it took.
        took: Duration,
    },
}

/// A failure, with the stages that were passed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) trouble: Trouble,
    pub(super) steps: Vec<Step>,
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, steps: Vec::new() }
    }
}

impl Failed {
    /// The same, with what was passed before.
    pub(super) fn behind(mut self, mut steps: Vec<Step>) -> Self {
        steps.append(&mut self.steps);
        Self { steps, ..self }
    }
}
