//! A connection that was made a while ago and may be dead by now: a router has forgotten it, or the machine slept. Nothing says so.
//!
//! It is told by its first answer. If that does not come soon the connection ends, and whoever asked dials again.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::net::BoxedStream;

/// What a server may take for an answer, besides the round trips.
const ANSWER: Duration = Duration::from_millis(1500);

/// Ends unless it is answered in time.
pub(super) struct Untested {
    stream: BoxedStream,
    limit: Duration,
    /// It was asked something; the answer is due.
    due: Option<Pin<Box<Sleep>>>,
    answered: bool,
}

impl Untested {
    /// One that took so long to connect: a round trip.
    pub(super) fn new(stream: BoxedStream, round_trip: Duration) -> Self {
        Self { stream, limit: ANSWER + 3 * round_trip, due: None, answered: false }
    }

    fn asks(&mut self) {
        if !self.answered {
            let limit = self.limit;
            self.due.get_or_insert_with(|| Box::pin(sleep(limit)));
        }
    }
}

impl AsyncRead for Untested {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            (self.answered, self.due) = (true, None);
        } else if self.due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Untested {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.asks();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.asks();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_answer_soon_ends_and_one_that_has_may_be_silent() {
        let (near, mut far) = duplex(100);
        let mut near = Untested::new(Box::new(near), Duration::from_millis(100));
        // As a spare it is silent for as long as nobody asks.
        assert!(tokio::time::timeout(Duration::from_secs(50), near.read_u8()).await.is_err());
        let begun = Instant::now();
        near.write_all(b"question").await.expect("room");
        let error = near.read_u8().await.expect_err("no answer");
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, Duration::from_millis(1800)));

        far.write_all(b"a").await.expect("room");
        assert_eq!(near.read_u8().await.expect("an answer"), b'a');
        near.write_all(b"question").await.expect("room");
        assert!(tokio::time::timeout(Duration::from_secs(50), near.read_u8()).await.is_err());
    }
}
