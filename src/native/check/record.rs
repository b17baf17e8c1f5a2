//! Keeps the stages of a check: times them, limits them, tells whoever watches.
//!
//! What a stage does is `proxy`'s and `relay`'s.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::{
    clock::{self, Clock},
    found::{Done, Fault, Found, What},
    verdict::Verdict,
};
use crate::{
    connect::Detour,
    trouble::{Stage, Trouble},
};

/// What happens in a check, for whoever watches.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A stage begins.
    Begins(Stage),
    /// A stage is over.
    Ended(Done),
}

/// Is told what happens.
pub type Observer<'a> = &'a mut (dyn FnMut(Event) + Send);

/// A failure, which is recorded already: the check is over.
pub(super) struct Stop;

/// The stages so far.
pub(super) struct Record<'a> {
    stages: Vec<Done>,
    /// What the relay says the time is, Unix seconds.
    pub(super) other_clock: Option<u64>,
    /// The host that the answer sends to.
    pub(super) elsewhere: Option<String>,
    /// How the relay was reached, if not as the link says.
    pub(super) detour: Option<Detour>,
    /// Each stage may take this time.
    pub(super) limit: Duration,
    observer: Observer<'a>,
}

impl<'a> Record<'a> {
    pub(super) fn new(limit: Duration, observer: Observer<'a>) -> Self {
        Self { stages: Vec::new(), other_clock: None, elsewhere: None, detour: None, limit, observer }
    }

    /// A stage begins; it is over when [`Record::end`] is called.
    pub(super) fn begin(&mut self, stage: Stage) {
        (self.observer)(Event::Begins(stage));
    }

    pub(super) fn end(&mut self, stage: Stage, took: Duration, result: Result<Found, Fault>) -> Result<(), Stop> {
        let done = Done { stage, took, result };
        self.stages.push(done);
        (self.observer)(Event::Ended(done));
        result.map(drop).map_err(|_| Stop)
    }

    /// A whole stage: what it gives, or `late` if it gives nothing in time.
    pub(super) async fn stage<T>(
        &mut self,
        stage: Stage,
        late: Fault,
        work: impl Future<Output = Result<(T, Found), Fault>>,
    ) -> Result<T, Stop> {
        self.begin(stage);
        let begun = Instant::now();
        let result = tokio::time::timeout(self.limit, work).await.unwrap_or(Err(late));
        match result {
            Ok((value, found)) => self.end(stage, begun.elapsed(), Ok(found)).map(|()| value),
            Err(fault) => Err(self.end(stage, begun.elapsed(), Err(fault)).err().unwrap_or(Stop)),
        }
    }

    /// If the last stage failed by its dates alone, the next is asked for its own: it tells whose fault that is.
    pub(super) fn go_on_behind_dates(&self, stopped: Result<(), Stop>) -> Result<(), Stop> {
        let last = self.stages.last().and_then(|done| done.result.err());
        if last.is_some_and(|fault| fault.dates().is_some()) { Ok(()) } else { stopped }
    }

    /// All of it, at the end.
    pub(super) fn verdict(self, what: What, now: u64) -> Verdict {
        let mut verdict =
            Verdict { what, stages: self.stages, clock: None, elsewhere: self.elsewhere, detour: self.detour };
        // A certificate that is valid now vouches for this device's clock as far as it matters.
        let vouched = verdict.stages.iter().any(|done| done.stage == Stage::Media && done.result.is_ok());
        let other = self.other_clock.or_else(|| vouched.then_some(now));
        verdict.clock = verdict.failure().and_then(|(_, fault)| match fault {
            Fault::Way(Trouble::CertificateExpired | Trouble::CertificateNotYetValid) => Some(Clock::Doubtful),
            Fault::Way(_) | Fault::Chat(_) | Fault::Media(_) | Fault::MediaWay(_) => {
                fault.dates().map(|dates| clock::judge(dates, now, other))
            }
        });
        verdict
    }
}
