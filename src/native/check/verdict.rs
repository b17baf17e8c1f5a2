//! The result of a check: its stages, the first failure, the advice.
//!
//! The words for people are the command line's.

use super::clock::Clock;
use super::found::{Done, Fault, What};
use super::hint::Hint;
use crate::trouble::Stage;

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
}

impl Verdict {
    /// The first stage that was not passed, and why.
    #[must_use]
    pub fn failure(&self) -> Option<(Stage, Fault)> {
        self.stages.iter().find_map(|done| done.result.err().map(|fault| (done.stage, fault)))
    }

    /// What to try next, if anything is wrong.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        self.failure().map(|(_, fault)| Hint::of(self.what, fault, self.clock))
    }
}
