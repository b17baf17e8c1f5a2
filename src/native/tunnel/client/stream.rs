//! A tunnel as a byte stream, for programs that have no local connection to carry.
//!
//! The engine runs in a task of its own at the other end of a pipe; here only its end is told from its failure.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use pasarela_core::codes::Code;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::{error::Error, handle::Handle};

/// The stream of a tunnel. Reading ends where the far side ended it; shutting it down ends our half.
///
/// A failure is an [`io::Error`] of which [`Error::of`] tells more. Dropped before the far side's end was read, it resets the
/// stream.
pub struct TunnelStream {
    pipe: DuplexStream,
    handle: Handle,
    failure: Arc<Failure>,
    ended: bool,
    abandon: CancellationToken,
}

// The pipe holds payload.
impl fmt::Debug for TunnelStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelStream")
            .field("status", &self.handle.status())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Why the tunnel ended, once it has failed.
#[derive(Debug, Default)]
pub(super) struct Failure(OnceLock<Arc<Error>>);

impl Failure {
    pub(super) fn set(&self, error: Error) {
        // Nobody else sets it.
        let _ = self.0.set(Arc::new(error));
    }

    fn get(&self) -> Option<io::Error> {
        let error = self.0.get()?;
        let kind = match **error {
            Error::Reset(Code::UpstreamRefused) | Error::Status(_) | Error::NoRelay => io::ErrorKind::ConnectionRefused,
            Error::Reset(Code::UpstreamTimeout | Code::Idle) => io::ErrorKind::TimedOut,
            Error::Reset(_) | Error::Local(_) => io::ErrorKind::ConnectionReset,
        };
        Some(io::Error::new(kind, Arc::clone(error)))
    }
}

impl TunnelStream {
    pub(super) const fn new(
        pipe: DuplexStream,
        handle: Handle,
        failure: Arc<Failure>,
        abandon: CancellationToken,
    ) -> Self {
        Self { pipe, handle, failure, ended: false, abandon }
    }

    /// The tunnel that carries it.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What a failed tunnel says of an error of the pipe.
    fn explain<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| self.failure.get().unwrap_or(error))
    }
}

impl Drop for TunnelStream {
    fn drop(&mut self) {
        if !self.ended {
            self.abandon.cancel();
        }
    }
}

impl AsyncRead for TunnelStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining() > 0;
        let result = ready!(Pin::new(&mut self.pipe).poll_read(cx, buf));
        self.explain(result)?;
        if room && buf.filled().len() == before {
            if let Some(error) = self.failure.get() {
                return Poll::Ready(Err(error));
            }
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TunnelStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.pipe).poll_write(cx, buf));
        Poll::Ready(self.explain(result))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.pipe).poll_flush(cx));
        Poll::Ready(self.explain(result))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.pipe).poll_shutdown(cx));
        Poll::Ready(self.explain(result))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::{super::handle, *};

    #[tokio::test]
    async fn its_debug_holds_no_payload() {
        let (near, mut far) = duplex(100);
        let (handle, _owner) = handle::pair();
        let stream = TunnelStream::new(near, handle, Arc::default(), CancellationToken::new());
        far.write_all(b"payload").await.expect("room");
        let shown = format!("{stream:?}");
        assert!(!shown.contains("payload") && !shown.contains(&format!("{}", b'p')), "{shown}");
    }
}
