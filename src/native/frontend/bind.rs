//! Binds listeners: a wanted address or none, or a wanted port and else the next free one; accepts on them; and finds this machine's own
//! address in the local network, for the phone to be told.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// Ports tried behind the wanted one before the system may choose.
const NEAR: u16 = 20;

/// An address cannot be listened on.
#[derive(Debug)]
pub struct Taken {
    /// Which.
    pub address: SocketAddr,
    /// Why.
    pub cause: io::Error,
    /// The program that has it, if that is why and it can be told.
    pub program: Option<String>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.cause)?;
        self.program.iter().try_for_each(|program| write!(f, " by {program}"))
    }
}

impl std::error::Error for Taken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Listens on this address.
///
/// # Errors
///
/// It cannot be had.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Taken> {
    TcpListener::bind(address).await.map_err(|cause| {
        let in_use = cause.kind() == io::ErrorKind::AddrInUse;
        let owner = || listeners::get_process_by_port(address.port(), listeners::Protocol::TCP).ok();
        let program = in_use.then(owner).flatten();
        Taken { address, cause, program: program.map(|process| format!("{} (process {})", process.name, process.pid)) }
    })
}

/// Listens on `port`, or on the next that is free, or on any: on IPv6 and IPv4, or on IPv4 where there is no IPv6.
///
/// # Errors
///
/// There is none.
pub async fn bind_near(port: u16) -> Result<TcpListener, Taken> {
    let mut near = (port..port.saturating_add(NEAR)).chain([0]);
    loop {
        let port = near.next().unwrap_or(0);
        let error = match bind((Ipv6Addr::UNSPECIFIED, port).into()).await {
            Err(error) if error.cause.kind() == io::ErrorKind::AddrInUse => error,
            // No IPv6 here.
            Err(_) => match bind((Ipv4Addr::UNSPECIFIED, port).into()).await {
                Ok(listener) => return Ok(listener),
                Err(error) => error,
            },
            Ok(listener) => return Ok(listener),
        };
        if port == 0 {
            return Err(error);
        }
    }
}

/// The next connection.
pub(crate) async fn accept_next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut warned = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // Only this one is lost.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(error) => {
                if !warned {
                    tracing::warn!(%error, "cannot accept, trying again");
                    warned = true;
                }
                // Out of file descriptors, usually; at once would only spin.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// This machine's IPv4 address in its local network, which is what phones in it can reach, or the loopback address if it
/// is in none. It asks the routing table; no packet is sent.
#[must_use]
pub fn lan_address() -> IpAddr {
    let towards_everybody = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        // An address for documentation (RFC 5737): any would do that is not of this network.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let private = |address: &IpAddr| matches!(address, IpAddr::V4(address) if address.is_private());
    let of_interface = || {
        let interfaces = if_addrs::get_if_addrs().ok()?;
        interfaces.into_iter().map(|interface| interface.ip()).find(private)
    };
    towards_everybody().filter(private).or_else(of_interface).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_free_port_is_taken_and_who_has_the_other_is_said() {
        let first = bind_near(0).await.expect("a free port");
        let port = first.local_addr().expect("bound").port();
        let second = bind_near(port).await.expect("another");
        assert_ne!(second.local_addr().expect("bound").port(), port);
        let taken = bind((Ipv4Addr::UNSPECIFIED, port).into()).await.expect_err("taken");
        let own = format!("(process {})", std::process::id());
        assert!(taken.program.as_ref().is_some_and(|program| program.ends_with(&own)), "{taken}");
    }

    #[test]
    fn the_own_address_is_one_that_a_phone_could_use() {
        let address = lan_address();
        assert!(address.is_loopback() || matches!(address, IpAddr::V4(address) if address.is_private()), "{address}");
    }
}
