//! One TCP connection.
//!
//! Which, and what for, is the caller's.

use std::net::SocketAddr;

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{net::wait_outside, trouble::Trouble};

/// Connects, by `limit` at the latest.
pub(super) async fn connect(address: SocketAddr, limit: Instant) -> Result<TcpStream, Trouble> {
    let connected = timeout_at(limit, TcpStream::connect(address)).await;
    let tcp = connected.map_err(|_| Trouble::ConnectTimeout)?.map_err(|error| Trouble::of_connect(&error))?;
    tcp.set_nodelay(true).map_err(|error| Trouble::of_connect(&error))?;
    wait_outside(&tcp);
    Ok(tcp)
}
