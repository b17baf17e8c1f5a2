//! The tunnel, `pasarela.v1`: one TCP stream over carriers that may come and go, with backpressure both ways and half-close.
//!
//! A carrier is anything that keeps messages whole and in order, in practice a WebSocket: one binary message is the next
//! bytes of the stream, one text message is one control message. [`relay`] and [`client`] are its two ends, both built on
//! the same accounting; [`sessions`] is what a relay keeps of many. No IO here, and no payload is read.

use crate::codes::Code;

pub mod message;
pub mod upgrade;
mod pace;
mod outbound;
mod inbound;
mod attachment;
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

/// How a carrier ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The peer closed it with 1000 `end`, or answered our close: it has heard all.
    Clean,
    /// In any other way: what was sent last may not have arrived.
    Cut,
}

impl Ending {
    /// How a WebSocket ended that was closed with this code, or without any; `answered` if we had closed it before.
    pub fn of(code: Option<u16>, answered: bool) -> Self {
        match code {
            Some(code) if answered || code == Code::End.number() => Self::Clean,
            Some(_) | None => Self::Cut,
        }
    }
}
