//! Pasarela's protocol logic: what to accept, where to dial, how bytes are cut into messages, and when a relayed stream ends.
//!
//! It does no IO, reads no clock, draws no randomness and knows no WebSocket library: `pasarela-edge` drives it with the
//! Workers platform's objects, `pasarela serve` with tokio's. The same code decides in both.
//!
//! **The contract of a state machine here**: after every `handle(Input)`, call `poll()` until it returns `Output::Wait`
//! (or `Done`); outputs are commands that the caller carries out, and time is an argument.
//!
//! Modules are listed in reading order; each uses only those above it.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

extern crate alloc;

pub mod limits;
pub mod time;
pub mod codes;
pub mod chunk;
pub mod frame;
mod reader;
pub mod proxy;
pub mod sniff;
pub mod config;
pub mod route;
pub mod web;
pub mod status;
pub mod policy;
pub mod dial;
mod queue;
pub mod ledger;
pub mod opening;
pub mod pipe;
pub mod tunnel;
