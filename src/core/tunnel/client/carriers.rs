//! Which carriers the client begins, and when: one to be in use, the next before that is used up, another when one is lost.
//!
//! How a carrier reaches the relay is the adapter's.

use alloc::vec::Vec;

use super::{
    super::{
        Carrier, Ending,
        message::{Control, Open, Reset, Resume},
        upgrade,
    },
    Client, Output, Phase,
};
use crate::{chunk::Chunk, codes::Code, limits, time::Instant};

/// A carrier that is being begun.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) carrier: Carrier,
    pub(super) stage: Stage,
    /// When it is given up; one that only waits to be needed is not.
    pub(super) deadline: Option<Instant>,
    /// Its upgrade was accepted.
    pub(super) accepted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Dialling,
    Dialled,
    /// The upgrade was sent then; of the relay's stream we had this much.
    Asked {
        received: u64,
        at: Instant,
    },
}

impl<C: Chunk + Clone> Client<C> {
    /// Begins a carrier.
    pub(super) fn dial(&mut self, now: Instant) -> Attempt {
        let carrier = Carrier(self.next_carrier);
        self.next_carrier += 1;
        self.outputs.push_back(Output::Dial(carrier));
        Attempt { carrier, stage: Stage::Dialling, deadline: Some(now + self.options.timing.attempt), accepted: false }
    }

    pub(super) fn dialled(&mut self, carrier: Carrier, now: Instant) {
        for attempt in [&mut self.attempt, &mut self.spare].into_iter().flatten() {
            if attempt.carrier == carrier && attempt.stage == Stage::Dialling {
                (attempt.stage, attempt.deadline) = (Stage::Dialled, None);
            }
        }
        self.upgrade_if_due(now);
    }

    /// Sends the upgrade of the carrier that is dialled, once it is needed.
    fn upgrade_if_due(&mut self, now: Instant) {
        let wanted = self.duplex.carrier().is_none() || self.rotate.is_some() || self.is_used(4);
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.stage == Stage::Dialled && wanted) else {
            return;
        };
        let received = self.duplex.inbound.received();
        attempt.stage = Stage::Asked { received, at: now };
        attempt.deadline = Some(now + self.options.timing.attempt);
        let carrier = attempt.carrier;
        let (window, budget, packets) = (self.duplex.inbound.window(), self.budget(), self.packets());
        let header = match &self.phase {
            Phase::Opening => {
                let open = Open { route: self.options.route, window, budget, packets };
                let early = self.early_data();
                upgrade::encode(&Control::Open(open), &early)
            }
            Phase::Open { session: Some(session) } | Phase::Failed { session, .. } => {
                self.attach += 1;
                let session = session.clone();
                let resume = Resume { session, attach: self.attach, received, window, budget, packets };
                upgrade::encode(&Control::Resume(resume), &[])
            }
            Phase::Open { session: None } | Phase::Unanswered { .. } | Phase::Done => return,
        };
        self.outputs.push_back(Output::Upgrade(carrier, header));
        // Under load the budget is there in one round trip, less than it takes to dial: the next dial begins now.
        if budget.is_some() && self.spare.is_none() && !matches!(self.phase, Phase::Failed { .. }) {
            self.spare = Some(self.dial(now));
        }
    }

    /// Whether the relay was asked to go on over another carrier and has not answered.
    pub(super) fn is_asking(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| matches!(attempt.stage, Stage::Asked { .. }))
    }

    /// What TCP has said so far, as far as it fits an upgrade.
    fn early_data(&mut self) -> Vec<u8> {
        let mut early = Vec::new();
        if !self.options.early {
            return early;
        }
        let left = |early: &[u8]| (limits::EARLY_DATA - early.len()) as u64;
        while let Some(chunk) = self.duplex.outbound.next_message(left(&early)) {
            chunk.append_to(&mut early, limits::EARLY_DATA);
        }
        early
    }

    pub(super) fn upgraded(&mut self, carrier: Carrier, now: Instant) {
        let attempt = self.attempt.as_ref().filter(|attempt| attempt.carrier == carrier);
        let Some(Stage::Asked { at, .. }) = attempt.map(|attempt| attempt.stage) else { return };
        match self.phase {
            Phase::Opening => {
                self.duplex.begin(carrier, self.allowance());
                self.fresh_liveness(at, now);
                if self.duplex.outbound.in_flight() > 0 {
                    self.liveness.sent(now);
                }
            }
            Phase::Unanswered { code } => {
                self.duplex.begin(carrier, self.allowance());
                self.duplex.say(Control::Reset(Reset { code }));
                self.leave(code);
            }
            Phase::Open { .. } | Phase::Failed { .. } | Phase::Done => {
                self.attempt.iter_mut().for_each(|attempt| attempt.accepted = true);
            }
        }
    }

    /// The attempt became the carrier in use.
    pub(super) fn in_use(&mut self) {
        self.attempt = self.spare.take();
        self.backoff.succeeded();
    }

    /// There is a better way to the relay: carriers that are not asked for yet would go the old one.
    pub(super) fn rotate(&mut self, now: Instant) {
        self.rotate = Some(self.next_carrier);
        if !matches!(self.phase, Phase::Open { session: Some(_) }) {
            return;
        }
        let attempt = self.attempt.take_if(|attempt| !matches!(attempt.stage, Stage::Asked { .. }));
        for unasked in [attempt, self.spare.take()].into_iter().flatten() {
            self.duplex.close(unasked.carrier, Code::Superseded);
        }
        self.backoff.wait_no_more();
        self.try_again(now);
    }

    /// Begins the next carrier before this one is used up.
    pub(super) fn prepare_next(&mut self, now: Instant) {
        let resumable = matches!(self.phase, Phase::Open { session: Some(_) });
        if !resumable || self.duplex.carrier().is_none() {
            return;
        }
        let wanted = self.rotate.is_some() || self.is_used(2);
        if wanted && self.attempt.is_none() && !self.backoff.is_waiting() {
            self.attempt = Some(self.dial(now));
        }
        self.upgrade_if_due(now);
    }

    /// Stream bytes that a carrier bears. A relay that does not count packets yet keeps at least to what they can hold.
    pub(super) fn budget(&self) -> Option<u64> {
        let of_packets = self.packets().map(|packets| packets.saturating_mul(limits::PACKET as u64));
        [self.options.budget, of_packets].into_iter().flatten().min()
    }

    /// Packets that a new carrier bears. One that the stream is moved to may be on a network that counts none.
    const fn packets(&self) -> Option<u64> {
        if self.rotate.is_some() { None } else { self.options.packets }
    }

    /// Whether less than this part is left of the carrier in use.
    fn is_used(&self, part: u64) -> bool {
        let used = |most: Option<u64>, seen| most.is_some_and(|most| most.saturating_sub(seen) <= most / part);
        used(self.budget(), self.duplex.brought()) || used(self.options.packets, self.duplex.seen())
    }

    pub(super) fn carrier_closed(&mut self, carrier: Carrier, ending: Ending, now: Instant) {
        let was_spare = self.spare.take_if(|spare| spare.carrier == carrier).is_some();
        let was_attempt = self.attempt.take_if(|attempt| attempt.carrier == carrier).is_some();
        if was_attempt {
            self.attempt = self.spare.take();
        }
        let was_current = self.duplex.detach(carrier);
        if !was_spare && !was_attempt && !was_current {
            // One that was given up or replaced before.
            return;
        }
        if was_spare || was_attempt {
            self.backoff.failed();
        }
        match (&self.phase, ending) {
            (Phase::Failed { .. }, Ending::Clean) if was_current => return self.leave(Code::End),
            (Phase::Unanswered { .. }, _) if !was_spare => return self.leave(Code::End),
            (Phase::Open { session: None }, _) if was_current => return self.abort(Code::UpstreamReset),
            // The relay knows nothing of this stream yet that it would keep: begin again.
            (Phase::Opening, _) if !was_spare => drop(self.duplex.outbound.resume(0)),
            (
                Phase::Opening | Phase::Open { .. } | Phase::Failed { .. } | Phase::Unanswered { .. } | Phase::Done,
                _,
            ) => {}
        }
        if self.duplex.carrier().is_none() {
            self.backoff.lost(now);
        }
        if self.attempt.is_none() {
            self.backoff.wait(&self.options.timing, now);
        }
        self.upgrade_if_due(now);
    }

    /// It is time for another attempt, if one is needed.
    pub(super) fn try_again(&mut self, now: Instant) {
        if self.attempt.is_none() && self.duplex.carrier().is_none() {
            self.attempt = Some(self.dial(now));
        }
        self.prepare_next(now);
    }

    /// Gives up what takes too long.
    pub(super) fn give_up_attempts(&mut self, now: Instant) {
        for attempt in [&self.spare, &self.attempt].map(|attempt| attempt.as_ref().map(|it| (it.carrier, it.deadline)))
        {
            if let Some((carrier, Some(deadline))) = attempt
                && now >= deadline
            {
                if self.attempt.as_ref().is_some_and(|attempt| attempt.carrier == carrier && attempt.accepted) {
                    // Its first word was frozen together with what followed.
                    self.judge_silence(0, now);
                }
                self.duplex.close(carrier, Code::Superseded);
                self.carrier_closed(carrier, Ending::Cut, now);
            }
        }
    }

    /// The relay says that the stream failed.
    pub(super) fn refused(&mut self, from: Carrier, code: Code, now: Instant) {
        let another = self.duplex.carrier().is_some_and(|current| current != from);
        if another && code == Code::Gone {
            // Where it was to go it is not known, but where it is it may be well.
            self.rotate = None;
            self.duplex.close(from, Code::Superseded);
            return self.carrier_closed(from, Ending::Cut, now);
        }
        self.abort(code);
    }

    pub(super) fn close_attempts(&mut self, code: Code) {
        for attempt in [self.attempt.take(), self.spare.take()].into_iter().flatten() {
            self.duplex.close(attempt.carrier, code);
        }
    }
}
