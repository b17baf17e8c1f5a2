//! The proof that WhatsApp's chat answers: its server hello, with certificates down to its root key.
//!
//! Whoever sits in between can delay or cut this, but not make it. It says what every client says first, to a stranger, and
//! stops there: no account is involved. Sending, receiving and waiting are the caller's.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    chain::{Verified, VerifyError, verify},
    initiator::{Initiator, ServerHello},
    symmetric::HandshakeError,
    wire,
};

/// No server hello is nearly as long, in bytes; WhatsApp's has some 350.
const HELLO_MAX: usize = 16 * 1024;

/// Why an answer proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// It is not WhatsApp's protocol, or what was said arrived as something else.
    Garbled,
    /// The protocol is WhatsApp's, but who speaks it cannot prove to be WhatsApp.
    Forged,
    /// It is WhatsApp, but its certificates are valid from this second on only, Unix time.
    NotYetValid(u64),
    /// It is WhatsApp, but its certificates were valid up to this second, Unix time.
    Expired(u64),
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Garbled => "the answer is not in WhatsApp's protocol",
            Self::Forged => "who answers cannot prove to be WhatsApp",
            Self::NotYetValid(_) => "WhatsApp's certificates are not valid yet",
            Self::Expired(_) => "WhatsApp's certificates have expired",
        })
    }
}

impl core::error::Error for ProofError {}

/// One question to WhatsApp, and its answer as it comes.
pub struct Proof {
    hello: Vec<u8>,
    root: [u8; 32],
    state: State,
}

enum State {
    Waiting { initiator: Initiator, received: Vec<u8> },
    Answered(Result<ServerHello, ProofError>),
}

impl Proof {
    /// Asks whether `root` vouches for who answers; `random` is fresh from a cryptographic source.
    ///
    /// # Panics
    ///
    /// Never: a hello fits a frame.
    #[must_use]
    pub fn new(random: [u8; 32], root: [u8; 32]) -> Self {
        let (initiator, body) = Initiator::new(random);
        let mut hello = wire::HEADER.to_vec();
        wire::encode_frame(&body, &mut hello).expect("a hello is a few bytes long");
        Self { hello, root, state: State::Waiting { initiator, received: Vec::new() } }
    }

    /// What is to be said, first and only.
    #[must_use]
    pub fn hello(&self) -> &[u8] {
        &self.hello
    }

    /// Takes the next bytes of the answer; whether that was all of it. What comes behind it changes nothing.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let nothing = State::Answered(Err(ProofError::Garbled));
        let (initiator, mut received) = match core::mem::replace(&mut self.state, nothing) {
            State::Waiting { initiator, received } => (initiator, received),
            answered @ State::Answered(_) => {
                self.state = answered;
                return true;
            }
        };
        let room = (wire::FRAME_HEADER + HELLO_MAX).saturating_sub(received.len());
        received.extend(bytes.iter().take(room));
        let answer = match wire::decode_frame(&received) {
            Some((body, _)) => initiator.read_server_hello(body).map_err(|error| match error {
                HandshakeError::TooLong | HandshakeError::Malformed => ProofError::Garbled,
                HandshakeError::BadKey | HandshakeError::Decrypt => ProofError::Forged,
            }),
            None if wire::frame_length(&received).is_some_and(|length| length > HELLO_MAX) => Err(ProofError::Garbled),
            None => {
                self.state = State::Waiting { initiator, received };
                return false;
            }
        };
        self.state = State::Answered(answer);
        true
    }

    /// What the answer is worth at `now`, Unix seconds; `None` before all of it is here.
    #[must_use]
    pub fn judge(&self, now: u64) -> Option<Result<Verified, ProofError>> {
        match &self.state {
            State::Waiting { .. } => None,
            State::Answered(Err(error)) => Some(Err(*error)),
            State::Answered(Ok(hello)) => Some(self.verify(hello, now)),
        }
    }

    fn verify(&self, hello: &ServerHello, now: u64) -> Result<Verified, ProofError> {
        verify(hello.server_static(), hello.chain(), &self.root, now).map_err(|error| match error {
            VerifyError::NotYetValid { not_before, .. } => ProofError::NotYetValid(not_before),
            VerifyError::Expired { not_after, .. } => ProofError::Expired(not_after),
            VerifyError::Malformed
            | VerifyError::Missing(_)
            | VerifyError::BadLength(_)
            | VerifyError::Signature(_)
            | VerifyError::Issuer(_)
            | VerifyError::LeafKey => ProofError::Forged,
        })
    }
}
