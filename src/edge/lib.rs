//! Pasarela's relay as a Cloudflare Worker: accepts WebSockets on the edge and carries their bytes to WhatsApp.
//!
//! What to accept, where to dial and when a stream ends is decided in `pasarela-core`; here are the platform's objects and
//! the hot path between them. The same routes natively are `pasarela serve`'s.
//!
//! A panic takes every connection of the isolate with it, so nothing here may panic; `trap` and `main.mjs`, the main module,
//! see to what follows when it does.

#![cfg(target_arch = "wasm32")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod platform;
mod bytes;
mod pace;
mod alarm;
mod cpu;
mod gauges;
mod settings;
mod url;
mod visit;
mod pages;
mod trap;
#[cfg(feature = "instrumented")]
#[allow(clippy::panic, reason = "it is there for that")]
mod instrument;
mod stream;
mod upstream;
mod upgrade;
mod pipe;
mod tunnel;
mod sessions;
mod web;
mod status;
mod entry;
