//! A local connection that is handed over later: to the one of several tunnels through which WhatsApp answers first.
//!
//! Until then each tunnel hears all that the phone says, and the first answer waits. What is said and who wins is `carry`'s.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{oneshot, watch},
};

/// A connection that is handed over, and all that was read of it, from its first byte.
pub(super) struct Handed<S> {
    pub(super) stream: S,
    pub(super) said: Bytes,
}

/// A connection before and behind its being handed over. It fails when nobody will hand it over any more, and when the other
/// side ends before it has answered.
pub(super) struct Late<S> {
    /// What was said, and is not read from here yet.
    said: Bytes,
    /// How much was said up to the end of that.
    heard: usize,
    stream: Stream<S>,
}

enum Stream<S> {
    Awaited { handed: oneshot::Receiver<Handed<S>>, more: More, answered: Option<oneshot::Sender<()>> },
    Here(S),
}

/// Ready when more was said; never again when nobody listens to the phone any more.
type More = Pin<Box<dyn Future<Output = watch::Receiver<Bytes>> + Send>>;

fn more(mut said: watch::Receiver<Bytes>) -> More {
    Box::pin(async move {
        if said.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        said
    })
}

impl<S> Late<S> {
    /// With what was said so far; whether it is answered is told.
    pub(super) fn new(
        mut said: watch::Receiver<Bytes>,
        handed: oneshot::Receiver<Handed<S>>,
        answered: oneshot::Sender<()>,
    ) -> Self {
        let first = said.borrow_and_update().clone();
        let stream = Stream::Awaited { handed, more: more(said), answered: Some(answered) };
        Self { heard: first.len(), said: first, stream }
    }

    /// The connection, if it was handed over.
    pub(super) fn into_inner(self) -> Option<S> {
        match self.stream {
            Stream::Here(stream) => Some(stream),
            Stream::Awaited { mut handed, .. } => {
                // What is handed over from now on would be lost.
                handed.close();
                handed.try_recv().ok().map(|handed| handed.stream)
            }
        }
    }

    /// Notes what is new, and gives the connection if it is here.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut S>> {
        if let Stream::Awaited { handed, .. } = &mut self.stream {
            match Pin::new(handed).poll(cx) {
                Poll::Ready(Ok(Handed { stream, said })) => {
                    self.stream = Stream::Here(stream);
                    self.hear(&said);
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                Poll::Pending => {}
            }
        }
        while let Stream::Awaited { more: next, .. } = &mut self.stream {
            let Poll::Ready(mut news) = next.as_mut().poll(cx) else { return Poll::Pending };
            let said = news.borrow_and_update().clone();
            *next = more(news);
            self.hear(&said);
        }
        match &mut self.stream {
            Stream::Here(stream) => Poll::Ready(Ok(stream)),
            Stream::Awaited { .. } => Poll::Pending,
        }
    }

    fn hear(&mut self, said: &Bytes) {
        let read = self.heard - self.said.len();
        self.said = said.slice(read.min(said.len())..);
        self.heard = said.len();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Late<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.said.is_empty() {
            match self.poll_stream(cx).map_ok(|_| ()) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.said.is_empty() => return Poll::Pending,
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        if self.said.has_remaining() {
            let n = self.said.len().min(buf.remaining());
            buf.put_slice(&self.said.split_to(n));
            if self.said.is_empty() {
                // The buffer behind it would live as long as the connection.
                self.said = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        match &mut self.stream {
            Stream::Here(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Awaited { .. } => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Late<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Stream::Awaited { answered, .. } = &mut self.stream
            && let Some(answered) = answered.take()
        {
            // If nobody asks, the connection will not come either.
            let _ = answered.send(());
        }
        let stream = std::task::ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = std::task::ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.stream, Stream::Awaited { answered: Some(_), .. }) {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let stream = std::task::ready!(self.poll_stream(cx))?;
        Pin::new(stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    struct Phone {
        said: watch::Sender<Bytes>,
        give: oneshot::Sender<Handed<DuplexStream>>,
        answered: oneshot::Receiver<()>,
    }

    fn late(first: &'static [u8]) -> (Phone, Late<DuplexStream>) {
        let (said, heard) = watch::channel(Bytes::from_static(first));
        let (give, handed) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let late = Late::new(heard, handed, answer);
        (Phone { said, give, answered }, late)
    }

    #[tokio::test]
    async fn it_is_one_stream_whenever_it_comes() {
        let (phone, mut late) = late(b"first, ");
        let mut read = [0; 7];
        late.read_exact(&mut read).await.expect("there already");
        phone.said.send_replace(Bytes::from_static(b"first, second, "));
        let mut read = [0; 3];
        late.read_exact(&mut read).await.expect("said meanwhile");
        let (near, mut far) = duplex(100);
        far.write_all(b"rest").await.expect("room");
        let said = Bytes::from_static(b"first, second, third, ");
        assert!(phone.give.send(Handed { stream: near, said }).is_ok());
        let mut read = [0; 16];
        late.read_exact(&mut read).await.expect("handed over");
        assert_eq!(&read, b"ond, third, rest");
        late.write_all(b"back").await.expect("handed over");
        let mut read = [0; 4];
        far.read_exact(&mut read).await.expect("written");
        assert_eq!(&read, b"back");
        assert!(late.into_inner().is_some());
    }

    #[tokio::test]
    async fn the_first_answer_is_told_and_waits() {
        let (phone, mut late) = late(b"");
        let answering = tokio::spawn(async move { late.write_all(b"answer").await.map(|()| late) });
        phone.answered.await.expect("answered");
        let (near, mut far) = duplex(100);
        assert!(phone.give.send(Handed { stream: near, said: Bytes::new() }).is_ok());
        let mut read = [0; 6];
        far.read_exact(&mut read).await.expect("written");
        assert_eq!(&read, b"answer");
        assert!(answering.await.expect("no panic").is_ok());
    }

    #[tokio::test]
    async fn what_will_never_come_is_an_error_and_so_is_an_end_before_the_answer() {
        let (phone, mut late) = late(b"");
        assert!(late.shutdown().await.is_err());
        drop(phone.give);
        assert!(late.read_u8().await.is_err() && late.into_inner().is_none());
    }
}
