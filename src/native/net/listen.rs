//! Binds listeners: a wanted address or none, or a wanted port and else the next free one; and accepts on them.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::mpsc,
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Ports tried behind the wanted one before the system may choose.
const NEAR: u16 = 20;

/// How long the system may take to tell which program has a port. Some systems, such as Wine, never tell.
const ASK: Duration = Duration::from_secs(2);

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

impl Taken {
    /// With the program that has it.
    fn new(address: SocketAddr, cause: io::Error) -> Self {
        let in_use = cause.kind() == io::ErrorKind::AddrInUse;
        let program = in_use.then(|| owner(address.port())).flatten();
        Self { address, cause, program }
    }
}

/// The program that has a port. It is asked for in a thread of its own, which is left behind if no answer comes.
fn owner(port: u16) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let process = listeners::get_process_by_port(port, listeners::Protocol::TCP);
        // Nobody waits any longer when this fails.
        let _ = sender.send(process.map(|process| format!("{} (process {})", process.name, process.pid)).ok());
    });
    receiver.recv_timeout(ASK).ok().flatten()
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

/// Listens on this address; on `[::]` for IPv4 as well, whatever the system's default is, and on IPv4 alone where there is
/// no IPv6.
///
/// # Errors
///
/// It cannot be had.
pub fn bind(address: SocketAddr) -> Result<TcpListener, Taken> {
    bind_silently(address).map_err(|cause| Taken::new(address, cause))
}

fn bind_silently(address: SocketAddr) -> io::Result<TcpListener> {
    listen(address).or_else(|error| {
        let any = address.ip() == Ipv6Addr::UNSPECIFIED;
        if any && error.raw_os_error() == Some(NO_IPV6) {
            listen((Ipv4Addr::UNSPECIFIED, address.port()).into())
        } else {
            Err(error)
        }
    })
}

/// The system's number for an address family that it does not have.
const NO_IPV6: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    97
} else if cfg!(windows) {
    10047
} else {
    47
};

/// Connections that the system keeps ready to be accepted; it may have a lower limit of its own, 4096 on most. Beyond it a
/// client hears nothing and tries again after a second.
const BACKLOG: i32 = 16 * 1024;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    // A program that is started again must not wait for connections of the one before to be forgotten.
    socket.set_reuse_address(cfg!(unix))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Listens on `port`, or on the next that is free, or on any: on all addresses.
///
/// # Errors
///
/// There is none.
pub(crate) fn bind_near(port: u16) -> Result<TcpListener, Taken> {
    for port in port..port.saturating_add(NEAR) {
        let address = (Ipv6Addr::UNSPECIFIED, port).into();
        match bind_silently(address) {
            // Windows refuses a port that it keeps back for virtual machines, or that a program has for itself alone.
            Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {}
            bound => return bound.map_err(|cause| Taken::new(address, cause)),
        }
    }
    bind((Ipv6Addr::UNSPECIFIED, 0).into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_free_port_is_taken_and_who_has_the_other_is_said() {
        let first = bind_near(0).expect("a free port");
        let port = first.local_addr().expect("bound").port();
        let second = bind_near(port).expect("another");
        assert_ne!(second.local_addr().expect("bound").port(), port);
        let taken = bind((Ipv4Addr::UNSPECIFIED, port).into()).expect_err("taken");
        let own = format!("(process {})", std::process::id());
        assert!(taken.program.as_ref().is_some_and(|program| program.ends_with(&own)), "{taken}");
    }
}
