//! The beginning of a stream towards the upstream: its first bytes are awaited and judged, then candidates are raced.
//!
//! A state machine with the contract of the crate. It keeps a copy of the first bytes only; the stream itself waits at the
//! caller's.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::IpAddr;

use crate::{
    chunk::Chunk,
    codes::Code,
    config::{Authority, Config},
    dial::{self, Candidate, Dial},
    limits,
    policy::{self, Verdict},
    proxy,
    route::Kind,
    time::Instant,
};

/// What is to be known about a stream beforehand.
#[derive(Debug, Clone)]
pub struct Origin {
    /// What it speaks.
    pub kind: Kind,
    /// Written as the `ED` preamble if the stream has none.
    pub routing_info: Option<Vec<u8>>,
    /// For the PROXY header, if the operator wants one.
    pub client: Option<IpAddr>,
    /// The candidate that won last time.
    pub preferred: Option<Candidate>,
}

/// What the adapter is to do.
#[derive(Debug)]
pub enum Output {
    /// Start connecting; answer by [`Opening::race`].
    Connect(Candidate, Authority),
    /// Close this connection; it lost the race.
    Abandon(Candidate),
    /// The stream's upstream from here on, and what the relay itself puts before the stream. It is over.
    Won(Candidate, Vec<u8>),
    /// None is to be had. It is over.
    Lost(Code),
    /// Nothing to do before this time.
    Wait(Instant),
}

/// A stream from its first byte until it has an upstream.
#[derive(Debug)]
pub struct Opening<'a> {
    config: &'a Config,
    origin: Origin,
    state: State,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// The first bytes do not tell yet where to go.
    Sniffing { prefix: Vec<u8>, need: usize, deadline: Instant },
    /// Candidates are raced.
    Dialling { race: Dial, candidates: Vec<Authority>, head: Vec<u8> },
}

impl<'a> Opening<'a> {
    /// A stream that begins at `now`.
    pub fn new(config: &'a Config, origin: Origin, now: Instant) -> Self {
        let state = State::Sniffing { prefix: Vec::new(), need: 1, deadline: now + limits::FIRST_BYTES };
        Self { config, origin, state, outputs: VecDeque::new() }
    }

    /// Whether candidates are raced already.
    pub(crate) const fn is_dialling(&self) -> bool {
        matches!(self.state, State::Dialling { .. })
    }

    /// Looks at the next bytes of the stream.
    pub fn bytes<C: Chunk>(&mut self, chunk: &C, now: Instant) {
        let State::Sniffing { prefix, need, .. } = &mut self.state else { return };
        chunk.append_to(prefix, limits::CLIENT_HELLO.saturating_sub(prefix.len()));
        if prefix.len() < *need {
            return;
        }
        match policy::judge(self.config, self.origin.kind, prefix) {
            Verdict::More { need: more } => *need = more,
            Verdict::Refuse(code) => self.outputs.push_back(Output::Lost(code)),
            Verdict::Dial { candidates, routed } => {
                let race = Dial::new(candidates.len(), self.origin.preferred, now);
                self.state = State::Dialling { race, candidates, head: self.head(routed) };
            }
        }
    }

    /// Takes what happened to a candidate.
    pub fn race(&mut self, input: dial::Input, now: Instant) {
        if let State::Dialling { race, .. } = &mut self.state {
            race.handle(input, now);
        }
    }

    /// The time given by [`Output::Wait`] has come.
    pub fn timer(&mut self, now: Instant) {
        match &mut self.state {
            State::Sniffing { deadline, .. } if now >= *deadline => self.outputs.push_back(Output::Lost(Code::Silent)),
            State::Sniffing { .. } => {}
            State::Dialling { race, .. } => race.handle(dial::Input::Timer, now),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let (race, candidates, head) = match &mut self.state {
            State::Sniffing { deadline, .. } => return Output::Wait(*deadline),
            State::Dialling { race, candidates, head } => (race, candidates, head),
        };
        match race.poll() {
            dial::Output::Connect(candidate) => match candidates.get(candidate.0) {
                Some(authority) => Output::Connect(candidate, authority.clone()),
                None => Output::Abandon(candidate),
            },
            dial::Output::Abandon(loser) => Output::Abandon(loser),
            dial::Output::Won(winner) => Output::Won(winner, core::mem::take(head)),
            dial::Output::Lost(code) => Output::Lost(code),
            dial::Output::Wait(wake) => Output::Wait(wake),
        }
    }

    /// What the relay itself puts before the stream.
    fn head(&mut self, routed: bool) -> Vec<u8> {
        let mut head = Vec::new();
        if let (Kind::Chat, Some(version)) = (self.origin.kind, self.config.proxy_header) {
            head.extend(proxy::encode(version, self.origin.client));
        }
        if let (false, Some(info)) = (routed, self.origin.routing_info.take()) {
            let [.., a, b, c] = u32::try_from(info.len()).unwrap_or(u32::MAX).to_be_bytes();
            head.extend([b'E', b'D', 0, 1, a, b, c]);
            head.extend(info);
        }
        head
    }
}
