//! Ports, and the open files for those who connect to them, as both the bridge and the relay open them.

use std::net::{Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::Failure;
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
        (std::io::ErrorKind::PermissionDenied, true) => {
            "another port: another program has this one for itself, or Windows keeps it back"
        }
        (std::io::ErrorKind::PermissionDenied, false) => {
            "a port from 1024 on, or `setcap cap_net_bind_service=+ep` on the program"
        }
        _ => "another address or port, or ending the program that has it",
    };
    let cause = program.map_or_else(|| cause.to_string(), |program| format!("{cause} by {program}"));
    Failure::met(format!("cannot listen on {address}"), cause, hint)
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
