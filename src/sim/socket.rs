//! An accepted TCP connection that counts itself and its bytes.
//!
//! It also gives back bytes that were read too early, resets on demand, and can wait for the peer's
//! end without reading. It knows nothing of what the bytes mean.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

use super::stats::{Listener, Recorder};

pub(super) struct Socket {
    tcp: TcpStream,
    /// Read before the network is.
    replay: Bytes,
    count: OpenCount,
}

/// Counts a connection as open as long as it lives.
struct OpenCount {
    recorder: Arc<Recorder>,
    listener: Listener,
}

impl Drop for OpenCount {
    fn drop(&mut self) {
        self.recorder.closed(self.listener);
    }
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, recorder: Arc<Recorder>, listener: Listener) -> Self {
        recorder.opened(listener);
        // Failure means that the peer is gone already, which the first read will tell.
        let _ = tcp.set_nodelay(true);
        Self { tcp, replay: Bytes::new(), count: OpenCount { recorder, listener } }
    }

    /// Puts bytes in front of what the network brings.
    pub(super) fn replay(&mut self, bytes: Bytes) {
        self.replay = bytes;
    }

    /// Makes the coming drop a reset instead of an orderly end.
    pub(super) fn reset_on_drop(&self) {
        // Failure means that there is no connection left to reset.
        let _ = self.tcp.set_zero_linger();
    }

    /// Waits until the peer has ended or reset, without taking a byte from it.
    pub(super) async fn peer_end(&self) -> io::Result<()> {
        loop {
            let ready = self.tcp.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_read_closed() || ready.is_error() {
                return Ok(());
            }
            // "Would block" without having tried clears the readiness until something new comes.
            let untried = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            let _ = self.tcp.try_io(Interest::READABLE, untried);
        }
    }

    /// Reads and forgets until the peer's end.
    pub(super) async fn drain(&mut self) -> io::Result<()> {
        let mut scratch = vec![0; 64 * 1024];
        while self.read(&mut scratch).await? != 0 {}
        Ok(())
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(n)) = result {
            let bytes = self.count.recorder.bytes(self.count.listener);
            bytes.written.fetch_add(*n as u64, Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.replay.has_remaining() {
            let n = self.replay.len().min(buf.remaining());
            buf.put_slice(&self.replay.split_to(n));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        let n = buf.filled().len() - before;
        let bytes = self.count.recorder.bytes(self.count.listener);
        bytes.read.fetch_add(n as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
