//! The result of a check: its stages, the first failure, the advice.
//!
//! The words for people are the command line's.

use std::time::Duration;

use super::{
    clock::Clock,
    flaw::Flaw,
    found::{Done, Fault, What},
    hint,
};
use crate::{
    connect::Detour,
    trouble::{Hint, Stage, Trouble},
};

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was checked.
    pub what: What,
    /// The stages in their order. Behind a failure there is none; but if WhatsApp's dates seemed wrong, its media host was
    /// asked for its own.
    pub stages: Vec<Done>,
    /// What is to be thought of this device's clock, if dates were wrong.
    pub clock: Option<Clock>,
    /// The host that the answer sends to, if it sends elsewhere.
    pub elsewhere: Option<String>,
    /// How the relay was reached, if not as the link says.
    pub detour: Option<Detour>,
}

/// Whose connection took so long has a slow line.
const SLOW: Duration = Duration::from_millis(1500);

impl Verdict {
    /// The first stage that was not passed, and why.
    #[must_use]
    pub fn failure(&self) -> Option<(Stage, Fault)> {
        self.stages.iter().find_map(|done| done.result.err().map(|fault| (done.stage, fault)))
    }

    /// What to try next, if anything is wrong.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let (_, fault) = self.failure()?;
        Some(if self.slow().is_some() { Hint::Slow } else { hint::after(self.what, fault, self.clock) })
    }

    /// How long the connection took, if an answer that did not come in time may have been on its way.
    #[must_use]
    pub fn slow(&self) -> Option<Duration> {
        let late = match self.failure()?.1 {
            Fault::Way(trouble) | Fault::MediaWay(trouble) => {
                matches!(trouble, Trouble::TlsTimeout | Trouble::UpgradeTimeout | Trouble::UpstreamTimeout)
            }
            Fault::Chat(flaw) | Fault::Media(flaw) => flaw == Flaw::Silent,
        };
        let connected = self.stages.iter().find(|done| done.stage == Stage::Connect && done.result.is_ok())?;
        (late && connected.took >= SLOW).then_some(connected.took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Found;

    fn verdict(connected: u64, fault: Fault) -> Verdict {
        let stages = [(Stage::Connect, connected, Ok(Found::Well)), (Stage::Tls, 10_000, Err(fault))];
        let stages = stages.map(|(stage, took, result)| Done { stage, took: Duration::from_millis(took), result });
        Verdict { what: What::Relay, stages: stages.into(), clock: None, elsewhere: None, detour: None }
    }

    #[test]
    fn slowness_is_called_slow_and_nothing_else_is() {
        assert_eq!(verdict(6000, Fault::Way(Trouble::TlsTimeout)).hint(), Some(Hint::Slow));
        assert_eq!(verdict(2000, Fault::Chat(Flaw::Silent)).hint(), Some(Hint::Slow));
        assert_eq!(verdict(600, Fault::Way(Trouble::TlsTimeout)).hint(), Some(Hint::HideName));
        assert_eq!(verdict(6000, Fault::Way(Trouble::TlsReset)).hint(), Some(Hint::HideName));
    }
}
