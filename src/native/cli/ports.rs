//! Ports, and the open files for those who connect to them, as both the bridge and the relay open them.

use std::net::{Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::{Failure, texts::program as texts};
use crate::{
    frontend::{Door, OFFICIAL},
    net::{Taken, bind, bind_near},
};

/// Where phones look for a proxy of WhatsApp's without TLS.
pub(super) const USUAL: u16 = 5222;

/// This address.
pub(super) fn at(address: SocketAddr) -> Result<TcpListener, Failure> {
    bind(address).map_err(taken)
}

/// The usual port or the next free one, on all addresses.
pub(super) fn usual() -> Result<TcpListener, Failure> {
    bind_near(USUAL).map_err(taken)
}

/// The official proxy's ports, the one that is for everything first.
pub(super) fn official() -> Result<Vec<(TcpListener, Door)>, Failure> {
    let mut doors = OFFICIAL;
    doors.sort_by_key(|(port, _)| *port != USUAL);
    let mut opened = Vec::new();
    for (port, door) in doors {
        opened.push((at((Ipv6Addr::UNSPECIFIED, port).into())?, door));
    }
    Ok(opened)
}

fn taken(Taken { address, cause, program }: Taken) -> Failure {
    let hint = match (cause.kind(), cfg!(windows)) {
        (std::io::ErrorKind::PermissionDenied, true) => texts::RESERVED_PORT,
        (std::io::ErrorKind::PermissionDenied, false) => texts::HIGHER_PORT,
        _ => texts::ANOTHER_PORT,
    };
    let cause = program.map_or_else(|| cause.to_string(), |program| texts::taken_by(&cause, &program));
    Failure::met(texts::no_port(address), cause, hint)
}

/// As many open files as this process may have without asking: the usual first limit is 1024, for 500 WebSockets. Gives how
/// many that is, if it is limited.
#[cfg(unix)]
pub(super) fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if raised.is_ok() { maximum } else { current }
}

#[cfg(not(unix))]
pub(super) const fn raise_open_files() -> Option<u64> {
    None
}
