//! The tunnel, `pasarela.v1`: one TCP stream over carriers that may come and go, with backpressure both ways and half-close.
//!
//! A carrier is anything that keeps messages whole and in order, in practice a WebSocket: one binary message is the next
//! bytes of the stream, one text message is one control message. [`relay`] and [`client`] are its two ends, both built on
//! the same accounting; [`sessions`] is what a relay keeps of many. No IO here, and no payload is read.

pub mod message;
pub mod upgrade;
mod pace;
mod outbound;
mod inbound;
mod duplex;
pub mod pool;
pub mod sessions;
pub mod relay;
pub mod client;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod hostile;

/// A carrier of one tunnel, numbered in the order in which they were begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Carrier(pub u32);
