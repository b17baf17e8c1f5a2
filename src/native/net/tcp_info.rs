//! What the kernel knows of a TCP connection: whether what was said has arrived, and what it took. `TCP_INFO`, on Linux and Android;
//! elsewhere nothing is known.
//!
//! What follows from it is the caller's.

use std::time::Duration;

/// What is known at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// Segments that are on their way, or lost.
    pub(crate) unacknowledged: u32,
    /// Segments that were sent again, those of the SYN too.
    pub(crate) resent: u32,
    /// What is not acknowledged in this time is sent again.
    pub(crate) resend_after: Duration,
    /// A round trip, smoothed.
    pub(crate) round_trip: Duration,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod probe {
    use std::{
        io,
        mem::size_of,
        os::fd::{AsFd, AsRawFd, OwnedFd},
        time::Duration,
    };

    use tokio::net::TcpStream;

    use super::TcpInfo;

    /// Looks at a connection of which somebody else has the stream. It holds it open, so it is dropped before long.
    pub(crate) struct Probe(OwnedFd);

    /// The kernel's `struct tcp_info` (linux/tcp.h) as words of 32 bits, as far as it is read here: it only ever grew behind that.
    type Words = [u32; 26];

    /// Where in it these stand.
    const RESEND_AFTER: usize = 2;
    const UNACKNOWLEDGED: usize = 6;
    const ROUND_TRIP: usize = 17;
    const RESENT: usize = 25;

    impl Probe {
        /// None where there are no descriptors left.
        pub(crate) fn of(tcp: &TcpStream) -> Option<Self> {
            tcp.as_fd().try_clone_to_owned().ok().map(Self)
        }

        /// How it is now. Nothing if an old kernel knows less.
        pub(crate) fn look(&self) -> Option<TcpInfo> {
            let words = read(&self.0).ok()?;
            Some(TcpInfo {
                unacknowledged: words[UNACKNOWLEDGED],
                resent: words[RESENT],
                resend_after: Duration::from_micros(words[RESEND_AFTER].into()),
                round_trip: Duration::from_micros(words[ROUND_TRIP].into()),
            })
        }
    }

    fn read(socket: &OwnedFd) -> io::Result<Words> {
        let mut words: Words = [0; 26];
        let size = size_of::<Words>();
        let mut length = libc::socklen_t::try_from(size).map_err(io::Error::other)?;
        // SAFETY: the kernel writes at most `length` bytes to `words`, which is that long and of which any bytes are a value.
        #[expect(unsafe_code, reason = "no crate of ours has a binding for this option")]
        let result = unsafe {
            let words = words.as_mut_ptr().cast();
            libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, words, &raw mut length)
        };
        match result {
            0 if length as usize >= size => Ok(words),
            0 => Err(io::ErrorKind::Unsupported.into()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod probe {
    use tokio::net::TcpStream;

    use super::TcpInfo;

    /// Sees nothing.
    pub(crate) struct Probe;

    impl Probe {
        pub(crate) const fn of(_: &TcpStream) -> Option<Self> {
            None
        }

        pub(crate) const fn look(&self) -> Option<TcpInfo> {
            None
        }
    }
}

pub(crate) use probe::Probe;

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[tokio::test]
    async fn what_has_arrived_is_acknowledged_and_was_said_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
        let address = listener.local_addr().expect("bound");
        let mut near = TcpStream::connect(address).await.expect("it listens");
        let (mut far, _) = listener.accept().await.expect("connected");
        let probe = Probe::of(&near).expect("a descriptor");
        near.write_all(b"hello").await.expect("room");
        far.read_exact(&mut [0; 5]).await.expect("it comes");
        far.write_all(&[0]).await.expect("room");
        // What comes back brings the acknowledgement.
        near.read_u8().await.expect("an answer");
        let seen = probe.look().expect("this kernel knows");
        assert_eq!((seen.unacknowledged, seen.resent), (0, 0));
        assert!(seen.round_trip < seen.resend_after && seen.resend_after < Duration::from_secs(2), "{seen:?}");
        assert!(!seen.round_trip.is_zero());
    }
}
