//! Moves bytes between two streams, both ways at once, each way to its end.
//!
//! A connection that is idle holds no buffer: bytes are read into one that all connections of a thread share, and only what
//! the other side did not take at once is kept.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pasarela_core::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{ground::Ground, meter::Meter};
use crate::tunnel::clock::Alarm;

/// What is read at once, in bytes, and what one way keeps at most for a side that takes nothing.
const BUFFER: usize = 256 << 10;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// One way.
#[derive(Default)]
struct Half {
    /// What was read and is not written yet.
    rest: Vec<u8>,
    written: usize,
    unflushed: bool,
    ended: bool,
    done: bool,
    moved: u64,
}

/// Moves all that `near` and `far` say to the other, until both have said all. `head` goes to `far` first.
///
/// # Errors
///
/// One of them broke, neither said anything for 200 s, or they hold more than all may together and more than any other.
pub(super) async fn both<N, F>(
    near: &mut N,
    far: &mut F,
    head: Vec<u8>,
    ground: &Ground,
    meter: &Meter,
) -> io::Result<()>
where
    N: AsyncRead + AsyncWrite + Unpin,
    F: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Half { rest: head, ..Half::default() }, Half::default());
    let clock = &ground.clock;
    let mut share = ground.budget.share(&meter.key);
    let mut idle = Alarm::new(*clock);
    idle.set(*clock, clock.now() + limits::IDLE);
    poll_fn(|cx| {
        if share.poll_too_much(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        }
        let before = (up.moved, down.moved);
        let finished = poll_both(cx, near, far, &mut up, &mut down);
        if before != (up.moved, down.moved) {
            meter.up.inc_by(up.moved - before.0);
            meter.down.inc_by(down.moved - before.1);
            idle.set(*clock, clock.now() + limits::IDLE);
        }
        share.holds(up.rest.len() + down.rest.len());
        if finished.is_ready() {
            return finished;
        }
        idle.poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    })
    .await
}

fn poll_both<N, F>(
    cx: &mut Context<'_>,
    near: &mut N,
    far: &mut F,
    up: &mut Half,
    down: &mut Half,
) -> Poll<io::Result<()>>
where
    N: AsyncRead + AsyncWrite + Unpin,
    F: AsyncRead + AsyncWrite + Unpin,
{
    let up = up.poll(cx, near, far)?;
    let down = down.poll(cx, far, near)?;
    if up.is_ready() && down.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
}

impl Half {
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.done {
            return Poll::Ready(Ok(()));
        }
        // So many at a time, or one fast connection would have its thread for itself.
        for _ in 0..16 {
            ready!(self.poll_rest(cx, to))?;
            if self.ended {
                ready!(Pin::new(to).poll_shutdown(cx))?;
                self.done = true;
                return Poll::Ready(Ok(()));
            }
            if self.poll_move(cx, from, to)?.is_pending() {
                if self.unflushed {
                    ready!(Pin::new(to).poll_flush(cx))?;
                    self.unflushed = false;
                }
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what was kept.
    fn poll_rest<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>> {
        while let Some(rest) = self.rest.get(self.written..).filter(|rest| !rest.is_empty()) {
            let n = ready!(Pin::new(&mut *to).poll_write(cx, rest))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
            self.moved += n as u64;
            self.unflushed = true;
        }
        self.rest = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads, and writes what the other side takes of it at once.
    fn poll_move<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(from).poll_read(cx, &mut buffer))?;
            let mut filled = buffer.filled();
            self.ended = filled.is_empty();
            while !filled.is_empty() {
                match Pin::new(&mut *to).poll_write(cx, filled)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(n) => {
                        filled = filled.get(n..).unwrap_or_default();
                        self.moved += n as u64;
                        self.unflushed = true;
                    }
                    Poll::Pending => {
                        self.rest = filled.to_vec();
                        break;
                    }
                }
            }
            Poll::Ready(Ok(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use pasarela_core::config::Config;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A relay between two pipes of this size; the far ends, and what it says at its end.
    fn between(size: usize, head: &[u8]) -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<io::Result<()>>) {
        let ((client, mut near), (mut far, server)) = (duplex(size), duplex(size));
        let head = head.to_vec();
        let ground = Ground::new(Config::from_vars(|_| None).expect("usable"), BUFFER);
        let task = tokio::spawn(async move { both(&mut near, &mut far, head, &ground, &ground.meter).await });
        (client, server, task)
    }

    #[tokio::test]
    async fn all_bytes_pass_both_ways_and_each_way_ends_by_itself() {
        let (client, server, task) = between(1000, b"head ");
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let (mut client_read, mut client_write) = tokio::io::split(client);
        let (mut server_read, mut server_write) = tokio::io::split(server);
        let (up, down) = (sent.clone(), sent.clone());
        let client = tokio::spawn(async move {
            client_write.write_all(&up).await.expect("open");
            client_write.shutdown().await.expect("open");
        });
        let mut received = Vec::new();
        server_read.read_to_end(&mut received).await.expect("an end");
        assert_eq!(received, [b"head ", &sent[..]].concat());
        client.await.expect("no panic");
        // The other way is open still.
        let server = tokio::spawn(async move {
            server_write.write_all(&down).await.expect("open");
            server_write.shutdown().await.expect("open");
        });
        let mut received = Vec::new();
        client_read.read_to_end(&mut received).await.expect("an end");
        assert_eq!(received, sent);
        server.await.expect("no panic");
        task.await.expect("no panic").expect("in order");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_for_too_long_is_cut() {
        let (_client, _server, task) = between(1000, b"");
        let begun = tokio::time::Instant::now();
        assert_eq!(task.await.expect("no panic").expect_err("silence").kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), limits::IDLE.as_secs());
    }

    #[tokio::test]
    async fn a_side_that_breaks_ends_both() {
        let (mut client, server, task) = between(10, b"");
        drop(server);
        client.write_all(b"some").await.expect("room");
        assert!(task.await.expect("no panic").is_err());
    }
}
