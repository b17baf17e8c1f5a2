//! A local connection that is handed over later: to the one of several tunnels that reaches WhatsApp first.
//!
//! Until then each tunnel sees the first bytes of the stream and waits for more.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A connection behind its first bytes. It fails when nobody will hand it over any more, and when it is told to end.
pub(super) struct Late<S> {
    first: Bytes,
    stream: Stream<S>,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

enum Stream<S> {
    Awaited(oneshot::Receiver<S>),
    Here(S),
}

impl<S> Late<S> {
    pub(super) fn new(first: Bytes, stream: oneshot::Receiver<S>, end: CancellationToken) -> Self {
        Self { first, stream: Stream::Awaited(stream), end: Box::pin(end.cancelled_owned()) }
    }

    /// The connection, if it was handed over.
    pub(super) fn into_inner(self) -> Option<S> {
        match self.stream {
            Stream::Here(stream) => Some(stream),
            Stream::Awaited(mut awaited) => {
                // What is handed over from now on would be lost.
                awaited.close();
                awaited.try_recv().ok()
            }
        }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut S>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if let Stream::Awaited(awaited) = &mut self.stream {
            match ready!(Pin::new(awaited).poll(cx)) {
                Ok(stream) => self.stream = Stream::Here(stream),
                Err(_) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            }
        }
        match &mut self.stream {
            Stream::Here(stream) => Poll::Ready(Ok(stream)),
            Stream::Awaited(_) => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Late<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.has_remaining() {
            let n = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first.split_to(n));
            if self.first.is_empty() {
                // The buffer behind it would live as long as the connection.
                self.first = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        let stream = ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Late<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let stream = ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn it_is_one_stream_whenever_it_comes() {
        let (give, awaited) = oneshot::channel();
        let end = CancellationToken::new();
        let mut late = Late::new(Bytes::from_static(b"first, "), awaited, end.clone());
        let mut read = [0; 7];
        late.read_exact(&mut read).await.expect("there already");
        let (near, mut far) = duplex(100);
        far.write_all(b"rest").await.expect("room");
        assert!(give.send(near).is_ok());
        let mut read = [0; 4];
        late.read_exact(&mut read).await.expect("handed over");
        assert_eq!(&read, b"rest");
        late.write_all(b"back").await.expect("handed over");
        far.read_exact(&mut read).await.expect("written");
        assert_eq!(&read, b"back");
        end.cancel();
        assert!(late.read_u8().await.is_err() && late.into_inner().is_some());
    }

    #[tokio::test]
    async fn what_will_never_come_is_an_error() {
        let (give, awaited) = oneshot::channel::<tokio::io::DuplexStream>();
        let mut late = Late::new(Bytes::new(), awaited, CancellationToken::new());
        drop(give);
        assert!(late.read_u8().await.is_err() && late.into_inner().is_none());
    }
}
