//! Drives the core's `Pipe` with a client's WebSocket and the upstream's TCP connections: the hot path.
//!
//! It decides nothing about the stream. Its own business is how: how much to read at once, when the client's backlog
//! forbids to read, one timer for all deadlines.

use std::convert::Infallible;

use pasarela_core::{
    chunk::Chunk,
    codes::Code,
    dial::Candidate,
    pipe::{Input, Output, Pipe},
};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    alarm::{Alarm, now},
    bytes::Bytes,
    cpu,
    gauges::Counted,
    platform::{self, MessageEvent, ServerSocket},
    stream::{Events, Handler, START, backlog_allowed, held_by_runtime},
    upstream::{self, Upstream},
};

/// Numbers of the events after `START`; the upstream has its own.
mod event {
    pub(super) const MESSAGE: u32 = 1;
    pub(super) const CLOSE: u32 = 2;
    pub(super) const TIMER: u32 = 3;
    pub(super) const RESUME: u32 = 4;
    const _: () = assert!(RESUME < super::upstream::FIRST);
}

/// While the client's backlog forbids reading it is looked at again after this long, then twice as long, and so on.
pub(crate) const BACKLOG_POLL: (f64, f64) = (5.0, 100.0);

/// Where many do not read a message has this size, in bytes: each is held twice while it is being sent. In smaller ones what a
/// read costs besides its bytes would be more than these.
pub(crate) const CROWDED: u32 = 64 << 10;

/// One stream under way.
pub(crate) struct Driver<F> {
    pipe: Pipe<'static, Bytes>,
    client: ServerSocket,
    upstream: Upstream,
    backlog_poll: f64,
    /// Bytes that the runtime held for the client when it was looked at last.
    backlog: f64,
    client_gone: bool,
    alarm: Alarm,
    remember: F,
    /// The runtime copies what it sends.
    copied: bool,
    events: Events,
    counted: Counted,
}

impl<F: Fn(Candidate)> Driver<F> {
    /// Takes over an accepted WebSocket. `remember` is told which candidate won.
    pub(crate) fn new(
        events: Events,
        client: ServerSocket,
        pipe: Pipe<'static, Bytes>,
        framed: bool,
        (counted, remember): (Counted, F),
    ) -> Self {
        events.hold(&client);
        client.add_event_listener("message", &events.listener(event::MESSAGE));
        let closed = events.listener(event::CLOSE);
        client.add_event_listener("close", &closed);
        client.add_event_listener("error", &closed);
        Self {
            // A runtime that counts what it has queued also copies it; an older one sends the buffer itself, later. A
            // frame's pieces are kept until it is whole.
            copied: !framed && client.buffered_amount().is_some(),
            pipe,
            client,
            upstream: Upstream::new(&events),
            backlog_poll: BACKLOG_POLL.0,
            backlog: 0.0,
            client_gone: false,
            alarm: Alarm::new(events.listener(event::TIMER)),
            remember,
            events,
            counted,
        }
    }

    /// Runs the core until it waits; false once the stream is over.
    fn drain(&mut self) -> bool {
        loop {
            match self.pipe.poll() {
                Output::Connect(candidate, to) => {
                    if !self.upstream.connect(candidate, &to) {
                        self.pipe.handle(Input::Failed(candidate), now());
                    }
                }
                Output::Abandon(loser) => self.upstream.close(loser),
                Output::Use(winner) => {
                    (self.remember)(winner);
                    if !self.upstream.take(winner) {
                        self.pipe.handle(Input::UpstreamFailed, now());
                    }
                }
                Output::Read => self.read(),
                Output::Write(bytes) => self.upstream.write(bytes),
                Output::Finish => self.upstream.finish(),
                Output::Send(parts) => self.send(parts),
                Output::CloseUpstream => self.upstream.close_all(),
                // Throws if the client has closed in the meantime; its close event tells the core.
                Output::CloseClient(code) => drop(self.client.close(code.number(), code.token())),
                Output::Wait(deadline) => {
                    self.alarm.arm(deadline);
                    return true;
                }
                Output::Done => return false,
            }
        }
    }

    /// Reads unless the client has too much to catch up on.
    fn read(&mut self) {
        self.backlog = self.client.buffered_amount().unwrap_or(0.0);
        let allowed = backlog_allowed();
        if !self.client_gone && self.backlog > f64::from(allowed) {
            let resume = self.events.listener(event::RESUME);
            platform::set_timeout(&resume, self.backlog_poll);
            self.backlog_poll = (self.backlog_poll * 2.0).min(BACKLOG_POLL.1);
            return;
        }
        self.backlog_poll = BACKLOG_POLL.0;
        self.upstream.read(allowed.max(CROWDED) as usize);
    }

    fn send(&mut self, parts: Vec<Bytes>) {
        let message = Bytes::join(parts);
        // Throws if the client has closed in the meantime; its close event tells the core.
        if self.client.send(&message.0).is_ok() && self.copied {
            message.release();
        }
    }

    fn input(&mut self, number: u32, value: JsValue) -> Option<Input<Bytes>> {
        match number {
            event::MESSAGE => Some(match platform::binary(&value.unchecked_ref::<MessageEvent>().data()) {
                Some(bytes) => Input::Message(Bytes(bytes)),
                None => Input::Text,
            }),
            event::CLOSE => {
                self.client_gone = true;
                Some(Input::ClientClosed)
            }
            event::TIMER => {
                self.alarm.rang();
                Some(Input::Timer)
            }
            event::RESUME => {
                self.read();
                None
            }
            START => None,
            _ => Some(match self.upstream.event(number, value)? {
                upstream::Event::Opened(candidate) => Input::Opened(candidate),
                upstream::Event::Failed(candidate) => Input::Failed(candidate),
                upstream::Event::Read(bytes) => Input::Read(bytes),
                upstream::Event::End => Input::UpstreamEnd,
                upstream::Event::Broken => Input::UpstreamFailed,
                upstream::Event::Written => Input::Written,
            }),
        }
    }
}

impl<F: Fn(Candidate)> Handler for Driver<F> {
    type Note = Infallible;

    fn event(&mut self, number: u32, value: JsValue) -> bool {
        if let Some(input) = self.input(number, value) {
            self.pipe.handle(input, now());
        }
        if cpu::take_warning() {
            // The kill that follows would end every stream of the isolate, not only this one.
            self.pipe.handle(Input::End(Code::Cpu), now());
        }
        let goes_on = self.drain();
        if self.backlog > 0.0 {
            // What waited when it was looked at last may be gone since.
            self.backlog = self.client.buffered_amount().unwrap_or(0.0);
        }
        self.counted.moved(self.pipe.moved());
        goes_on
    }

    fn note(&mut self, note: Infallible) -> bool {
        match note {}
    }

    fn held(&self) -> usize {
        self.pipe.held() + held_by_runtime(self.backlog)
    }

    fn shed(&mut self) {
        self.pipe.handle(Input::End(Code::Queue), now());
    }

    fn unsent(&mut self) -> usize {
        let backlog = if self.client_gone { 0.0 } else { self.client.buffered_amount().unwrap_or(0.0) };
        held_by_runtime(backlog)
    }
}
