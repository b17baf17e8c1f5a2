//! What of ours runs in a visitor's browser: the words of the page's check, and the QR code of a link, beside the proof.
//!
//! The proof that WhatsApp answers is `pasarela_noise`'s, as `pasarela check`'s is. There is no socket, no clock and no random
//! source here: bytes, time and randomness are arguments. The sockets are those of `../../www/check`, which calls what
//! `exports` gives it.
//!
//! Modules are listed in reading order; each uses only those above it.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic))]

pub mod fault;
pub mod qr;

#[cfg(target_arch = "wasm32")]
pub mod exports;
