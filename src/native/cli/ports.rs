//! Ports for phones, as both the bridge and the relay open them.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::Failure;
use crate::frontend::{Door, OFFICIAL, Taken, bind, bind_near};

/// Where phones look for a proxy of WhatsApp's without TLS.
pub(super) const USUAL: u16 = 5222;

/// This address.
pub(super) async fn at(address: SocketAddr) -> Result<TcpListener, Failure> {
    bind(address).await.map_err(taken)
}

/// The usual port or the next free one, on all addresses.
pub(super) async fn usual() -> Result<TcpListener, Failure> {
    bind_near(USUAL).await.map_err(taken)
}

/// The official proxy's ports, the one that is for everything first.
pub(super) async fn official() -> Result<Vec<(TcpListener, Door)>, Failure> {
    let mut doors = OFFICIAL;
    doors.sort_by_key(|(port, _)| *port != USUAL);
    let mut opened = Vec::new();
    for (port, door) in doors {
        opened.push((at((Ipv4Addr::UNSPECIFIED, port).into()).await?, door));
    }
    Ok(opened)
}

fn taken(taken: Taken) -> Failure {
    let hint = if taken.cause.kind() == std::io::ErrorKind::PermissionDenied {
        "a port above 1023, or the administrator's rights"
    } else {
        "ending the program that has it, or another address or port"
    };
    Failure { what: "cannot start".to_owned(), cause: taken.into(), hint }
}
