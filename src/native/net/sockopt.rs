//! Options of sockets that the standard library does not set.

use tokio::net::TcpStream;

/// What a socket takes before its line has, in bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 16 << 10;

/// What the line does not take is to wait outside the kernel: there it can be seen whether it moves, and a ping overtakes it.
/// Elsewhere the system offers nothing for that, or no library that we use knows how to ask: its own buffer of some 64 KiB bounds it.
pub(crate) fn wait_outside(tcp: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // An older kernel refuses; it works without.
    let _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = tcp;
}
