//! The tunnel `pasarela.v1` over tokio: the client's end as a library.
//!
//! ```no_run
//! use pasarela::tunnel::{self, Kind, Options};
//!
//! # async fn example(mut tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new("ws://127.0.0.1:8787/KEY/tunnel", Kind::Chat)?;
//! if let Err(error) = tunnel::carry(&mut tcp, options).await {
//!     tcp.set_zero_linger()?; // Reset it: the stream did not end in order.
//!     return Err(error.into());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What the messages mean, who may send how much and when to re-attach is `pasarela_core::tunnel`'s; here are sockets,
//! timers and tasks. No payload is read, and no log line or error holds an address, a key or a payload.

pub(crate) mod chunk;
pub(crate) mod clock;
pub(crate) mod budget;
pub(crate) mod tcp;
pub(crate) mod carrier;
mod dialer;
mod head;
mod error_page;
pub(crate) mod request;

mod client;

pub use pasarela_core::{codes::Code, route::Kind, tunnel::client::Timing};

pub use crate::net::{BoxedStream, Stream};
pub use client::{ANSWER, Error, Frozen, Handle, Options, Status, Tunnel, TunnelStream, UnusableUrl, carry, open};
pub use dialer::{Dialer, Dialled, Dialling, Direct, Seeking, Trial};
pub use head::Head;
pub use request::{Refused, Upgrade, Upgraded};
