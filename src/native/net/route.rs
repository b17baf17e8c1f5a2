//! Under which address this machine reaches another. The routing table is asked; no packet is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address that this machine has towards another, as its routes are now.
pub(crate) fn local_towards(address: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(address).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The IPv4 address that is used towards everybody.
pub(crate) fn way_out() -> Option<IpAddr> {
    // An address for documentation (RFC 5737): any would do that is not of this network.
    let own = local_towards((Ipv4Addr::new(192, 0, 2, 1), 9).into())?;
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}
