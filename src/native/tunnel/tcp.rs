//! The TCP connection at one end of a tunnel: one read, one write, one end at a time, as the core commands them.
//!
//! It does not decide when: the core's windows do. It works on any byte stream, so that a library may be at the end of one.

use std::{
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::io::poll_read_buf;

use super::chunk::Piece;

/// The most that is read at once, in bytes, and so the longest message: a message costs both ends the same whatever its size. It is a
/// quarter of the largest window. A MiB in windows of 4 MiB was tried: up to a fifth less CPU, and half as much memory again.
const READ_MAX: usize = 256 * 1024;

/// What an idle connection keeps for its next read, in bytes.
const READ_MIN: usize = 4 * 1024;

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// It sent bytes.
    Read(Piece),
    /// It has said all.
    ReadEnd,
    /// It took the last write; how many bytes that was.
    Written(u64),
    /// It broke.
    Failed(io::Error),
}

pub(crate) struct Tcp<S> {
    stream: S,
    buffer: BytesMut,
    /// The size of the next read, which follows the sizes of those before.
    read_size: usize,
    read: Option<usize>,
    write: Option<Write>,
    finish: Finish,
    ended: bool,
}

struct Write {
    rest: Bytes,
    len: u64,
}

/// How far the end that we send is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finish {
    No,
    Asked,
    Done,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Tcp<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            read_size: READ_MIN,
            read: None,
            write: None,
            finish: Finish::No,
            ended: false,
        }
    }

    /// At most `max` bytes are to be read.
    pub(crate) const fn read(&mut self, max: usize) {
        self.read = Some(max);
    }

    /// This is to be written.
    pub(crate) fn write(&mut self, piece: Piece) {
        let rest = piece.into_bytes();
        self.write = Some(Write { len: rest.len() as u64, rest });
    }

    /// It is to be sent our end, behind what is written.
    pub(crate) const fn finish(&mut self) {
        self.finish = Finish::Asked;
    }

    /// Whether both ends were reached in order, so that it may simply be dropped.
    pub(crate) const fn is_over(&self) -> bool {
        self.ended && self.write.is_none() && !matches!(self.finish, Finish::No)
    }

    /// The next event.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match self.poll_write(cx) {
            Poll::Ready(event) => Poll::Ready(event),
            Poll::Pending => self.poll_read(cx),
        }
    }

    /// Ready when our end is sent, if it is to be.
    pub(crate) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.finish == Finish::Asked {
            // A peer that is gone is met by the next read.
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
            self.finish = Finish::Done;
        }
        Poll::Ready(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let Some(write) = &mut self.write else {
            ready!(self.poll_finished(cx));
            return Poll::Pending;
        };
        while !write.rest.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &write.rest)) {
                Ok(0) => return self.failed(io::ErrorKind::WriteZero.into()),
                Ok(n) => write.rest.advance(n),
                Err(error) => return self.failed(error),
            }
        }
        let len = write.len;
        match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
            Ok(()) => {
                self.write = None;
                Poll::Ready(Event::Written(len))
            }
            Err(error) => self.failed(error),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let Some(max) = self.read else { return Poll::Pending };
        let room = max.min(self.read_size);
        if self.buffer.capacity() < room {
            self.buffer = BytesMut::with_capacity(room);
        }
        let mut limited = (&mut self.buffer).limit(room);
        match ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut limited)) {
            Ok(0) => {
                self.read = None;
                self.ended = true;
                self.buffer = BytesMut::new();
                Poll::Ready(Event::ReadEnd)
            }
            Ok(n) => {
                self.read = None;
                self.adapt(n, room);
                Poll::Ready(Event::Read(self.take(n).into()))
            }
            Err(error) => self.failed(error),
        }
    }

    /// Adapts the size of the next read. One that filled the room that the caller had left it tells nothing of the stream's pace.
    fn adapt(&mut self, n: usize, room: usize) {
        if n == self.read_size {
            self.read_size = (self.read_size * 2).min(READ_MAX);
        } else if n < room / 4 {
            self.read_size = (self.read_size / 2).max(READ_MIN);
        }
    }

    /// The `n` bytes just read. They get the whole buffer or are copied out of it: few must not keep a large one alive.
    fn take(&mut self, n: usize) -> Bytes {
        let capacity = self.buffer.capacity();
        if n >= capacity / 2 {
            return mem::take(&mut self.buffer).freeze();
        }
        let copy = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        if capacity > self.read_size {
            self.buffer = BytesMut::new();
        }
        copy
    }

    fn failed(&mut self, error: io::Error) -> Poll<Event> {
        self.read = None;
        self.write = None;
        Poll::Ready(Event::Failed(error))
    }
}

impl Tcp<TcpStream> {
    /// Closes it: in order if both ends were reached, else by a reset.
    pub(crate) fn close(self) {
        if !self.is_over() {
            // Failure means that there is no connection left to reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn reads_grow_with_the_stream_and_never_exceed_what_was_asked() {
        let (near, mut far) = duplex(1 << 20);
        let mut tcp = Tcp::new(near);
        far.write_all(&[7; 300_000]).await.expect("room");
        drop(far);
        let (mut sizes, mut total) = (Vec::new(), 0);
        loop {
            tcp.read(100_000);
            match poll_fn(|cx| tcp.poll(cx)).await {
                Event::Read(piece) => {
                    sizes.push(piece.into_bytes().len());
                    total += sizes.last().expect("just pushed");
                }
                Event::ReadEnd => break,
                Event::Written(_) | Event::Failed(_) => unreachable!("nothing is written"),
            }
        }
        assert_eq!(total, 300_000);
        assert_eq!(sizes[..5], [4096, 8192, 16384, 32768, 65536]);
        tcp.read(10);
        assert!(matches!(poll_fn(|cx| tcp.poll(cx)).await, Event::ReadEnd));
    }

    #[tokio::test]
    async fn a_stream_that_was_busy_keeps_no_more_than_any_once_it_is_quiet() {
        for max in [64 << 10, 1 << 20] {
            let (near, mut far) = duplex(1 << 20);
            let mut tcp = Tcp::new(near);
            far.write_all(&[7; 600_000]).await.expect("room");
            let mut left = 600_000;
            while left > 0 {
                tcp.read(max);
                let Event::Read(piece) = poll_fn(|cx| tcp.poll(cx)).await else { unreachable!("there is more") };
                left -= piece.into_bytes().len();
            }
            for _ in 0..8 {
                far.write_all(b"chat").await.expect("room");
                tcp.read(max);
                assert!(matches!(poll_fn(|cx| tcp.poll(cx)).await, Event::Read(_)));
            }
            assert!(tcp.buffer.capacity() <= READ_MIN && tcp.read_size == READ_MIN, "{max}");
        }
    }

    #[tokio::test]
    async fn what_is_written_and_the_end_arrive_in_order() {
        let (near, mut far) = duplex(10);
        let mut tcp = Tcp::new(near);
        tcp.write(Bytes::from_static(b"more than ten bytes").into());
        tcp.finish();
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.expect("an end");
            all
        });
        assert!(matches!(poll_fn(|cx| tcp.poll(cx)).await, Event::Written(19)));
        poll_fn(|cx| tcp.poll_finished(cx)).await;
        assert_eq!(reader.await.expect("no panic"), b"more than ten bytes");
    }
}
