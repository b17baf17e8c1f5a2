//! Cuts the hello inside its name, in TLS records and in segments, and tells when a first byte comes back.
//!
//! Censors that look for the name in a packet do not find it then, nor those that put segments together but no records. The
//! handshake is the same for both ends: records are only its envelopes (RFC 8446, section 5.1).

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pasarela_core::sniff::{Sniff, sniff};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ways::Shape;

/// The header of a TLS record: its kind, its version, and its length in two bytes.
const RECORD_HEADER: usize = 5;

/// Told at the first byte that comes back.
pub(super) type Heard = Box<dyn FnOnce() + Send>;

/// A connection whose first bytes are a hello.
pub(super) struct Shaped<S> {
    stream: S,
    /// Until the hello is written.
    shape: Shape,
    /// What of it is still to be written, a segment each.
    pieces: VecDeque<Vec<u8>>,
    heard: Option<Heard>,
}

impl<S> Shaped<S> {
    pub(super) fn new(stream: S, shape: Shape, heard: Heard) -> Self {
        Self { stream, shape, pieces: VecDeque::new(), heard: Some(heard) }
    }
}

impl<S: AsyncWrite + Unpin> Shaped<S> {
    fn poll_pieces(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(piece) = self.pieces.front_mut() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, piece))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            piece.drain(..written);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shaped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before
            && let Some(heard) = self.heard.take()
        {
            heard();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shaped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pieces(cx))?;
        match std::mem::replace(&mut self.shape, Shape::Whole) {
            Shape::Whole => Pin::new(&mut self.stream).poll_write(cx, buf),
            shape @ (Shape::Records | Shape::RecordsAndSegments) => {
                self.pieces = cut(buf, shape).into();
                // What could not be written yet goes before the next write.
                match self.poll_pieces(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(buf.len())),
                }
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pieces(cx))?;
        if self.shape == Shape::Whole {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        }
        let whole = bufs.iter().flat_map(|buf| buf.iter().copied()).collect::<Vec<_>>();
        self.poll_write(cx, &whole)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pieces(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pieces(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A record with a hello as segments with two records. What is none stays as it is.
fn cut(hello: &[u8], shape: Shape) -> Vec<Vec<u8>> {
    let whole = || vec![hello.to_vec()];
    let Some((header, body)) = hello.split_at_checked(RECORD_HEADER) else { return whole() };
    let (kind, length) = header.split_at(3);
    if kind.first() != Some(&22) || usize::from(u16::from_be_bytes([length[0], length[1]])) != body.len() {
        return whole();
    }
    let Some((first, second)) = body.split_at_checked(middle_of_the_name(hello, body)) else { return whole() };
    let record = |part: &[u8]| {
        // A part is shorter than the record that it is of.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
        [kind, &length, part].concat()
    };
    let records = [record(first), record(second)];
    match shape {
        Shape::Whole => whole(),
        Shape::Records => vec![records.concat()],
        Shape::RecordsAndSegments => records.into(),
    }
}

/// Where in the record's body the name's middle is; without one, its own middle.
fn middle_of_the_name(hello: &[u8], body: &[u8]) -> usize {
    let name = match sniff(hello) {
        Sniff::Tls { name } => name.unwrap_or_default(),
        Sniff::Incomplete { .. } | Sniff::WhatsApp { .. } | Sniff::Proxy(_) | Sniff::Unknown => String::new(),
    };
    let found = body.windows(name.len().max(1)).position(|window| window.eq_ignore_ascii_case(name.as_bytes()));
    found.map_or(body.len() / 2, |at| at + name.len() / 2)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rustls::{ClientConnection, pki_types::ServerName};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::tls::anybody;

    fn hello(name: &str) -> Vec<u8> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut client = ClientConnection::new(Arc::clone(&anybody()), name).expect("usable");
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).expect("written");
        bytes
    }

    fn position(bytes: &[u8], of: &str) -> Option<usize> {
        bytes.windows(of.len()).position(|window| window == of.as_bytes())
    }

    #[test]
    fn no_segment_and_no_record_holds_the_name_and_both_ends_mean_the_same() {
        for name in ["relay.example", "a.example", "a-very-long-label-for-a-name.of.some.relay.example"] {
            let whole = hello(name);
            assert!(position(&whole, name).is_some());
            let segments = cut(&whole, Shape::RecordsAndSegments);
            assert!(segments.len() == 2 && segments.iter().all(|segment| position(segment, name).is_none()));
            let records = cut(&whole, Shape::Records);
            assert_eq!(records, [segments.concat()]);
            // Put together by records it is the same message.
            assert_eq!(sniff(&records[0]), sniff(&whole));
            assert_eq!(sniff(&whole), Sniff::Tls { name: Some(name.to_owned()) });
        }
    }

    #[tokio::test]
    async fn what_follows_the_hello_is_untouched_and_the_first_byte_back_is_told() {
        let (near, mut far) = duplex(64);
        let (told, hears) = std::sync::mpsc::channel();
        let mut near = Shaped::new(
            near,
            Shape::RecordsAndSegments,
            Box::new(move || {
                let _ = told.send(());
            }),
        );
        let whole = hello("relay.example");
        let expected = [cut(&whole, Shape::Records).concat(), b"more".to_vec()].concat();
        let writing = async {
            near.write_all(&whole).await?;
            near.write_all(b"more").await?;
            near.flush().await
        };
        let mut read = vec![0; expected.len()];
        let (written, _) = tokio::join!(writing, far.read_exact(&mut read));
        written.expect("room");
        assert_eq!(read, expected);
        assert!(hears.try_recv().is_err());
        far.write_all(b"x").await.expect("room");
        assert_eq!(near.read_u8().await.expect("a byte"), b'x');
        assert!(hears.try_recv().is_ok());
    }

    proptest! {
        #[test]
        fn what_is_no_hello_is_left_alone(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 20_u8..24) {
            let bytes = [vec![kind], bytes].concat();
            let cut = cut(&bytes, Shape::RecordsAndSegments);
            if cut.len() == 1 {
                prop_assert_eq!(cut, [bytes]);
            }
        }
    }
}
