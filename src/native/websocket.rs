//! WebSockets (RFC 6455) behind their upgrade, for both sides, without extensions.
//!
//! Of our own, because every byte that is relayed comes through here: each read has the room that its message needs, a payload
//! is never moved, and what is in memory can be asked for at any time. One task has a WebSocket; it is not to be split.

mod frame;
mod message;
mod incoming;
mod outgoing;

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use futures_util::{Sink, Stream};
use tokio::io::AsyncWrite;
use tokio_util::io::poll_write_buf;

use crate::net::Prefixed;

pub(crate) use frame::Fault;
pub(crate) use message::{Close, Message};

use incoming::Incoming;
use outgoing::Outgoing;

/// What a TLS connection keeps of what it was given to send while its socket takes nothing, in bytes: the limit of rustls.
pub(crate) const TLS: usize = 64 * 1024;

/// Bytes that are yet to be sent before the stream must take some.
pub(crate) const FLUSH: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// We have said our close.
    Closing,
    /// The peer has, and ours is to be sent.
    Closed,
    /// Nothing comes any more.
    Over,
}

pub(crate) struct WebSocket {
    stream: Prefixed,
    role: Role,
    state: State,
    incoming: Incoming,
    outgoing: Outgoing,
    /// The stream takes nothing now.
    blocked: bool,
    /// What the stream itself then keeps, in bytes.
    below: usize,
    /// It took something after it had not, or brought a part of a message.
    moved: bool,
}

impl WebSocket {
    /// The client's side. No longer message than this may come in, in bytes.
    pub(crate) fn client(stream: Prefixed, longest: usize) -> Self {
        Self::new(stream, Role::Client, longest)
    }

    /// The server's side.
    pub(crate) fn server(stream: Prefixed, longest: usize) -> Self {
        Self::new(stream, Role::Server, longest)
    }

    fn new(stream: Prefixed, role: Role, longest: usize) -> Self {
        Self {
            stream,
            role,
            state: State::Open,
            incoming: Incoming::new(role, longest),
            outgoing: Outgoing::default(),
            blocked: false,
            below: 0,
            moved: false,
        }
    }

    /// The stream keeps so many bytes to itself while its socket takes none.
    pub(crate) const fn set_below(&mut self, bytes: usize) {
        self.below = bytes;
    }

    /// Nobody wants to hear more: all is thrown away, and ends with the peer's close.
    pub(crate) fn ignore_the_rest(&mut self) {
        self.incoming.ignore_the_rest();
    }

    /// Whether the peer has said its close while nobody listened.
    pub(crate) fn has_closed(&self) -> bool {
        self.incoming.is_over()
    }

    /// Bytes in memory: the beginning of a message that is not whole yet, and what was sent and the stream has not taken.
    pub(crate) fn held(&self) -> usize {
        self.incoming.kept() + self.outgoing.remaining() + if self.blocked { self.below } else { 0 }
    }

    /// Whether it took something after it had not, or brought a part of a message, since this was asked last.
    pub(crate) const fn take_moved(&mut self) -> bool {
        std::mem::replace(&mut self.moved, false)
    }

    /// What is to be done about a message that came.
    fn hear(&mut self, message: &Message) {
        match (message, self.state) {
            (Message::Ping(payload), State::Open) => self.outgoing.push(self.role, Message::Pong(payload.clone())),
            (Message::Close(said), State::Open) => {
                let answer = said.as_ref().map(|close| Close { code: close.code, reason: String::new() });
                self.end(Message::Close(answer));
            }
            (Message::Close(_), _) => self.state = State::Over,
            _ => {}
        }
    }

    /// The last that is sent.
    fn end(&mut self, close: Message) {
        self.outgoing.push(self.role, close);
        self.state = State::Closed;
    }

    fn broken(&mut self, fault: Fault) -> Fault {
        match fault.code() {
            Some(code) if self.state == State::Open => self.end(Message::close(code, "")),
            None if fault == Fault::TooLong => {}
            Some(_) | None => self.state = State::Over,
        }
        fault
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while self.outgoing.has_remaining() {
            let taken = poll_write_buf(Pin::new(&mut self.stream), cx, &mut self.outgoing);
            self.moved |= self.blocked && taken.is_ready();
            self.blocked = taken.is_pending();
            if !matches!(ready!(taken), Ok(1..)) {
                return Poll::Ready(Err(self.broken(Fault::Gone)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Fault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.state {
                State::Open | State::Closing => {}
                State::Closed => {
                    let _ = ready!(Pin::new(&mut *this).poll_flush(cx));
                    this.state = State::Over;
                    return Poll::Ready(None);
                }
                State::Over => return Poll::Ready(None),
            }
            match this.incoming.next() {
                Ok(Some(message)) => {
                    this.hear(&message);
                    return Poll::Ready(Some(Ok(message)));
                }
                Ok(None) if this.incoming.is_over() => return Poll::Ready(None),
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Some(Err(this.broken(fault)))),
            }
            // An answer to a ping must not wait for somebody to have something to say.
            if (this.outgoing.has_remaining() || this.blocked)
                && let Poll::Ready(Err(fault)) = Pin::new(&mut *this).poll_flush(cx)
            {
                return Poll::Ready(Some(Err(fault)));
            }
            let read = ready!(this.incoming.poll_read(Pin::new(&mut this.stream), cx));
            this.moved |= this.incoming.kept() > 0;
            if !matches!(read, Ok(1..)) {
                this.state = State::Over;
            }
        }
    }
}

impl Sink<Message> for WebSocket {
    type Error = Fault;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.outgoing.remaining() < FLUSH { Poll::Ready(Ok(())) } else { self.get_mut().poll_write(cx) }
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Fault> {
        let this = self.get_mut();
        if this.state != State::Open {
            return Err(Fault::Gone);
        }
        if matches!(message, Message::Close(_)) {
            this.state = State::Closing;
        }
        this.outgoing.push(this.role, message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let this = self.get_mut();
        ready!(this.poll_write(cx))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.moved |= this.blocked && flushed.is_ready();
        this.blocked = flushed.is_pending();
        Poll::Ready(ready!(flushed).map_err(|_| this.broken(Fault::Gone)))
    }

    /// Says the close, if none was said, reads on to the peer's, and ends the stream.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.state == State::Open {
            self.as_mut().start_send(Message::Close(None))?;
        }
        while ready!(self.as_mut().poll_next(cx)).is_some() {}
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx).map_err(|_| Fault::Gone)
    }
}

#[cfg(test)]
mod tests;
