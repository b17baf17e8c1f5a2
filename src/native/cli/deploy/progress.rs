//! How far it has come: a line for each step, and what was changed, for whoever has to undo it.

use std::sync::{Mutex, PoisonError};

use super::super::{cloud::plain, texts::deploy as texts};

/// The steps so far.
pub(super) struct Progress {
    pub(super) lines: bool,
    dry: bool,
    changes: Mutex<Vec<String>>,
}

impl Progress {
    /// One that changes nothing is `dry`.
    pub(super) fn new(lines: bool, dry: bool) -> Self {
        Self { lines, dry, changes: Mutex::default() }
    }

    /// A step was taken that changed nothing.
    pub(super) fn step(&self, what: &str, how: &str) {
        if self.lines {
            println!("{}", texts::step(what, &plain(how)));
        }
    }

    /// A step was taken that changed something.
    pub(super) fn changed(&self, what: &str, how: &str) {
        if self.dry {
            return;
        }
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what}: {how}"));
        self.step(what, how);
    }

    /// What was changed so far.
    pub(super) fn changes(&self) -> Vec<String> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
