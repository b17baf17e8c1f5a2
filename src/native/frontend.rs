//! What WhatsApp on a phone connects to: an official proxy's ports, or one port for everything.
//!
//! A connection is taken as far as it takes to know what it speaks: its PROXY header is read, its TLS ended where that is
//! the proxy's, its first bytes looked at. Where it goes then is the bridge's or the server's; where it may go at all
//! `pasarela_core::policy` says.
//!
//! The official proxy is github.com/WhatsApp/proxy, `proxy/src/proxy_config.cfg`.

mod networks;
mod admission;
mod certificate;
mod door;
mod local;
mod names;

mod intake;

pub use crate::net::{Taken, bind};
pub use admission::Admission;
pub use door::{Door, OFFICIAL, Proxy, Role};
pub use intake::{Accepted, Intake, Refusal};
pub use local::Local;
pub use networks::{Enclosure, lan_addresses};

#[cfg(test)]
mod tests;
