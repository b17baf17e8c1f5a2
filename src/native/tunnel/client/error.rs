//! Why a tunnel ended before its stream did.

use std::{fmt, io, sync::Arc};

use pasarela_core::codes::Code;

/// Why a tunnel ended before its stream did. None says anything about a user.
#[derive(Debug)]
pub enum Error {
    /// The stream failed, for the reason that the relay or this end gave. `gone`: it was given up or forgotten.
    Reset(Code),
    /// The relay's address answered the upgrade with this HTTP status: no relay there, a wrong key, or somebody on the way
    /// who forbids it.
    Status(u16),
    /// Something there accepts WebSockets, but not this tunnel's.
    NoRelay,
    /// The local connection broke.
    Local(io::Error),
}

impl Error {
    /// What a [`TunnelStream`](super::TunnelStream) failed with, if the error is one of its.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        let source = error.get_ref()?.downcast_ref::<Arc<Self>>()?;
        Some(source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset(code) => write!(f, "the stream was reset: {}", code.token()),
            Self::Status(status) => write!(f, "the relay's address answered with HTTP status {status}"),
            Self::NoRelay => f.write_str("the relay's address accepts WebSockets but is no relay"),
            Self::Local(_) => f.write_str("the local connection broke"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Local(error) => Some(error),
            Self::Reset(_) | Self::Status(_) | Self::NoRelay => None,
        }
    }
}

/// The URL of a relay cannot be used. It holds no part of the URL, in which there is a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusableUrl;

impl fmt::Display for UnusableUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the relay's URL is not usable: expected ws://host:port/path, or wss:// with a dialer for it")
    }
}

impl std::error::Error for UnusableUrl {}
