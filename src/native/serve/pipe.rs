//! Drives the core's `Pipe` with a client's WebSocket and the upstream's TCP connections.
//!
//! It decides nothing about the stream. Its own business is to hold back whoever is faster than the other side: the
//! upstream is read when the client's socket has taken what was read before, and the client when the upstream has.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use pasarela_core::chunk::Chunk;
use pasarela_core::codes::Code;
use pasarela_core::limits;
use pasarela_core::pipe::{Input, Origin, Output, Pipe};
use pasarela_core::route::Kind;
use pasarela_core::tunnel::relay::Ending;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::tunnel::carrier::{self, Link, Web};
use crate::tunnel::chunk::Piece;
use crate::tunnel::clock::Alarm;
use crate::tunnel::ground::Ground;
use crate::tunnel::tcp;
use crate::tunnel::upstream::{self, Upstream};

/// The client is not read while more than this is not yet taken by the upstream, in bytes: several writes' worth, and more
/// than any first bytes that are looked at.
const UPLOAD_AHEAD: usize = 4 * limits::WRITE_BATCH;

enum Event {
    Link(carrier::Event),
    Upstream(upstream::Event),
    Drain,
    Timer,
}

struct Task<'a> {
    ground: &'a Ground,
    kind: Kind,
    pipe: Pipe<'a, Piece>,
    alarm: Alarm,
    /// Until the client has gone.
    link: Option<Link>,
    upstream: Upstream,
    /// The core wants to read, and the client may have too much to catch up on.
    reading: bool,
    draining: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    turn: bool,
}

/// Carries one stream to its end. With `framed`, one WhatsApp frame from the upstream is one message.
pub(super) async fn run(ground: &Ground, web: Web, origin: Origin, framed: bool) {
    let mut task = Task {
        ground,
        kind: origin.kind,
        pipe: Pipe::new(&ground.config, origin, framed, ground.clock.now()),
        alarm: Alarm::new(ground.clock),
        link: Some(Link::unbounded(web)),
        upstream: Upstream::new(&ground.meter),
        reading: false,
        draining: Some(Box::pin(ground.drain.clone().cancelled_owned())),
        turn: false,
    };
    while task.drain() {
        let event = poll_fn(|cx| task.poll_event(cx)).await;
        task.handle(event);
    }
    task.let_go();
}

impl Task<'_> {
    /// Carries out what the core commands; whether the stream goes on.
    fn drain(&mut self) -> bool {
        loop {
            match self.pipe.poll() {
                Output::Connect(candidate, authority) => self.upstream.connect(candidate, &authority),
                Output::Abandon(loser) => self.upstream.abandon(loser),
                Output::Use(winner) => {
                    self.ground.won(self.kind, winner);
                    self.upstream.choose(winner);
                }
                Output::Read => self.reading = true,
                Output::Write(piece) => self.upstream.write(piece),
                Output::Finish => self.upstream.finish(),
                Output::Send(parts) => self.send(parts),
                Output::CloseUpstream => self.upstream.close(),
                Output::CloseClient(code) => {
                    self.ground.meter.ended(code);
                    self.link.iter_mut().for_each(|link| link.close(code, limits::CLOSE));
                }
                Output::Wait(at) => {
                    self.alarm.set(self.ground.clock, at);
                    return true;
                }
                Output::Done => return false,
            }
        }
    }

    fn send(&mut self, mut parts: Vec<Piece>) {
        let only = if parts.len() == 1 { parts.pop() } else { None };
        let message = only.unwrap_or_else(|| Piece::join(parts));
        if let Some(link) = &mut self.link {
            link.send(message);
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.alarm.poll(cx).is_ready() {
            return Poll::Ready(Event::Timer);
        }
        if let Some(draining) = &mut self.draining
            && draining.as_mut().poll(cx).is_ready()
        {
            self.draining = None;
            return Poll::Ready(Event::Drain);
        }
        if self.link.as_ref().is_some_and(Link::is_full)
            && let Poll::Ready(event) = self.poll_flush(cx)
        {
            return Poll::Ready(event);
        }
        loop {
            self.read();
            // In turns, so that neither side starves the other.
            self.turn = !self.turn;
            for upstream_now in [self.turn, !self.turn] {
                let event = if upstream_now { self.upstream.poll(cx).map(Event::Upstream) } else { self.poll_link(cx) };
                if event.is_ready() {
                    return event;
                }
            }
            // All that could be done is done: one flush for all that it gave to send.
            if let Poll::Ready(event) = self.poll_flush(cx) {
                return Poll::Ready(event);
            }
            if !self.may_read() {
                return Poll::Pending;
            }
        }
    }

    /// Whether the core wants to read, and the client has taken what was read before.
    fn may_read(&self) -> bool {
        self.reading && self.link.as_ref().is_none_or(|link| link.waiting() == 0)
    }

    fn read(&mut self) {
        if self.may_read() {
            self.reading = false;
            self.upstream.read(usize::MAX);
        }
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match &mut self.link {
            Some(link) if self.pipe.queued() <= UPLOAD_AHEAD => link.poll_event(cx).map(Event::Link),
            Some(_) | None => Poll::Pending,
        }
    }

    /// Sends what is queued. `Ready` if the connection was found broken by it.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match self.link.as_mut().map(|link| link.poll_flush(cx)) {
            Some(Poll::Ready(Err(_))) => Poll::Ready(Event::Link(carrier::Event::Closed(Ending::Cut))),
            Some(Poll::Ready(Ok(())) | Poll::Pending) | None => Poll::Pending,
        }
    }

    fn handle(&mut self, event: Event) {
        let input = match event {
            Event::Timer => Input::Timer,
            Event::Drain => Input::End(Code::Draining),
            Event::Upstream(upstream::Event::Opened(candidate)) => Input::Opened(candidate),
            Event::Upstream(upstream::Event::Failed(candidate)) => Input::Failed(candidate),
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Read(piece))) => Input::Read(piece),
            Event::Upstream(upstream::Event::Tcp(tcp::Event::ReadEnd)) => {
                // It has said all; it is not to be answered by a reset.
                self.upstream.finish();
                Input::UpstreamEnd
            }
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Written(_))) => Input::Written,
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Failed(_))) => Input::UpstreamFailed,
            Event::Link(carrier::Event::Data(piece)) => Input::Message(piece),
            Event::Link(carrier::Event::Text(_)) => Input::Text,
            Event::Link(carrier::Event::Pong) => return,
            Event::Link(carrier::Event::Closed(_)) => {
                self.let_go();
                Input::ClientClosed
            }
        };
        self.pipe.handle(input, self.ground.clock.now());
    }

    /// The last messages, and the answer to the client's close, are somebody else's from here on.
    fn let_go(&mut self) {
        if let Some(link) = self.link.take() {
            self.ground.tasks.spawn(link.linger());
        }
    }
}
