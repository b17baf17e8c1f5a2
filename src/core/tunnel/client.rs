//! The client's end of a tunnel: begins carriers, tells when one is dead, and moves the stream from one to the next.
//!
//! A state machine with the contract of the crate: **after every `handle`, call `poll` until it returns `Wait` or `Done`.**
//! The TCP connection on this side is there from the start. How a carrier reaches the relay is the adapter's.
//! When carriers are begun is in `carriers`, how it ends in `ending`.

mod interface;
mod backoff;
mod liveness;
mod carriers;
mod ending;

use alloc::{collections::VecDeque, string::String};
use core::time::Duration;

use super::{
    Carrier, Ending,
    attachment::Allowance,
    duplex::Duplex,
    message::{Budget, Control, Opened, Resumed},
};
use crate::{chunk::Chunk, codes::Code, limits, time::Instant};
use backoff::Backoff;
use carriers::{Attempt, Stage};
use liveness::{Ahead, Liveness, Verdict};

pub use interface::{Input, Options, Output, Timing};

/// Where only connections are frozen the next is in use within this time.
const FROM_A_FREEZE: Duration = Duration::from_secs(10);

/// Two carriers that fall silent within this time may have been frozen for the same reason.
const TOGETHER: Duration = Duration::from_secs(180);

/// A tunnel from its first carrier to its end.
#[derive(Debug)]
pub struct Client<C> {
    options: Options,
    phase: Phase,
    pub(super) duplex: Duplex<C>,
    /// The carrier that is to be the next in use.
    attempt: Option<Attempt>,
    /// The one behind it, dialled beforehand where carriers are soon used up.
    spare: Option<Attempt>,
    backoff: Backoff,
    liveness: Liveness,
    /// Messages to be answered that the carrier in use was given, as far as `liveness` knows.
    questions: u64,
    next_carrier: u32,
    attach: u64,
    /// Carriers in a row that fell silent when they were young, and when the last did.
    silenced: u32,
    silent_at: Instant,
    /// Until when packets are counted, if they are.
    counts_until: Instant,
    /// The stream is to move to a carrier with this number, or a later one.
    rotate: Option<u32>,
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
    /// TCP broke while the relay had not answered the upgrade, of which it may have made a stream.
    Unanswered {
        code: Code,
    },
    Done,
}

impl<C: Chunk + Clone> Client<C> {
    /// A tunnel for a TCP connection that was accepted at `now`.
    pub fn new(options: Options, now: Instant) -> Self {
        let mut backoff = Backoff::new(options.seed, now);
        let liveness = Liveness::new(&options.timing, Duration::ZERO, backoff.jitter(), now);
        let mut client = Self {
            options,
            phase: Phase::Opening,
            duplex: Duplex::new(true, limits::CLIENT_ACK_BYTES),
            attempt: None,
            spare: None,
            backoff,
            liveness,
            questions: 0,
            next_carrier: 0,
            attach: 0,
            silenced: 0,
            silent_at: now,
            counts_until: now + limits::FROZEN_FOR,
            rotate: None,
            outputs: VecDeque::new(),
        };
        client.duplex.inbound.widen(client.options.window);
        client.duplex.open();
        client.attempt = Some(client.dial(now));
        client
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, input: Input<'_, C>, now: Instant) {
        self.duplex.set_now(now);
        if let Phase::Done = self.phase {
            return;
        }
        match input {
            Input::Dialled(carrier) => self.dialled(carrier, now),
            Input::Upgraded(carrier) => self.upgraded(carrier, now),
            Input::Data(carrier, chunk) => self.data(carrier, chunk, now),
            Input::Text(carrier, text) => self.text(carrier, text, now),
            Input::Pong(carrier) if self.duplex.carrier() == Some(carrier) => {
                self.liveness.pong();
                self.backoff.proven();
            }
            Input::Pong(_) => {}
            Input::Moved(carrier) => {
                if self.duplex.carrier() == Some(carrier) {
                    self.liveness.heard(now);
                }
            }
            Input::CarrierClosed(carrier, ending) => self.carrier_closed(carrier, ending, now),
            Input::Read(chunk) => self.duplex.read(chunk),
            Input::ReadEnd => self.duplex.read_end(),
            Input::TcpFailed => self.tcp_failed(Code::UpstreamReset),
            Input::Written => self.duplex.written(),
            Input::ShortHeads => self.options.early = false,
            Input::Rotate => self.rotate(now),
            Input::End(code) => self.abort(code),
            Input::Timer => self.timer(now),
        }
        if let Some(window) = self.duplex.take_wish() {
            self.duplex.inbound.grow(window);
        }
        if self.options.packets.is_some() && now >= self.counts_until {
            // Should that come to nothing, the next time is as far.
            self.counts_until = now + limits::FROZEN_FOR;
            self.rotate(now);
        }
        if self.options.packets.is_some() {
            // What was sent uses the carrier up, too.
            self.prepare_next(now);
        }
        if self.duplex.questions() > self.questions {
            self.questions = self.duplex.questions();
            self.liveness.sent(now);
        }
        // A relay that was asked to go on elsewhere may have missed our last word, which is then said again there.
        if matches!(self.phase, Phase::Open { .. }) && self.duplex.is_over() && !self.is_asking() {
            self.leave(Code::End);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output<C> {
        // What begins a carrier, before what may end it.
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if let Some(output) = self.duplex.next() {
            return output.into();
        }
        match self.phase {
            Phase::Opening | Phase::Open { .. } | Phase::Failed { .. } | Phase::Unanswered { .. } => {
                Output::Wait(self.wake())
            }
            Phase::Done => Output::Done,
        }
    }

    /// Payload that it holds, in bytes.
    pub fn held(&self) -> usize {
        self.duplex.inbound.held().saturating_add(usize::try_from(self.duplex.outbound.held()).unwrap_or(usize::MAX))
    }

    fn wake(&self) -> Instant {
        let timing = &self.timing();
        let alive = self.duplex.carrier().map(|_| self.liveness.wake(timing));
        let [attempt, spare] = [&self.attempt, &self.spare].map(|attempt| attempt.as_ref().and_then(|it| it.deadline));
        let times = [alive, attempt, spare, self.backoff.wake(timing)];
        times.into_iter().flatten().min().unwrap_or(Instant::from_millis(u64::MAX))
    }

    fn data(&mut self, from: Carrier, chunk: C, now: Instant) {
        if self.duplex.carrier() == Some(from) {
            self.liveness.heard(now);
            self.backoff.proven();
        }
        if !matches!(self.phase, Phase::Open { .. }) {
            return;
        }
        if let Err(code) = self.duplex.data(from, chunk) {
            return self.broke_protocol(code);
        }
        self.prepare_next(now);
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
        let opened = !matches!(self.phase, Phase::Opening);
        let result = match Control::decode(text) {
            Ok(None) => Ok(()),
            Ok(Some(Control::Opened(opened))) => self.opened(opened),
            Ok(Some(Control::Resumed(resumed))) => self.resumed(from, asked, &resumed, now),
            Ok(Some(Control::Ack(ack))) if opened => self.duplex.ack(from, ack, limits::WINDOW_MAX),
            Ok(Some(Control::Fin(fin))) if opened => self.duplex.fin(from, fin),
            Ok(Some(Control::Reset(reset))) => {
                self.refused(from, reset.code, now);
                Ok(())
            }
            Ok(Some(
                Control::Open(_) | Control::Resume(_) | Control::Budget(_) | Control::Ack(_) | Control::Fin(_),
            )) => Err(Code::Protocol),
            Err(code) => Err(code),
        };
        if let Err(code) = result {
            self.broke_protocol(code);
        }
    }

    fn opened(&mut self, opened: Opened) -> Result<(), Code> {
        let Phase::Opening = self.phase else { return Err(Code::Protocol) };
        self.in_use();
        if opened.session.is_none() {
            // There is no other carrier to move to.
            if self.budget().is_some() {
                self.duplex.say(Control::Budget(Budget { n: u64::MAX }));
            }
            (self.options.budget, self.options.packets) = (None, None);
            self.duplex.lift_limits();
            self.duplex.outbound.keep_nothing();
            self.close_attempts(Code::End);
        }
        self.phase = Phase::Open { session: opened.session };
        self.outputs.push_back(Output::Connected);
        self.duplex.widen(opened.window, limits::WINDOW_MAX);
        self.duplex.pump();
        Ok(())
    }

    fn resumed(&mut self, carrier: Carrier, stage: Option<Stage>, resumed: &Resumed, now: Instant) -> Result<(), Code> {
        let Some(Stage::Asked { received, at }) = stage else { return Err(Code::Protocol) };
        let position = resumed.from.unwrap_or(received);
        if position < received || position > self.duplex.inbound.received() {
            return Err(Code::Protocol);
        }
        if now.since(self.silent_at) > FROM_A_FREEZE || self.duplex.carrier().is_some() {
            // The network itself was gone for a while, or nothing was lost.
            self.silenced = 0;
        }
        self.in_use();
        if self.rotate.take_if(|least| carrier.0 >= *least).is_some() {
            (self.options.packets, self.silenced) = (None, 0);
        }
        self.fresh_liveness(at, now);
        if let Phase::Failed { code, .. } = self.phase {
            self.duplex.take_over(carrier);
            self.say_reset(carrier, code);
            return Ok(());
        }
        // The relay has closed it, but perhaps nothing comes from there any more.
        if let Some(older) = self.duplex.older() {
            self.duplex.close(older, Code::Superseded);
        }
        self.duplex.attach(carrier, resumed.received, position, self.allowance())?;
        self.duplex.widen(resumed.window, limits::WINDOW_MAX);
        self.duplex.say_ack();
        self.duplex.pump();
        self.prepare_next(now);
        Ok(())
    }

    /// Of a carrier whose upgrade was answered now.
    fn fresh_liveness(&mut self, asked_at: Instant, now: Instant) {
        let jitter = self.backoff.jitter();
        self.liveness = Liveness::new(&self.timing(), now.since(asked_at), jitter, now);
        self.questions = 0;
    }

    fn timer(&mut self, now: Instant) {
        if self.backoff.is_hopeless(&self.options.timing, now) {
            return self.abort(Code::Gone);
        }
        self.give_up_attempts(now);
        self.check_carrier(now);
        if self.backoff.is_due(now) {
            self.try_again(now);
        }
    }

    fn check_carrier(&mut self, now: Instant) {
        let Some(carrier) = self.duplex.carrier() else { return };
        let jitter = self.backoff.jitter();
        // It is closed already, and its end is awaited.
        let closing = matches!(self.phase, Phase::Failed { .. });
        let ahead = Ahead { bytes: self.duplex.outbound.in_flight(), rate: self.duplex.rate() };
        match self.liveness.check(&self.timing(), ahead, jitter, now) {
            Verdict::Ping if !closing => {
                self.duplex.pinged();
                self.outputs.push_back(Output::Ping(carrier));
            }
            Verdict::Fine | Verdict::Ping => {}
            Verdict::Dead => {
                self.judge_silence(self.duplex.seen(), now);
                if !closing {
                    self.duplex.close(carrier, Code::Superseded);
                }
                self.duplex.doubt();
                self.carrier_closed(carrier, Ending::Cut, now);
            }
        }
    }

    /// A carrier fell silent. Two in a row that did so when they were young were frozen by a network that counts packets.
    fn judge_silence(&mut self, seen: u64, now: Instant) {
        // A relay that says nothing at all is broken.
        let Phase::Open { .. } = self.phase else { return };
        if now.since(self.silent_at) > TOGETHER {
            self.silenced = 0;
        }
        self.silent_at = now;
        let young = seen <= limits::FREEZES_WITHIN;
        self.silenced = if young { self.silenced + 1 } else { 0 };
        if self.silenced >= 2 && self.options.packets.is_none() {
            self.options.packets = Some(limits::FROZEN_PACKETS);
            self.counts_until = now + limits::FROZEN_FOR;
            self.outputs.push_back(Output::Frozen);
        }
    }

    /// Where packets are counted, pings for their own sake are as seldom as a relay's patience allows.
    fn timing(&self) -> Timing {
        let mut timing = self.options.timing;
        if self.options.packets.is_some() {
            timing.ping = timing.ping.max(limits::IDLE / 2);
        }
        timing
    }

    /// What is left of a carrier when so many packets were seen on it is the peer's, too.
    const fn allowance(&self) -> Allowance {
        Allowance { budget: None, packets: self.options.packets }
    }
}
