//! How the client's end of a tunnel ends: well, by a failure on either side, or for want of a carrier.

use super::{
    super::{
        Carrier,
        message::{Control, Reset},
    },
    Client, Output, Phase,
};
use crate::{chunk::Chunk, codes::Code};

impl<C: Chunk + Clone> Client<C> {
    /// The TCP connection is no more: the relay is told, now or when there is a carrier.
    pub(super) fn tcp_failed(&mut self, code: Code) {
        self.duplex.clear();
        let unanswered = self.is_asking() && self.duplex.carrier().is_none();
        match &mut self.phase {
            Phase::Open { session: Some(session) } => {
                let session = core::mem::take(session);
                self.phase = Phase::Failed { code, session };
                if let Some(carrier) = self.duplex.carrier() {
                    self.say_reset(carrier, code);
                }
            }
            Phase::Opening if unanswered => self.phase = Phase::Unanswered { code },
            Phase::Opening | Phase::Open { session: None } => {
                self.duplex.say(Control::Reset(Reset { code }));
                self.leave(code);
            }
            Phase::Failed { .. } | Phase::Unanswered { .. } | Phase::Done => {}
        }
    }

    /// The relay broke the protocol: both sides are told.
    pub(super) fn broke_protocol(&mut self, code: Code) {
        if let Phase::Opening | Phase::Open { .. } = self.phase {
            self.outputs.push_back(Output::Abort(code));
        }
        self.tcp_failed(code);
    }

    pub(super) fn say_reset(&mut self, carrier: Carrier, code: Code) {
        self.duplex.say(Control::Reset(Reset { code }));
        self.duplex.close(carrier, code);
    }

    /// The stream failed on the other side.
    pub(super) fn abort(&mut self, code: Code) {
        // What was delivered to its end did not fail, whatever became of the carrier.
        let failed = matches!(self.phase, Phase::Opening | Phase::Open { .. }) && !self.duplex.is_over();
        if failed {
            self.outputs.push_back(Output::Abort(code));
        }
        self.duplex.clear();
        self.leave(Code::End);
    }

    /// Nothing is left to be said.
    pub(super) fn leave(&mut self, code: Code) {
        let attempt = self.attempt.take().map(|attempt| attempt.carrier);
        let spare = self.spare.take().map(|spare| spare.carrier);
        let current = self.duplex.carrier();
        // Before it is opened, the attempt is the one in use.
        let attempt = attempt.filter(|attempt| current != Some(*attempt));
        for carrier in [current, self.duplex.older(), attempt, spare].into_iter().flatten() {
            self.duplex.close(carrier, code);
        }
        self.phase = Phase::Done;
    }
}
