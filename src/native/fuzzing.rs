//! What strangers' bytes are given to, for the fuzzer, which is a crate of its own. No part of what the library promises.

use std::{
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream};
use hyper::header::{HeaderMap, HeaderValue};
use pasarela_core::{chunk::Chunk, frame::Frames};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    connect::dns::message::{self, Kind},
    net::{Prefixed, upgrade},
    serve::forwarded,
    trouble::Trouble,
    tunnel::{carrier, chunk::Piece, request},
    websocket::Message,
};

/// WhatsApp's frames in a stream that comes in pieces: each message, and whether the stream may end there.
#[must_use]
pub fn frames(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Frames::new();
    let mut messages = Vec::new();
    for piece in pieces {
        frames.handle(Piece::from_slice(piece));
        while let Some(message) = frames.poll() {
            messages.push(Piece::join(message).into_bytes().to_vec());
        }
    }
    (messages, frames.at_boundary())
}

/// The client's key, if these headers ask for a WebSocket.
#[must_use]
pub fn websocket_key(headers: &HeaderMap) -> Option<&HeaderValue> {
    upgrade::key(headers)
}

/// Whose request it is, if the operator trusts one network.
///
/// # Panics
///
/// It is none.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &str) -> IpAddr {
    forwarded::client(peer, headers, &[trusted.parse().expect("a network")])
}

/// What a client makes of the answer to an upgrade, whose right `Sec-WebSocket-Accept` is `right`: what came behind the head.
///
/// # Errors
///
/// There is no WebSocket.
///
/// # Panics
///
/// It waits for something, though the stream has ended.
pub fn answer(pieces: &[&[u8]]) -> Result<Bytes, Trouble> {
    thread_local! {
        static TIMERS: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without IO");
    }
    let mut stream: crate::tunnel::BoxedStream = Box::new(Pieces::new(pieces, true));
    TIMERS.with(|timers| {
        let _entered = timers.enter();
        let answered =
            request::answer(&mut stream, ("relay.example", "right")).now_or_never().expect("nothing is to come");
        let (_, mut rest) = answered.map_err(|refused| refused.trouble)?;
        let mut unread = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut unread).now_or_never().expect("it ends").expect("read");
        rest = [&rest[..], &unread].concat().into();
        Ok(rest)
    })
}

/// What a server has taken of a client's WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The payload's length of each message, in bytes.
    pub messages: Vec<usize>,
    /// More may come.
    pub open: bool,
    /// So much it says to keep in memory, in bytes.
    pub kept: usize,
}

/// A client's frames, of which no message may be longer than this, in bytes.
#[must_use]
pub fn websocket(pieces: &[&[u8]], longest: usize) -> Taken {
    let mut web = carrier::server(Prefixed::new(Bytes::new(), Box::new(Pieces::new(pieces, false))), longest);
    let mut context = Context::from_waker(Waker::noop());
    let mut messages = Vec::new();
    // A reader that throws away wakes itself up.
    for _ in 0..=pieces.len() {
        while let Poll::Ready(next) = Pin::new(&mut web).poll_next(&mut context) {
            let Some(Ok(message)) = next else { return Taken { messages, open: false, kept: 0 } };
            if let Message::Text(_) | Message::Binary(_) = message {
                messages.push(message.len());
            }
        }
    }
    Taken { messages, open: true, kept: web.held() }
}

/// What an answer of a DNS resolver holds: addresses, and an ECHConfigList.
pub type Records = (Vec<IpAddr>, Option<Vec<u8>>);

/// Such an answer, as one to the questions for A, AAAA and HTTPS.
#[must_use]
pub fn dns(bytes: &[u8]) -> [Option<Records>; 3] {
    [Kind::A, Kind::Aaaa, Kind::Https]
        .map(|kind| message::answer(bytes, kind).map(|records| (records.addresses, records.ech)))
}

/// A peer whose bytes come in these pieces, and that takes whatever is sent. It ends behind them or is silent.
struct Pieces {
    pieces: std::collections::VecDeque<Bytes>,
    ends: bool,
}

impl Pieces {
    fn new(pieces: &[&[u8]], ends: bool) -> Self {
        Self { pieces: pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect(), ends }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else {
            return if self.ends { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        buf.put_slice(&piece.split_to(piece.len().min(buf.remaining())));
        if !piece.is_empty() {
            self.pieces.push_front(piece);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
