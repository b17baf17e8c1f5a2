//! Pasarela's native program as a library, so that tests and other tools run it in-process.
//!
//! The bridge for phones, the relay as a server, the check, and what shares a link. The relay on the
//! edge is `pasarela-edge`; what both share is `pasarela-core` and `pasarela-noise`. Empty on wasm.
//!
//! Modules are listed in reading order; each uses only those above it.

#![cfg(not(target_arch = "wasm32"))]

#[macro_use]
mod say;

pub mod memory;

mod panics;
mod crowd;
mod lobby;
mod sleep;
mod deadline;
mod replace;

mod net;
mod tls;
mod websocket;

pub mod trouble;
pub mod link;
mod ways;

pub mod tunnel;
pub mod connect;

pub mod frontend;
pub mod bridge;

pub mod share;
pub mod picture;
pub mod check;

pub mod serve;

#[cfg(feature = "deploy")]
mod deploy;

#[doc(hidden)]
pub mod fuzzing;

pub mod cli;
