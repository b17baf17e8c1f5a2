//! Sockets as every part uses them: listened on, connected, told of their routes; streams of bytes; a WebSocket's upgrade.
//!
//! Nothing here knows WhatsApp or a relay.

mod sockopt;
mod tcp_info;
mod route;

pub(crate) mod eyeballs;
mod listen;
mod prefixed;

pub(crate) mod upgrade;

pub use listen::{Taken, bind};
pub(crate) use listen::{accept_next, bind_near};
pub(crate) use prefixed::Prefixed;
pub use prefixed::{BoxedStream, Stream};
pub(crate) use route::{local_towards, way_out};
pub(crate) use sockopt::wait_outside;
pub(crate) use tcp_info::{Probe, TcpInfo};
