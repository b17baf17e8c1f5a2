//! WhatsApp's handshake: Noise XX as WhatsApp speaks it, for both sides, and its certificates.
//!
//! It opens no socket and reads neither clock nor random source: bytes, time and randomness are
//! arguments. What travels inside the encrypted frames is not looked at here; the simulator
//! (`pasarela_sim`) and the checks in the page and the program do that.
//!
//! Not a general Noise library: WhatsApp leaves the empty payload of message 1 out of the
//! transcript, which the specification mixes in, so that ready-made libraries derive other keys.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod proto;
mod symmetric;

pub mod wire;
pub mod xeddsa;

pub mod chain;
pub mod transport;

pub mod initiator;
pub mod proof;
pub mod responder;

pub use chain::{VerifyError, WHATSAPP_ROOT, verify};
pub use initiator::{Initiator, ServerHello};
pub use responder::{ClientFinish, Responder, ResponderKeys};
pub use symmetric::{HandshakeError, public_key};
pub use transport::{Transport, TransportError};
