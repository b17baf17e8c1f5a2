//! One relayed stream without framing of ours: a WebSocket's binary messages on one side, a TCP connection on the other.
//!
//! It owns neither. The adapter tells it what happened on both sides and carries out what it asks for; payload passes
//! through as handles. A stream that must survive its WebSocket, or keep half-close, is the tunnel's business.
//!
//! **After every `handle`, call `poll` until it returns `Wait` or `Done`.**

mod queue;

use alloc::{collections::VecDeque, vec::Vec};
use core::net::IpAddr;

use crate::{
    chunk::Chunk,
    codes::Code,
    config::{Authority, Config},
    dial::{self, Candidate, Dial},
    frame::Frames,
    limits,
    policy::{self, Verdict},
    proxy,
    route::Kind,
    time::Instant,
};
use queue::Queue;

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
    /// The platform is about to end the work for its cost.
    Exhausted,
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
    /// Write these, in order, to the upstream; answer with `Written`. One at a time.
    Write(Vec<C>),
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

/// What is to be known about a stream beforehand.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it speaks.
    pub kind: Kind,
    /// One WhatsApp frame from the upstream is one message; otherwise messages are as the bytes come.
    pub framed: bool,
    /// Written as the `ED` preamble if the stream has none.
    pub routing_info: Option<Vec<u8>>,
    /// For the PROXY header, if the operator wants one.
    pub client: Option<IpAddr>,
    /// The candidate that won last time.
    pub preferred: Option<Candidate>,
}

/// A stream from the upgrade to its end.
#[derive(Debug)]
pub struct Pipe<'a, C> {
    config: &'a Config,
    options: Options,
    state: State,
    frames: Option<Frames<C>>,
    upload: Queue<C>,
    last_activity: Instant,
    outputs: VecDeque<Output<C>>,
}

#[derive(Debug)]
enum State {
    /// The first bytes do not tell yet where to go.
    Opening {
        prefix: Vec<u8>,
        need: usize,
        deadline: Instant,
    },
    /// Candidates are raced.
    Dialling {
        race: Dial,
        candidates: Vec<Authority>,
        head: Vec<u8>,
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
    /// A stream whose WebSocket was accepted at `now`.
    pub fn new(config: &'a Config, options: Options, now: Instant) -> Self {
        let frames = options.framed.then(Frames::new);
        let state = State::Opening { prefix: Vec::new(), need: 1, deadline: now + limits::FIRST_BYTES };
        Self { config, options, state, frames, upload: Queue::new(), last_activity: now, outputs: VecDeque::new() }
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, input: Input<C>, now: Instant) {
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
            Input::Exhausted => self.end(Code::Cpu, now),
            Input::Timer => self.timer(now),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output<C> {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match &mut self.state {
            State::Opening { deadline, .. }
            | State::Flushing { deadline }
            | State::Draining { deadline }
            | State::Closing { deadline } => Output::Wait(*deadline),
            State::Dialling { race, .. } => {
                let output = race.poll();
                self.raced(output)
            }
            State::Open => Output::Wait(self.last_activity + limits::IDLE),
            State::Done => Output::Done,
        }
    }

    /// Bytes that the client sent and the upstream has not taken.
    pub const fn queued(&self) -> usize {
        self.upload.bytes()
    }

    fn message(&mut self, chunk: C, now: Instant) {
        let len = chunk.len();
        if len == 0 || !matches!(self.state, State::Opening { .. } | State::Dialling { .. } | State::Open) {
            return;
        }
        self.last_activity = now;
        if len > limits::UPLOAD_QUEUE {
            return self.end(Code::TooBig, now);
        }
        if self.upload.bytes() + len > limits::UPLOAD_QUEUE {
            return self.end(Code::Queue, now);
        }
        if let State::Opening { prefix, .. } = &mut self.state {
            chunk.append_to(prefix, limits::CLIENT_HELLO.saturating_sub(prefix.len()));
        }
        self.upload.push(chunk);
        match self.state {
            State::Opening { .. } => self.judge(now),
            State::Open => self.write(),
            State::Dialling { .. }
            | State::Flushing { .. }
            | State::Draining { .. }
            | State::Closing { .. }
            | State::Done => {}
        }
    }

    fn judge(&mut self, now: Instant) {
        let State::Opening { prefix, need, .. } = &mut self.state else { return };
        if prefix.len() < *need {
            return;
        }
        match policy::judge(self.config, self.options.kind, prefix) {
            Verdict::More { need: more } => *need = more,
            Verdict::Refuse(code) => self.end(code, now),
            Verdict::Dial { candidates, edge } => {
                let race = Dial::new(candidates.len(), self.options.preferred, now);
                self.state = State::Dialling { race, candidates, head: self.head(edge), client_gone: false };
            }
        }
    }

    /// What the relay itself puts before the stream.
    fn head(&mut self, edge: bool) -> Vec<u8> {
        let mut head = Vec::new();
        if let (Kind::Chat, Some(version)) = (self.options.kind, self.config.proxy_header) {
            head.extend(proxy::encode(version, self.options.client));
        }
        if let (false, Some(info)) = (edge, self.options.routing_info.take()) {
            let [.., a, b, c] = u32::try_from(info.len()).unwrap_or(u32::MAX).to_be_bytes();
            head.extend([b'E', b'D', 0, 1, a, b, c]);
            head.extend(info);
        }
        head
    }

    fn race(&mut self, input: dial::Input, now: Instant) {
        if let State::Dialling { race, .. } = &mut self.state {
            race.handle(input, now);
            // No byte, but the time at which the race is won or lost.
            self.last_activity = now;
        } else if let dial::Input::Opened(loser) = input {
            self.outputs.push_back(Output::Abandon(loser));
        }
    }

    fn raced(&mut self, output: dial::Output) -> Output<C> {
        match output {
            dial::Output::Connect(candidate) => {
                let State::Dialling { candidates, .. } = &self.state else { return self.poll() };
                let Some(authority) = candidates.get(candidate.0) else { return self.poll() };
                Output::Connect(candidate, authority.clone())
            }
            dial::Output::Abandon(loser) => Output::Abandon(loser),
            dial::Output::Won(winner) => {
                self.open(winner);
                self.poll()
            }
            dial::Output::Lost(code) => {
                self.end(code, self.last_activity);
                self.poll()
            }
            dial::Output::Wait(wake) => Output::Wait(wake),
        }
    }

    fn open(&mut self, winner: Candidate) {
        let dialling = core::mem::replace(&mut self.state, State::Open);
        let State::Dialling { head, client_gone, .. } = dialling else { return };
        self.outputs.push_back(Output::Use(winner));
        if !head.is_empty() {
            self.upload.push_front(C::from_slice(&head));
        }
        self.write();
        self.outputs.push_back(Output::Read);
        if client_gone {
            self.client_closed(self.last_activity);
        }
    }

    fn write(&mut self) {
        if let Some(batch) = self.upload.next_batch() {
            self.outputs.push_back(Output::Write(batch));
        }
    }

    fn written(&mut self, now: Instant) {
        self.upload.written();
        self.last_activity = now;
        match self.state {
            State::Open => self.write(),
            State::Flushing { .. } => self.flush(now),
            State::Opening { .. }
            | State::Dialling { .. }
            | State::Draining { .. }
            | State::Closing { .. }
            | State::Done => {}
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
        match (&self.state, &mut self.frames) {
            (State::Open, None) => self.outputs.extend([Output::Send(Vec::from([chunk])), Output::Read]),
            (State::Open, Some(frames)) => {
                frames.handle(chunk);
                while let Some(message) = frames.poll() {
                    self.outputs.push_back(Output::Send(message));
                }
                self.outputs.push_back(Output::Read);
            }
            (State::Flushing { .. } | State::Draining { .. }, _) => self.outputs.push_back(Output::Read),
            (State::Opening { .. } | State::Dialling { .. } | State::Closing { .. } | State::Done, _) => {}
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
            State::Dialling { ref mut client_gone, .. } => *client_gone = true,
            State::Opening { .. } => self.leave(),
            State::Closing { .. } => self.state = State::Done,
            State::Flushing { .. } | State::Draining { .. } | State::Done => {}
        }
    }

    fn timer(&mut self, now: Instant) {
        match &self.state {
            State::Opening { deadline, .. } if now >= *deadline => self.end(Code::Silent, now),
            State::Dialling { .. } => self.race(dial::Input::Timer, now),
            State::Open if now >= self.last_activity + limits::IDLE => self.end(Code::Idle, now),
            State::Flushing { deadline } | State::Draining { deadline } if now >= *deadline => self.leave(),
            State::Closing { deadline } if now >= *deadline => self.state = State::Done,
            State::Opening { .. }
            | State::Open
            | State::Flushing { .. }
            | State::Draining { .. }
            | State::Closing { .. }
            | State::Done => {}
        }
    }

    /// Ends the stream for the given reason; a client that has gone needs none.
    fn end(&mut self, code: Code, now: Instant) {
        match self.state {
            State::Dialling { client_gone: true, .. } | State::Flushing { .. } | State::Draining { .. } => self.leave(),
            State::Opening { .. } | State::Dialling { .. } | State::Open => {
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
