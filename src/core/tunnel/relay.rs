//! The relay's end of a tunnel: opens the upstream, carries the stream over whatever carrier the client attaches, and keeps
//! it while there is none.
//!
//! A state machine with the contract of the crate: **after every `handle`, call `poll` until it returns `Wait` or `Done`.**
//! Which session a `resume` means is `sessions`' to find; the adapter owns the sockets.

mod interface;

use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};

use super::{
    Carrier, Ending,
    attachment::Allowance,
    duplex::Duplex,
    message::{Control, Open, Opened, Reset, Resume, Resumed},
};
use crate::{
    chunk::{Chunk, Moved},
    codes::Code,
    config::Config,
    dial::{self, Candidate},
    limits,
    opening::{self, Opening},
    time::Instant,
};

pub use crate::opening::Origin;
pub use interface::{Input, Options, Output};

/// The carrier that brought `open`.
pub const FIRST: Carrier = Carrier(0);

/// A tunnel from its upgrade to its end.
#[derive(Debug)]
pub struct Relay<'a, C> {
    phase: Phase<'a>,
    pub(super) duplex: Duplex<C>,
    window: u32,
    /// The client accepts so much more.
    wish: Option<u32>,
    session: Option<String>,
    /// The newest attachment.
    attach: u64,
    detached_at: Option<Instant>,
    /// When something last happened.
    now: Instant,
    /// When the upstream opened, bytes last went anywhere, or a carrier came.
    last_activity: Instant,
    close_upstream: bool,
    outputs: VecDeque<Output<C>>,
}

#[derive(Debug)]
enum Phase<'a> {
    /// No upstream yet.
    Opening(Box<Opening<'a>>),
    /// Bytes go both ways, while there is a carrier.
    Open,
    /// All is delivered; the client closes.
    Over {
        deadline: Instant,
    },
    /// The stream failed; the client is to learn why.
    Failed {
        code: Code,
        deadline: Instant,
    },
    Done,
}

impl<'a, C: Chunk + Clone> Relay<'a, C> {
    /// A tunnel whose first carrier, [`FIRST`], was accepted at `now`.
    pub fn new(config: &'a Config, options: Options, now: Instant) -> Self {
        let mut relay = Self {
            phase: Phase::Opening(Box::new(Opening::new(config, options.origin, now))),
            duplex: Duplex::new(options.session.is_some(), u32::MAX),
            window: options.window,
            wish: None,
            session: options.session,
            attach: 0,
            detached_at: None,
            now,
            last_activity: now,
            close_upstream: false,
            outputs: VecDeque::new(),
        };
        relay.duplex.widen(options.open.window, options.window);
        let Open { budget, packets, .. } = options.open;
        // Where nothing is kept the client has no other carrier to go to.
        let packets = packets.filter(|_| relay.session.is_some());
        relay.duplex.begin(FIRST, Allowance { budget, packets });
        if !options.early.is_empty() {
            relay.data(FIRST, C::from_slice(&options.early), now);
        }
        relay
    }

    /// Since when it has had no carrier.
    pub const fn detached_at(&self) -> Option<Instant> {
        self.detached_at
    }

    /// The window that it was granted each way, in bytes.
    pub const fn window(&self) -> u32 {
        self.window
    }

    /// Payload that it holds, in bytes.
    pub fn held(&self) -> usize {
        self.duplex.inbound.held().saturating_add(usize::try_from(self.duplex.outbound.held()).unwrap_or(usize::MAX))
    }

    /// Payload that went through it so far.
    pub const fn moved(&self) -> Moved {
        Moved { up: self.duplex.inbound.delivered(), down: self.duplex.outbound.end() }
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, input: Input<'_, C>, now: Instant) {
        self.now = now;
        self.duplex.set_now(now);
        match input {
            Input::Resume(carrier, resume) => self.resume(carrier, &resume, now),
            Input::Data(carrier, chunk) => self.data(carrier, chunk, now),
            Input::Text(carrier, text) => self.text(carrier, text, now),
            Input::CarrierClosed(carrier, ending) => self.carrier_closed(carrier, ending, now),
            Input::Opened(candidate) => self.race(dial::Input::Opened(candidate), now),
            Input::Failed(candidate) => self.race(dial::Input::Failed(candidate), now),
            Input::Read(chunk) => {
                self.last_activity = now;
                self.duplex.read(chunk);
            }
            Input::ReadEnd => self.duplex.read_end(),
            Input::UpstreamFailed => self.fail(Code::UpstreamReset, now),
            Input::Written => {
                self.last_activity = now;
                self.duplex.written();
            }
            Input::Widened(window) => self.widened(window),
            Input::End(code) => self.fail(code, now),
            Input::Timer => self.timer(now),
        }
        if matches!(self.phase, Phase::Open) && self.duplex.is_over() {
            self.close_upstream = true;
            self.phase = Phase::Over { deadline: now + limits::CLOSE };
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output<C> {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if let Some(output) = self.duplex.next() {
            return output.into();
        }
        if core::mem::take(&mut self.close_upstream) {
            return Output::CloseUpstream;
        }
        if let Some(window) = self.wish.take().or_else(|| self.duplex.take_wish())
            && let Phase::Open = self.phase
        {
            return Output::Widen(window);
        }
        match &mut self.phase {
            Phase::Opening(opening) => {
                let output = opening.poll();
                self.opening(output)
            }
            Phase::Open => Output::Wait(match self.detached_at {
                Some(since) => since + limits::RESUME_FOR,
                None => self.last_activity + limits::IDLE,
            }),
            Phase::Over { deadline } | Phase::Failed { deadline, .. } => Output::Wait(*deadline),
            Phase::Done => Output::Done,
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
                self.fail(code, self.now);
                self.poll()
            }
            opening::Output::Wait(wake) => Output::Wait(wake),
        }
    }

    fn open(&mut self, winner: Candidate, head: &[u8]) {
        self.phase = Phase::Open;
        self.last_activity = self.now;
        self.outputs.push_back(Output::Use(winner));
        if !head.is_empty() {
            self.duplex.inbound.prepend(C::from_slice(head));
        }
        self.duplex.inbound.widen(self.window);
        let opened = Opened { window: self.window, session: self.session.clone(), features: Vec::new() };
        self.duplex.say(Control::Opened(opened));
        self.duplex.open();
    }

    /// It was granted this window, which may be no larger than the one before.
    fn widened(&mut self, window: u32) {
        if let Phase::Open = self.phase
            && window > self.window
        {
            self.window = window;
            self.duplex.inbound.grow(window);
            self.duplex.outbound.widen(window.min(self.duplex.inbound.peers_window()));
            // Who sends nothing is owed no other.
            self.duplex.say_ack();
            self.duplex.pump();
        }
    }

    fn race(&mut self, input: dial::Input, now: Instant) {
        if let Phase::Opening(opening) = &mut self.phase {
            opening.race(input, now);
        } else if let dial::Input::Opened(loser) = input {
            self.outputs.push_back(Output::Abandon(loser));
        }
    }

    fn data(&mut self, from: Carrier, chunk: C, now: Instant) {
        if let Phase::Opening(opening) = &mut self.phase {
            opening.bytes(&chunk, now);
        }
        match self.phase {
            Phase::Opening(_) | Phase::Open => match self.duplex.data(from, chunk) {
                Ok(0) => {}
                Ok(_) => self.last_activity = now,
                Err(code) => self.fail(code, now),
            },
            Phase::Over { .. } | Phase::Failed { .. } | Phase::Done => chunk.discard(),
        }
    }

    fn text(&mut self, from: Carrier, text: &str, now: Instant) {
        let goes_on = matches!(self.phase, Phase::Opening(_) | Phase::Open | Phase::Over { .. });
        if !goes_on || self.duplex.carrier() != Some(from) {
            return;
        }
        let result = match Control::decode(text) {
            Ok(None) => Ok(()),
            Ok(Some(Control::Ack(ack))) => {
                self.wish = ack.window.filter(|window| *window > self.window).or(self.wish);
                self.duplex.ack(from, ack, self.window)
            }
            Ok(Some(Control::Fin(fin))) => self.duplex.fin(from, fin),
            Ok(Some(Control::Budget(budget))) => {
                self.duplex.budget(from, budget.n);
                Ok(())
            }
            Ok(Some(Control::Reset(_))) => {
                self.duplex.close(from, Code::End);
                self.leave();
                Ok(())
            }
            Ok(Some(Control::Open(_) | Control::Resume(_) | Control::Opened(_) | Control::Resumed(_))) => {
                Err(Code::Protocol)
            }
            Err(code) => Err(code),
        };
        if let Err(code) = result {
            self.fail(code, now);
        }
    }

    fn resume(&mut self, carrier: Carrier, resume: &Resume, now: Instant) {
        let newer = resume.attach > self.attach;
        let has = self.has(resume);
        match self.phase {
            Phase::Failed { code, .. } if newer => {
                self.attach = resume.attach;
                self.duplex.take_over(carrier);
                self.refuse(carrier, code);
                self.phase = Phase::Failed { code, deadline: now + limits::CLOSE };
            }
            Phase::Open | Phase::Over { .. } if newer && self.duplex.outbound.can_resume(has) => {
                self.attach = resume.attach;
                self.attached(carrier, resume, now);
            }
            // Whatever is wrong with it, the stream it named goes on undisturbed.
            Phase::Opening(_) | Phase::Open | Phase::Over { .. } | Phase::Failed { .. } | Phase::Done => {
                self.refuse(carrier, Code::Gone);
            }
        }
    }

    /// How much of our stream the client has. While its upgrade was on the way, it may have acknowledged more on an older
    /// carrier.
    fn has(&self, resume: &Resume) -> u64 {
        resume.received.max(self.duplex.outbound.acked())
    }

    fn attached(&mut self, carrier: Carrier, resume: &Resume, now: Instant) {
        let (has, received) = (self.has(resume), self.duplex.inbound.received());
        let allowance = Allowance { budget: resume.budget, packets: resume.packets };
        let Ok(replaced) = self.duplex.attach(carrier, has, received, allowance) else { return };
        self.duplex.drop_older();
        if let Some(replaced) = replaced {
            self.duplex.close(replaced, Code::Superseded);
        }
        self.detached_at = None;
        self.last_activity = now;
        self.duplex.widen(resume.window, self.window);
        self.duplex.inbound.widen(self.window);
        // It may have been said before, and not heard.
        self.wish = Some(resume.window).filter(|window| *window > self.window);
        let from = (has > resume.received).then_some(has);
        self.duplex.say(Control::Resumed(Resumed { received, window: self.window, from }));
        self.duplex.say_ack();
        self.duplex.pump();
    }

    fn refuse(&mut self, carrier: Carrier, code: Code) {
        self.outputs.push_back(Output::Control(carrier, Control::Reset(Reset { code })));
        self.outputs.push_back(Output::Close(carrier, code));
    }

    fn carrier_closed(&mut self, carrier: Carrier, ending: Ending, now: Instant) {
        if !self.duplex.detach(carrier) {
            return;
        }
        self.detached_at = Some(now);
        match &mut self.phase {
            Phase::Open if self.session.is_some() => {}
            Phase::Over { deadline } | Phase::Failed { deadline, .. }
                if self.session.is_some() && ending == Ending::Cut =>
            {
                *deadline = now + limits::RESUME_FOR;
            }
            Phase::Opening(_) | Phase::Open | Phase::Over { .. } | Phase::Failed { .. } => self.leave(),
            Phase::Done => {}
        }
    }

    fn timer(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Opening(opening) => opening.timer(now),
            Phase::Open => match self.detached_at {
                Some(since) if now >= since + limits::RESUME_FOR => self.leave(),
                None if now >= self.last_activity + limits::IDLE => self.fail(Code::Idle, now),
                Some(_) | None => {}
            },
            Phase::Over { deadline } | Phase::Failed { deadline, .. } if now >= *deadline => {
                let Some(carrier) = self.duplex.carrier() else { return self.leave() };
                self.duplex.close(carrier, Code::End);
                // A client that does not close may not have heard; it may still come back and ask.
                *deadline = now + limits::RESUME_FOR;
                self.carrier_closed(carrier, Ending::Cut, now);
            }
            Phase::Over { .. } | Phase::Failed { .. } | Phase::Done => {}
        }
    }

    /// The stream failed: the client is told now, or when it comes back.
    fn fail(&mut self, code: Code, now: Instant) {
        match self.phase {
            // The client does not know the session yet.
            Phase::Opening(_) => self.session = None,
            Phase::Open => {}
            // It makes room.
            Phase::Over { .. } | Phase::Failed { .. } if code == Code::Gone => return self.leave(),
            Phase::Over { .. } | Phase::Failed { .. } | Phase::Done => return,
        }
        self.close_upstream = true;
        self.duplex.clear();
        match (self.duplex.carrier(), self.detached_at) {
            (Some(carrier), _) => {
                self.duplex.say(Control::Reset(Reset { code }));
                self.duplex.close(carrier, code);
                self.phase = Phase::Failed { code, deadline: now + limits::CLOSE };
            }
            (None, Some(since)) if self.session.is_some() && code != Code::Gone => {
                self.phase = Phase::Failed { code, deadline: since + limits::RESUME_FOR };
            }
            (None, _) => self.phase = Phase::Done,
        }
    }

    /// Nobody is to be told anything.
    fn leave(&mut self) {
        self.close_upstream = true;
        self.duplex.clear();
        self.phase = Phase::Done;
    }
}
