//! The client's end of a tunnel: begins carriers, tells when one is dead, and moves the stream from one to the next.
//!
//! A state machine with the contract of the crate: **after every `handle`, call `poll` until it returns `Wait` or `Done`.**
//! The TCP connection on this side is there from the start. How a carrier reaches the relay is the adapter's.

mod interface;
mod attempts;
mod liveness;

use alloc::{collections::VecDeque, string::String, vec::Vec};

use super::{
    Carrier,
    duplex::Duplex,
    message::{Control, Open, Opened, Reset, Resume, Resumed},
    relay::Ending,
    upgrade,
};
use crate::{chunk::Chunk, codes::Code, limits, time::Instant};
use attempts::Attempts;
use liveness::{Liveness, Verdict};

pub use interface::{Input, Options, Output, Timing};

/// A tunnel from its first carrier to its end.
#[derive(Debug)]
pub struct Client<C> {
    options: Options,
    phase: Phase,
    duplex: Duplex<C>,
    attempt: Option<Attempt>,
    attempts: Attempts,
    liveness: Liveness,
    next_carrier: u32,
    attach: u64,
    rotate: bool,
    outputs: VecDeque<Output<C>>,
}

#[derive(Debug)]
enum Phase {
    /// The relay has not said that the upstream answered.
    Opening,
    /// Bytes go both ways, while there is a carrier.
    Open {
        session: Option<String>,
    },
    /// TCP broke; the relay is to learn it, if there is a stream to speak of.
    Failed {
        code: Code,
        session: String,
    },
    Done,
}

/// The carrier that is being begun.
#[derive(Debug)]
struct Attempt {
    carrier: Carrier,
    stage: Stage,
    deadline: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Dialling,
    Dialled,
    /// The upgrade is sent; of the relay's stream we had this much.
    Asked(u64),
}

impl<C: Chunk + Clone> Client<C> {
    /// A tunnel for a TCP connection that was accepted at `now`.
    pub fn new(options: Options, now: Instant) -> Self {
        let mut attempts = Attempts::new(options.seed, now);
        let liveness = Liveness::new(&options.timing, attempts.jitter(), now);
        let mut client = Self {
            options,
            phase: Phase::Opening,
            duplex: Duplex::new(true),
            attempt: None,
            attempts,
            liveness,
            next_carrier: 0,
            attach: 0,
            rotate: false,
            outputs: VecDeque::new(),
        };
        client.duplex.inbound.widen(client.options.window);
        client.duplex.open();
        client.dial(now);
        client
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, input: Input<'_, C>, now: Instant) {
        match input {
            Input::Dialled(carrier) => self.dialled(carrier),
            Input::Upgraded(carrier) => self.upgraded(carrier, now),
            Input::Data(carrier, chunk) => self.data(carrier, chunk, now),
            Input::Text(carrier, text) => self.text(carrier, text, now),
            Input::Pong(carrier) if self.duplex.carrier() == Some(carrier) => self.liveness.pong(),
            Input::Pong(_) => {}
            Input::CarrierClosed(carrier, ending) => self.carrier_closed(carrier, ending, now),
            Input::Read(chunk) => self.duplex.read(chunk),
            Input::ReadEnd => self.duplex.read_end(),
            Input::TcpFailed => self.tcp_failed(Code::UpstreamReset),
            Input::Written => self.duplex.written(),
            Input::Rotate => {
                self.rotate = true;
                self.prepare_next(now);
            }
            Input::End(code) => self.abort(code),
            Input::Timer => self.timer(now),
        }
        if self.duplex.outbound.in_flight() > 0 {
            self.liveness.sent(now);
        }
        if matches!(self.phase, Phase::Open { .. }) && self.duplex.is_over() {
            self.leave();
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output<C> {
        if let Some(output) = self.duplex.next() {
            return output.into();
        }
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match self.phase {
            Phase::Opening | Phase::Open { .. } | Phase::Failed { .. } => Output::Wait(self.wake()),
            Phase::Done => Output::Done,
        }
    }

    /// Payload that it holds, in bytes.
    pub fn held(&self) -> usize {
        self.duplex.inbound.held().saturating_add(usize::try_from(self.duplex.outbound.held()).unwrap_or(usize::MAX))
    }

    fn wake(&self) -> Instant {
        let timing = &self.options.timing;
        let alive = self.duplex.carrier().map(|_| self.liveness.wake(timing));
        let attempt = self.attempt.as_ref().map(|attempt| attempt.deadline);
        let times = [alive, attempt, self.attempts.wake(timing)];
        times.into_iter().flatten().min().unwrap_or(Instant::from_millis(u64::MAX))
    }

    /// Begins a carrier.
    fn dial(&mut self, now: Instant) {
        let carrier = Carrier(self.next_carrier);
        self.next_carrier += 1;
        self.attempt = Some(Attempt { carrier, stage: Stage::Dialling, deadline: now + self.options.timing.attempt });
        self.outputs.push_back(Output::Dial(carrier));
    }

    fn dialled(&mut self, carrier: Carrier) {
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.carrier == carrier) {
            attempt.stage = Stage::Dialled;
            self.upgrade_if_due();
        }
    }

    /// Sends the upgrade of a carrier that is dialled, once it is needed.
    fn upgrade_if_due(&mut self) {
        let wanted = self.duplex.carrier().is_none() || self.rotate || self.left() <= self.budget() / 4;
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.stage == Stage::Dialled && wanted) else {
            return;
        };
        let received = self.duplex.inbound.received();
        attempt.stage = Stage::Asked(received);
        let carrier = attempt.carrier;
        let (window, budget) = (self.options.window, self.options.budget);
        let header = match &self.phase {
            Phase::Opening => {
                let open = Open { route: self.options.route, window, budget };
                let early = self.early_data();
                upgrade::encode(&Control::Open(open), &early)
            }
            Phase::Open { session: Some(session) } | Phase::Failed { session, .. } => {
                self.attach += 1;
                let session = session.clone();
                let resume = Resume { session, attach: self.attach, received, window, budget };
                upgrade::encode(&Control::Resume(resume), &[])
            }
            Phase::Open { session: None } | Phase::Done => return,
        };
        self.outputs.push_back(Output::Upgrade(carrier, header));
    }

    /// What TCP has said so far, as far as it fits an upgrade.
    fn early_data(&mut self) -> Vec<u8> {
        let mut early = Vec::new();
        let left = |early: &[u8]| (limits::EARLY_DATA - early.len()) as u64;
        while let Some(chunk) = self.duplex.outbound.next_message(left(&early)) {
            chunk.append_to(&mut early, limits::EARLY_DATA);
        }
        early
    }

    fn upgraded(&mut self, carrier: Carrier, now: Instant) {
        let asked = self.attempt.as_ref().is_some_and(|attempt| attempt.carrier == carrier);
        if asked && matches!(self.phase, Phase::Opening) {
            self.duplex.begin(carrier, None);
            self.fresh_liveness(now);
        }
    }

    fn data(&mut self, from: Carrier, chunk: C, now: Instant) {
        if self.duplex.carrier() == Some(from) {
            self.liveness.heard(now);
        }
        if !matches!(self.phase, Phase::Open { .. }) {
            return;
        }
        if let Err(code) = self.duplex.data(from, chunk) {
            return self.tcp_failed_with(code);
        }
        self.prepare_next(now);
    }

    /// Begins the next carrier before this one is used up.
    fn prepare_next(&mut self, now: Instant) {
        let resumable = matches!(self.phase, Phase::Open { session: Some(_) });
        if !resumable || self.duplex.carrier().is_none() {
            return;
        }
        if self.attempt.is_none() && (self.rotate || self.left() <= self.budget() / 2) {
            self.dial(now);
        }
        self.upgrade_if_due();
    }

    fn budget(&self) -> u64 {
        self.options.budget.unwrap_or(0)
    }

    /// Bytes that the carrier in use may still bring.
    fn left(&self) -> u64 {
        self.options.budget.map_or(u64::MAX, |budget| budget.saturating_sub(self.duplex.brought()))
    }

    fn text(&mut self, from: Carrier, text: &str, now: Instant) {
        let current = self.duplex.carrier() == Some(from);
        let asked = self.attempt.as_ref().filter(|attempt| attempt.carrier == from).map(|attempt| attempt.stage);
        if !current && asked.is_none() {
            return;
        }
        if current {
            self.liveness.heard(now);
        }
        let result = match Control::decode(text) {
            Ok(None) => Ok(()),
            Ok(Some(Control::Opened(opened))) => self.opened(opened),
            Ok(Some(Control::Resumed(resumed))) => self.resumed(from, asked, &resumed, now),
            Ok(Some(Control::Ack(ack))) => self.duplex.ack(from, ack),
            Ok(Some(Control::Fin(fin))) => self.duplex.fin(from, fin),
            Ok(Some(Control::Reset(reset))) => {
                self.duplex.close(from, Code::End);
                self.abort(reset.code);
                Ok(())
            }
            Ok(Some(Control::Open(_) | Control::Resume(_) | Control::Budget(_))) => Err(Code::Protocol),
            Err(code) => Err(code),
        };
        if let Err(code) = result {
            self.tcp_failed_with(code);
        }
    }

    fn opened(&mut self, opened: Opened) -> Result<(), Code> {
        let Phase::Opening = self.phase else { return Err(Code::Protocol) };
        if opened.session.is_none() {
            self.duplex.outbound.keep_nothing();
        }
        self.phase = Phase::Open { session: opened.session };
        self.attempt = None;
        self.attempts.succeeded();
        self.outputs.push_back(Output::Connected);
        self.duplex.outbound.widen(opened.window);
        self.duplex.pump();
        Ok(())
    }

    fn resumed(&mut self, carrier: Carrier, stage: Option<Stage>, resumed: &Resumed, now: Instant) -> Result<(), Code> {
        let Some(Stage::Asked(position)) = stage else { return Err(Code::Protocol) };
        self.attempt = None;
        self.attempts.succeeded();
        self.rotate = false;
        self.fresh_liveness(now);
        if let Phase::Failed { code, .. } = self.phase {
            self.duplex.take_over(carrier);
            self.say_reset(carrier, code);
            return Ok(());
        }
        self.duplex.attach(carrier, resumed.received, position, None)?;
        self.duplex.outbound.widen(resumed.window);
        self.duplex.say_ack();
        self.duplex.pump();
        Ok(())
    }

    fn fresh_liveness(&mut self, now: Instant) {
        let jitter = self.attempts.jitter();
        self.liveness = Liveness::new(&self.options.timing, jitter, now);
    }

    fn carrier_closed(&mut self, carrier: Carrier, ending: Ending, now: Instant) {
        if self.attempt.take_if(|attempt| attempt.carrier == carrier).is_some() {
            self.attempts.failed();
        }
        let was_current = self.duplex.detach(carrier);
        match (&self.phase, ending) {
            (Phase::Failed { .. }, Ending::Clean) if was_current => return self.leave(),
            (Phase::Open { session: None }, _) if was_current => return self.abort(Code::UpstreamReset),
            // The relay knows nothing of this stream yet that it would keep: begin again.
            (Phase::Opening, _) => drop(self.duplex.outbound.resume(0)),
            (Phase::Open { .. } | Phase::Failed { .. } | Phase::Done, _) => {}
        }
        self.try_again(now);
    }

    /// Without a carrier and without an attempt the next attempt is a matter of time.
    fn try_again(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Done) {
            return;
        }
        if self.duplex.carrier().is_some() {
            return self.prepare_next(now);
        }
        match &self.attempt {
            None => self.attempts.lost(&self.options.timing, now),
            Some(_) => self.upgrade_if_due(),
        }
    }

    fn timer(&mut self, now: Instant) {
        if self.attempts.is_hopeless(&self.options.timing, now) {
            return self.abort(Code::Gone);
        }
        if let Some(attempt) = self.attempt.take_if(|attempt| now >= attempt.deadline) {
            self.duplex.close(attempt.carrier, Code::End);
            self.carrier_closed(attempt.carrier, Ending::Cut, now);
            self.attempts.failed();
        }
        if let Some(carrier) = self.duplex.carrier() {
            let jitter = self.attempts.jitter();
            match self.liveness.check(&self.options.timing, jitter, now) {
                Verdict::Fine => {}
                Verdict::Ping => self.outputs.push_back(Output::Ping(carrier)),
                Verdict::Dead => {
                    self.duplex.close(carrier, Code::End);
                    self.carrier_closed(carrier, Ending::Cut, now);
                }
            }
        }
        if self.attempts.is_due(now) && self.attempt.is_none() && self.duplex.carrier().is_none() {
            self.dial(now);
        }
    }

    /// The TCP connection is no more: the relay is told, now or when there is a carrier.
    fn tcp_failed(&mut self, code: Code) {
        match &mut self.phase {
            Phase::Open { session: Some(session) } => {
                let session = core::mem::take(session);
                self.phase = Phase::Failed { code, session };
                self.duplex.clear();
                if let Some(carrier) = self.duplex.carrier() {
                    self.say_reset(carrier, code);
                }
            }
            Phase::Opening | Phase::Open { session: None } => {
                self.duplex.clear();
                if let Some(carrier) = self.duplex.carrier() {
                    self.say_reset(carrier, code);
                }
                self.leave();
            }
            Phase::Failed { .. } | Phase::Done => {}
        }
    }

    /// The relay broke the protocol: both sides are told.
    fn tcp_failed_with(&mut self, code: Code) {
        self.outputs.push_back(Output::Abort(code));
        self.tcp_failed(code);
    }

    fn say_reset(&mut self, carrier: Carrier, code: Code) {
        self.duplex.say(Control::Reset(Reset { code }));
        self.duplex.close(carrier, code);
    }

    /// The stream failed on the other side.
    fn abort(&mut self, code: Code) {
        // What was delivered to its end did not fail, whatever became of the carrier.
        let failed = matches!(self.phase, Phase::Opening | Phase::Open { .. }) && !self.duplex.is_over();
        if failed {
            self.outputs.push_back(Output::Abort(code));
        }
        self.leave();
    }

    /// Nothing is left to be said.
    fn leave(&mut self) {
        let open = [self.duplex.carrier(), self.attempt.take().map(|attempt| attempt.carrier)];
        for carrier in open.into_iter().flatten() {
            self.outputs.push_back(Output::Close(carrier, Code::End));
        }
        self.phase = Phase::Done;
    }
}
