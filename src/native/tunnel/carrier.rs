//! A WebSocket as a carrier: messages out through a queue that blocks nobody, messages in as events, and its close.
//!
//! The same for both ends of a tunnel. What the messages mean is the core's; which carrier is in use, too.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, Sink, SinkExt, Stream};
use pasarela_core::{
    codes::Code,
    limits::{IN_FLIGHT_MESSAGES, TUNNEL_CHUNK, WINDOW_MAX},
    tunnel::{Ending, message::Control},
};
use tokio::time::{self, Sleep};

use super::chunk::Piece;
use crate::{
    net::Prefixed,
    websocket::{FLUSH, Fault, Message, WebSocket},
};

/// A WebSocket; boxed, because it is moved about.
pub(crate) type Socket = Box<WebSocket>;

/// The longest message of a tunnel, in bytes.
pub(crate) const MESSAGE_MAX: usize = TUNNEL_CHUNK;

/// Pings that may wait for their answers to be taken. Nobody sends so many; they would pile up.
pub(crate) const PINGS_MAX: u32 = 64;

/// Payload that may wait to be sent, in bytes. A peer that reads what it acknowledges is never owed more than a window.
const QUEUE_MAX: usize = 2 * WINDOW_MAX as usize;

/// Messages that may wait to be sent: those of a window, and as many answers to them as there may be.
const QUEUE_MESSAGES: usize = 4 * IN_FLIGHT_MESSAGES;

/// What a close says that says nothing (RFC 6455, section 7.1.5).
const NO_CODE: u16 = 1005;

/// When nobody waits for it any more a carrier has this long to take its last messages and to be closed in order.
const LINGER: Duration = Duration::from_secs(1);

/// The client's end, behind an upgrade. A longer message than `max` bytes is the last event.
pub(crate) fn client(stream: Prefixed, max: usize) -> Socket {
    Box::new(WebSocket::client(stream, max))
}

/// The relay's end, behind an upgrade.
pub(crate) fn server(stream: Prefixed, max: usize) -> Socket {
    Box::new(WebSocket::server(stream, max))
}

/// What happened.
pub(crate) enum Event {
    /// A binary message.
    Data(Piece),
    /// A text message.
    Text(String),
    /// The answer to a ping.
    Pong,
    /// A longer message than there may be was announced. Nothing follows but the end.
    TooLong,
    /// It is gone. Nothing follows.
    Closed(Ending),
}

/// A WebSocket with what is yet to be sent on it.
pub(crate) struct Link {
    socket: Socket,
    bytes_max: usize,
    messages_max: usize,
    queue: VecDeque<Message>,
    /// Bytes in the queue.
    waiting: usize,
    /// The peer took too little of the queue, which is dropped.
    overrun: bool,
    /// It was told that a message is too long.
    too_long: bool,
    /// Bytes queued since the last flush began.
    queued: usize,
    flushed: bool,
    pings: u32,
    /// It is being closed; the peer has until then.
    closing: Option<Pin<Box<Sleep>>>,
}

impl Link {
    pub(crate) const fn new(socket: Socket) -> Self {
        Self::bounded(socket, QUEUE_MAX, QUEUE_MESSAGES)
    }

    /// One whose owner looks at `waiting` before it sends more.
    pub(crate) const fn unbounded(socket: Socket) -> Self {
        Self::bounded(socket, usize::MAX, usize::MAX)
    }

    const fn bounded(socket: Socket, bytes_max: usize, messages_max: usize) -> Self {
        Self {
            socket,
            bytes_max,
            messages_max,
            queue: VecDeque::new(),
            waiting: 0,
            overrun: false,
            too_long: false,
            queued: 0,
            flushed: true,
            pings: 0,
            closing: None,
        }
    }

    /// Queues a binary message.
    pub(crate) fn send(&mut self, piece: Piece) {
        self.push(Message::Binary(piece.into_bytes()));
    }

    /// Queues a text message. An acknowledgement goes before all data: the peer may be waiting for nothing else.
    pub(crate) fn control(&mut self, control: &Control) {
        let message = Message::Text(control.encode());
        match control {
            Control::Ack(_) => self.push_ahead(message),
            Control::Open(_)
            | Control::Resume(_)
            | Control::Opened(_)
            | Control::Resumed(_)
            | Control::Fin(_)
            | Control::Budget(_)
            | Control::Reset(_) => self.push(message),
        }
    }

    /// Queues a ping, before all data.
    pub(crate) fn ping(&mut self) {
        self.push_ahead(Message::Ping(Bytes::new()));
    }

    /// Closes it behind what is queued. Unless the peer answers in time, it is cut.
    pub(crate) fn close(&mut self, code: Code, within: Duration) {
        if code == Code::Superseded && self.closing.is_none() {
            // The next carrier says it again; what the socket has begun to take is not in the queue.
            self.queue.retain(|message| !message.is_binary());
            self.waiting = self.queue.iter().map(Message::len).sum();
        }
        self.push(Message::close(code.number(), code.token()));
        self.closing.get_or_insert_with(|| Box::pin(time::sleep(within)));
    }

    /// Whether it was told to close.
    pub(crate) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    fn push_ahead(&mut self, message: Message) {
        let first_data = self.queue.iter().position(Message::is_binary);
        self.push_at(first_data.unwrap_or(self.queue.len()), message);
    }

    fn push(&mut self, message: Message) {
        self.push_at(self.queue.len(), message);
    }

    fn push_at(&mut self, place: usize, message: Message) {
        if self.closing.is_some() || self.overrun {
            return;
        }
        let len = message.len();
        self.waiting += len;
        self.queued += len;
        self.queue.insert(place, message);
        self.flushed = false;
        if self.waiting > self.bytes_max || self.queue.len() > self.messages_max {
            self.overrun = true;
            self.let_go();
        }
    }

    /// Forgets what is queued.
    fn let_go(&mut self) {
        self.queue = VecDeque::new();
        self.waiting = 0;
    }

    /// Payload that waits to be sent, in bytes.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Payload in memory for it, in bytes: what waits to be sent, what the socket has not taken of it, and the beginning of a
    /// message that is not whole.
    pub(crate) fn held(&self) -> usize {
        self.waiting + self.socket.held()
    }

    /// Whether its socket took something that had to wait, or brought a part of a message, since this was asked last.
    pub(crate) const fn take_moved(&mut self) -> bool {
        self.socket.take_moved()
    }

    /// Whether so much is queued that it should go out before more is looked for.
    pub(crate) const fn is_full(&self) -> bool {
        self.queued >= FLUSH
    }

    /// Sends what is queued, as far as the socket takes it. Broken if it never will.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.queued = 0;
        while !self.queue.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(|_| Broken)?;
            if let Some(message) = self.queue.pop_front() {
                self.waiting -= message.len();
                Pin::new(&mut self.socket).start_send(message).map_err(|_| Broken)?;
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx)).map_err(|_| Broken)?;
            self.flushed = true;
            self.pings = 0;
        }
        Poll::Ready(Ok(()))
    }

    /// The next event.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let late = self.closing.as_mut().is_some_and(|closing| closing.as_mut().poll(cx).is_ready());
        if late || self.overrun {
            return Poll::Ready(Event::Closed(Ending::Cut));
        }
        loop {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(Event::Data(bytes.into())),
                Some(Ok(Message::Text(text))) => return Poll::Ready(Event::Text(text)),
                Some(Ok(Message::Pong(_))) => return Poll::Ready(Event::Pong),
                Some(Ok(Message::Close(said))) => {
                    let answer = self.closing.is_some() && self.queue.is_empty();
                    let code = said.map_or(NO_CODE, |close| close.code);
                    return Poll::Ready(Event::Closed(Ending::of(Some(code), answer)));
                }
                Some(Ok(Message::Ping(_))) => {
                    // Its answer is queued already.
                    self.flushed = false;
                    self.pings += 1;
                    if self.pings > PINGS_MAX {
                        return Poll::Ready(Event::Closed(Ending::Cut));
                    }
                }
                Some(Err(Fault::TooLong)) => {
                    self.too_long = true;
                    return Poll::Ready(Event::TooLong);
                }
                Some(Err(_)) => return Poll::Ready(Event::Closed(Ending::Cut)),
                None => {
                    // The close behind a message that is too long never gets as far as here.
                    let answered = self.too_long && self.closing.is_some() && self.socket.has_closed();
                    return Poll::Ready(Event::Closed(if answered { Ending::Clean } else { Ending::Cut }));
                }
            }
        }
    }

    /// Lets go of all that is held for it, at once. The peer is told why only if the socket takes it now.
    pub(crate) fn cut(mut self, code: Code) {
        self.let_go();
        self.close(code, Duration::ZERO);
        let _ = poll_fn(|cx| self.poll_flush(cx)).now_or_never();
    }

    /// Sends the last messages and ends the connection in order, if that is possible soon.
    pub(crate) async fn linger(mut self) {
        let end = async {
            // Nothing can be sent behind the peer's close, which is still to be answered.
            let _ = poll_fn(|cx| self.poll_flush(cx)).await;
            // Reads on to the peer's close: closing over unread bytes would reset what is on its way.
            self.socket.ignore_the_rest();
            let _ = self.socket.close().await;
        };
        let _ = time::timeout(LINGER, end).await;
    }
}

/// The connection takes nothing any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken;

/// Tells the peer why and closes, where nothing was ever carried.
pub(crate) async fn refuse(socket: Socket, control: &Control, code: Code) {
    let mut link = Link::new(socket);
    link.control(control);
    link.close(code, LINGER);
    link.linger().await;
}

#[cfg(test)]
mod tests;
