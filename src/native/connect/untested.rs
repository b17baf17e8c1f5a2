//! A connection of which it is not known yet that it leads anywhere: networks let a handshake come about and drop what is said on
//! it; one that was made a while ago may be forgotten by a router, or the machine slept. Nothing says so.
//!
//! It is told by its first answer. One that was made ahead ends if that does not come soon, and whoever asked dials again.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::net::BoxedStream;

/// What a server may take for an answer, besides the round trips.
const ANSWER: Duration = Duration::from_millis(1500);

/// Told whether it was answered, once that is known.
type Told = Box<dyn FnOnce(bool) + Send>;

/// Tells if it was not answered in time, and may end then.
pub(super) struct Untested {
    stream: BoxedStream,
    limit: Duration,
    ends: bool,
    asked: Option<Instant>,
    /// The answer is due.
    due: Option<Pin<Box<Sleep>>>,
    answered: bool,
    told: Option<Told>,
}

impl Untested {
    /// One that took so long to connect: a round trip. Made `ahead`, it ends if it is silent.
    pub(super) fn new(stream: BoxedStream, round_trip: Duration, ahead: bool, told: Told) -> Self {
        let limit = ANSWER + 3 * round_trip;
        Self { stream, limit, ends: ahead, asked: None, due: None, answered: false, told: Some(told) }
    }

    fn asks(&mut self) {
        if !self.answered && self.asked.is_none() {
            self.asked = Some(Instant::now());
            self.due = self.ends.then(|| Box::pin(sleep(self.limit)));
        }
    }
}

impl Drop for Untested {
    fn drop(&mut self) {
        // Whoever asked waits for longer than this, unless he has another.
        let late = self.asked.is_some_and(|asked| asked.elapsed() > 2 * self.limit);
        if late
            && !self.answered
            && !self.ends
            && let Some(told) = self.told.take()
        {
            told(false);
        }
    }
}

impl AsyncRead for Untested {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.answered {
            return read;
        }
        if read.is_ready() {
            (self.answered, self.due) = (true, None);
            if !buf.filled().is_empty()
                && let Some(told) = self.told.take()
            {
                told(true);
            }
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
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::{advance, timeout},
    };

    use super::*;

    /// A connection, its far end, and how often it was told to be silent.
    fn untested(ahead: bool) -> (Untested, DuplexStream, Arc<AtomicU32>) {
        let (near, far) = duplex(100);
        let told = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&told);
        let tells = Box::new(move |answered: bool| {
            count.fetch_add(u32::from(!answered), Ordering::Relaxed);
        });
        (Untested::new(Box::new(near), Duration::from_millis(100), ahead, tells), far, told)
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_answer_soon_ends_and_one_that_has_may_be_silent() {
        let (mut near, mut far, _) = untested(true);
        // As a spare it is silent for as long as nobody asks.
        assert!(timeout(Duration::from_secs(50), near.read_u8()).await.is_err());
        let begun = Instant::now();
        near.write_all(b"question").await.expect("room");
        let error = near.read_u8().await.expect_err("no answer");
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, Duration::from_millis(1800)));

        far.write_all(b"a").await.expect("room");
        assert_eq!(near.read_u8().await.expect("an answer"), b'a');
        near.write_all(b"question").await.expect("room");
        assert!(timeout(Duration::from_secs(50), near.read_u8()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_never_answered_says_so_when_it_is_given_up() {
        for (ahead, asks, answers, waits, told) in [
            (false, true, false, 10, 1),
            (false, true, false, 1, 0),
            (false, true, true, 10, 0),
            (false, false, false, 10, 0),
            // Time may have killed it.
            (true, true, false, 10, 0),
        ] {
            let (mut near, mut far, count) = untested(ahead);
            if asks {
                near.write_all(b"question").await.expect("room");
            }
            if answers {
                far.write_all(b"a").await.expect("room");
                near.read_u8().await.expect("an answer");
            }
            advance(Duration::from_secs(waits)).await;
            drop(near);
            assert_eq!(count.load(Ordering::Relaxed), told, "{ahead} {asks} {answers} {waits}");
        }
    }
}
