//! What the end-to-end tests, `pasarela-dev` and the measurements share: real workerd, the real clients' drivers, and
//! small clients of our own.
//!
//! It asserts nothing; the tests do. The simulated WhatsApp is `pasarela::sim`.

#![cfg(not(target_arch = "wasm32"))]

pub mod places;
pub mod process;
pub mod namespace;
pub mod socket;
pub mod workerd;
pub mod tunnel;
pub mod cutter;
pub mod ech;
pub mod http;
pub mod handshake;
pub mod tls;
pub mod measuring;
pub mod official;
pub mod haproxy;
pub mod web_server;
pub mod phone;
pub mod bridge;
pub mod dead;
pub mod clients;
pub mod websocat;
pub mod browser;
