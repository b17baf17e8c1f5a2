//! One relayed stream without framing of ours: a WebSocket's binary messages on one side, a TCP connection on the other.
//!
//! It owns neither. The adapter tells it what happened on both sides and carries out what it asks for; payload passes
//! through as handles. A stream that must survive its WebSocket, or keep half-close, is the tunnel's business.
//!
//! **After every `handle`, call `poll` until it returns `Wait` or `Done`.**

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};

use crate::{
    chunk::{Chunk, Moved},
    codes::Code,
    config::{Authority, Config},
    dial::{self, Candidate},
    frame::Frames,
    limits,
    opening::{self, Opening},
    queue::Queue,
    time::Instant,
};

pub use crate::opening::Origin;

/// What happened.
#[derive(Debug, Clone)]
pub enum Input<C> {
    /// The client sent a binary message.
    Message(C),
    /// The client sent a text message.
    Text,
    /// The client closed its WebSocket, or vanished.
    ClientClosed,
    /// A candidate accepted the connection.
    Opened(Candidate),
    /// A candidate refused it.
    Failed(Candidate),
    /// The upstream sent bytes: the answer to `Output::Read`.
    Read(C),
    /// The upstream has said all.
    UpstreamEnd,
    /// The upstream's connection broke.
    UpstreamFailed,
    /// The upstream took what `Output::Write` asked to write.
    Written,
    /// The relay ends the stream for this reason.
    End(Code),
    /// The time given by `Output::Wait` has come.
    Timer,
}

/// What the adapter is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<C> {
    /// Start connecting; answer with `Opened` or `Failed`.
    Connect(Candidate, Authority),
    /// Close this connection; it lost the race.
    Abandon(Candidate),
    /// This connection is the stream's upstream from here on.
    Use(Candidate),
    /// Read from the upstream, once the client's backlog allows.
    Read,
    /// Write this to the upstream; answer with `Written`. One at a time.
    Write(C),
    /// Send the upstream our end of the stream.
    Finish,
    /// Send these to the client as one binary message.
    Send(Vec<C>),
    /// Close every connection to the upstream that there is.
    CloseUpstream,
    /// Close the WebSocket behind what was sent.
    CloseClient(Code),
    /// Nothing to do before this time.
    Wait(Instant),
    /// The stream is over; let go of everything.
    Done,
}

/// A stream from the upgrade to its end.
#[derive(Debug)]
pub struct Pipe<'a, C> {
    state: State<'a>,
    frames: Option<Frames<C>>,
    upload: Queue<C>,
    /// When something last happened.
    now: Instant,
    /// When the upstream opened, or bytes last went anywhere.
    last_activity: Instant,
    moved: Moved,
    /// Bytes that the upstream sent after the client had gone.
    unheard: usize,
    outputs: VecDeque<Output<C>>,
}

#[derive(Debug)]
enum State<'a> {
    /// No upstream yet.
    Opening {
        opening: Box<Opening<'a>>,
        client_gone: bool,
    },
    /// Bytes go both ways.
    Open,
    /// The client has gone; what it sent is still written.
    Flushing {
        deadline: Instant,
    },
    /// Our end is sent; the upstream's is awaited.
    Draining {
        deadline: Instant,
    },
    /// The WebSocket is being closed.
    Closing {
        deadline: Instant,
    },
    Done,
}

impl<'a, C: Chunk> Pipe<'a, C> {
    /// A stream whose WebSocket was accepted at `now`. With `framed`, one WhatsApp frame from the upstream is one message;
    /// otherwise messages are as the bytes come.
    pub fn new(config: &'a Config, origin: Origin, framed: bool, now: Instant) -> Self {
        Self {
            state: State::Opening { opening: Box::new(Opening::new(config, origin, now)), client_gone: false },
            frames: framed.then(Frames::new),
            upload: Queue::new(),
            now,
            last_activity: now,
            moved: Moved::default(),
            unheard: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, input: Input<C>, now: Instant) {
        self.now = now;
        match input {
            Input::Message(chunk) => self.message(chunk, now),
            Input::Text => self.end(Code::Text, now),
            Input::ClientClosed => self.client_closed(now),
            Input::Opened(candidate) => self.race(dial::Input::Opened(candidate), now),
            Input::Failed(candidate) => self.race(dial::Input::Failed(candidate), now),
            Input::Read(chunk) => self.read(chunk, now),
            Input::UpstreamEnd => self.upstream_end(now),
            Input::UpstreamFailed => self.end(Code::UpstreamReset, now),
            Input::Written => self.written(now),
            Input::End(code) => self.end(code, now),
            Input::Timer => self.timer(now),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output<C> {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match &mut self.state {
            State::Opening { opening, .. } => {
                let output = opening.poll();
                self.opening(output)
            }
            State::Flushing { deadline } | State::Draining { deadline } | State::Closing { deadline } => {
                Output::Wait(*deadline)
            }
            State::Open => Output::Wait(self.last_activity + limits::IDLE),
            State::Done => Output::Done,
        }
    }

    /// Payload that went through it so far.
    pub const fn moved(&self) -> Moved {
        self.moved
    }

    /// Bytes that the client sent and the upstream has not taken.
    pub const fn queued(&self) -> usize {
        self.upload.size().bytes
    }

    /// Payload that it holds, in bytes: what is queued, and of a frame what has come of it.
    pub fn held(&self) -> usize {
        self.queued() + self.frames.as_ref().map_or(0, Frames::held)
    }

    fn message(&mut self, chunk: C, now: Instant) {
        let len = chunk.len();
        if len == 0 || !matches!(self.state, State::Opening { .. } | State::Open) {
            return chunk.discard();
        }
        self.last_activity = now;
        if self.queued() + len > limits::UPLOAD_QUEUE {
            chunk.discard();
            return self.end(if len > limits::UPLOAD_QUEUE { Code::TooBig } else { Code::Queue }, now);
        }
        if let State::Opening { opening, .. } = &mut self.state {
            opening.bytes(&chunk, now);
        }
        self.upload.push(chunk);
        if let State::Open = self.state {
            self.write();
        }
    }

    fn race(&mut self, input: dial::Input, now: Instant) {
        if let State::Opening { opening, .. } = &mut self.state {
            opening.race(input, now);
        } else if let dial::Input::Opened(loser) = input {
            self.outputs.push_back(Output::Abandon(loser));
        }
    }

    fn opening(&mut self, output: opening::Output) -> Output<C> {
        match output {
            opening::Output::Connect(candidate, authority) => Output::Connect(candidate, authority),
            opening::Output::Abandon(loser) => Output::Abandon(loser),
            opening::Output::Won(winner, head) => {
                self.open(winner, &head);
                self.poll()
            }
            opening::Output::Lost(code) => {
                self.end(code, self.now);
                self.poll()
            }
            opening::Output::Wait(wake) => Output::Wait(wake),
        }
    }

    fn open(&mut self, winner: Candidate, head: &[u8]) {
        let opening = core::mem::replace(&mut self.state, State::Open);
        self.last_activity = self.now;
        self.outputs.push_back(Output::Use(winner));
        if !head.is_empty() {
            self.upload.push_front(C::from_slice(head));
        }
        self.write();
        self.outputs.push_back(Output::Read);
        if let State::Opening { client_gone: true, .. } = opening {
            self.client_closed(self.now);
        }
    }

    fn write(&mut self) {
        if let Some(chunk) = self.upload.next_write() {
            self.outputs.push_back(Output::Write(chunk));
        }
    }

    fn written(&mut self, now: Instant) {
        self.moved.up += self.upload.written().bytes as u64;
        self.last_activity = now;
        match self.state {
            State::Open => self.write(),
            State::Flushing { .. } => self.flush(now),
            State::Opening { .. } | State::Draining { .. } | State::Closing { .. } | State::Done => {}
        }
    }

    fn flush(&mut self, now: Instant) {
        self.write();
        if self.upload.is_empty() {
            self.outputs.push_back(Output::Finish);
            self.state = State::Draining { deadline: now + limits::DRAIN };
        }
    }

    fn read(&mut self, chunk: C, now: Instant) {
        self.last_activity = now;
        self.moved.down += chunk.len() as u64;
        match (&self.state, &mut self.frames) {
            (State::Open, None) => self.outputs.extend([Output::Send(Vec::from([chunk])), Output::Read]),
            (State::Open, Some(frames)) => {
                frames.handle(chunk);
                while let Some(message) = frames.poll() {
                    self.outputs.push_back(Output::Send(message));
                }
                self.outputs.push_back(Output::Read);
            }
            (State::Flushing { .. } | State::Draining { .. }, _) => {
                self.unheard = self.unheard.saturating_add(chunk.len());
                chunk.discard();
                if self.unheard < limits::UNHEARD {
                    self.outputs.push_back(Output::Read);
                }
            }
            (State::Opening { .. } | State::Closing { .. } | State::Done, _) => {}
        }
    }

    fn upstream_end(&mut self, now: Instant) {
        let whole = self.frames.as_ref().is_none_or(Frames::at_boundary);
        self.end(if whole { Code::End } else { Code::UpstreamReset }, now);
    }

    fn client_closed(&mut self, now: Instant) {
        match self.state {
            State::Open => {
                self.state = State::Flushing { deadline: now + limits::FLUSH };
                self.flush(now);
            }
            State::Opening { ref opening, ref mut client_gone } if opening.is_dialling() => *client_gone = true,
            State::Opening { .. } => self.leave(),
            State::Closing { .. } => self.state = State::Done,
            State::Flushing { .. } | State::Draining { .. } | State::Done => {}
        }
    }

    fn timer(&mut self, now: Instant) {
        match &mut self.state {
            State::Opening { opening, .. } => opening.timer(now),
            State::Open if now >= self.last_activity + limits::IDLE => self.end(Code::Idle, now),
            State::Flushing { deadline } | State::Draining { deadline } if now >= *deadline => self.leave(),
            State::Closing { deadline } if now >= *deadline => self.state = State::Done,
            State::Open | State::Flushing { .. } | State::Draining { .. } | State::Closing { .. } | State::Done => {}
        }
    }

    /// Ends the stream for the given reason; a client that has gone needs none.
    fn end(&mut self, code: Code, now: Instant) {
        match self.state {
            State::Opening { client_gone: true, .. } | State::Flushing { .. } | State::Draining { .. } => self.leave(),
            State::Opening { .. } | State::Open => {
                self.upload.clear();
                self.outputs.extend([Output::CloseUpstream, Output::CloseClient(code)]);
                self.state = State::Closing { deadline: now + limits::CLOSE };
            }
            State::Closing { .. } | State::Done => {}
        }
    }

    /// Ends the stream of a client that has gone.
    fn leave(&mut self) {
        self.upload.clear();
        self.outputs.push_back(Output::CloseUpstream);
        self.state = State::Done;
    }
}

#[cfg(test)]
mod tests;
