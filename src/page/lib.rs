//! The page's own check, for the browser: what proves that WhatsApp answers through a relay, and the QR code of a link.
//!
//! It has no socket, no clock and no random source: bytes, time and randomness are arguments. The sockets are those of
//! `../../www/check`, which calls what `exports` gives it. The same proof natively is `pasarela::check`'s.
//!
//! Modules are listed in reading order; each uses only those above it.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic))]

pub mod fault;
pub mod proof;
pub mod qr;

#[cfg(target_arch = "wasm32")]
pub mod exports;
