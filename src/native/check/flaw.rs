//! What can be wrong with what answers in WhatsApp's place.
//!
//! The same words for its chat and for its media host; the proofs are `chat`'s and `media`'s.

use std::io;

use pasarela_core::codes::Code;

use super::clock::Dates;
use crate::tunnel::Error;

/// Why an answer does not prove that WhatsApp is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The connection ended before the answer.
    Cut,
    /// No answer came in time.
    Silent,
    /// The answer is in another protocol.
    Garbage,
    /// The protocol is WhatsApp's, but who speaks it cannot prove to be WhatsApp.
    Forged,
    /// It is WhatsApp, but its certificate is not valid at this device's time.
    Dates(Dates),
    /// The relay ended the stream, for this reason.
    Stream(Code),
}

impl Flaw {
    /// One word for programs.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Silent => "silent",
            Self::Garbage => "garbage",
            Self::Forged => "forged",
            Self::Dates(_) => "dates",
            Self::Stream(code) => code.token(),
        }
    }

    /// Why a stream broke.
    pub(super) fn of_broken(error: &io::Error) -> Self {
        match Error::of(error) {
            Some(Error::Reset(code)) => Self::Stream(*code),
            Some(Error::Status(_) | Error::NoRelay | Error::Local(_)) | None => Self::Cut,
        }
    }
}
