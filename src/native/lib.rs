//! Pasarela's native program as a library, so that tests and other tools run it in-process.
//!
//! So far one command, `pasarela sim`. The relay on the edge is `pasarela-edge`; what both share is
//! `pasarela-core` and `pasarela-noise`. Empty on wasm.

#![cfg(not(target_arch = "wasm32"))]

pub mod sim;

pub mod cli;
