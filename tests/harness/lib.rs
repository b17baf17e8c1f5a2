//! What the end-to-end tests, `pasarela-dev` and the measurements share: real workerd, the real clients' drivers, and
//! small clients of our own.
//!
//! It asserts nothing; the tests do. The simulated WhatsApp is `pasarela_sim`.

#![cfg(not(target_arch = "wasm32"))]

/// Where what is built lies.
pub mod places;
/// What a process costs.
pub mod process;
/// A network of one thread alone.
pub mod namespace;
/// A WebSocket client.
pub mod socket;
/// A form that files are uploaded by.
pub mod form;
/// A Worker as it was sent to the platform.
pub mod sent;
/// The Worker in real workerd.
pub mod workerd;
/// A tunnel's carrier, by hand.
pub mod tunnel;
/// A TCP proxy that damages connections.
pub mod cutter;
/// A server with encrypted hellos.
pub mod ech;
/// A server of DNS over HTTPS.
pub mod doh;
/// One HTTP request.
pub mod http;
/// A Noise handshake through a relay.
pub mod handshake;
/// TLS inside a relay's WebSocket.
pub mod tls;
/// The simulator's measuring modes.
pub mod measuring;
/// The official proxy's ports, as a phone sees them.
pub mod official;
/// HAProxy as the official proxy runs it.
pub mod haproxy;
/// A web server in front of a relay.
pub mod web_server;
/// WhatsApp on a phone.
pub mod phone;
/// A bridge in this process.
pub mod bridge;
/// The drivers of real clients.
pub mod clients;
/// A certificate as files.
pub mod identity;
/// Cloudflare's API.
pub mod cloudflare;
/// What a TLS hello shows.
pub mod hello;
/// Relays that are dead in all kinds of ways.
pub mod dead;
/// How tunnels of others are told.
pub mod peers;
/// websocat.
pub mod websocat;
/// Chromium.
pub mod browser;
