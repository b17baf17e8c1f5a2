//! How far it has come: a line for each step; and what was changed and which keys were set, for whoever is stopped in between.
//!
//! What was changed is the journal's, which alone sends what changes something.

use super::super::{
    cloud::plain,
    texts::{language::In, steps},
};
use crate::deploy::{ApiError, Change, Changes, Journal};

/// The steps so far.
pub(in super::super) struct Progress {
    pub(super) lines: bool,
    journal: Journal,
}

impl Progress {
    /// With a line for each step, if there are to be any.
    pub(in super::super) fn new(lines: bool) -> Self {
        Self { lines, journal: Journal::default() }
    }

    /// A step was taken that changed nothing.
    pub(super) fn step(&self, what: In, how: &str) {
        if self.lines {
            println!("{}", steps::step(what, &plain(how)));
        }
    }

    /// A step was in vain, and all goes on: whoever wants no lines is told, too.
    pub(super) fn warn(&self, what: In, how: &str) {
        if !self.lines {
            eprintln!("{}", steps::step(what, &plain(how)));
        }
        self.step(what, how);
    }

    /// Takes a step that changes something, and says so. A `secret` is the link or the key that it sets: it will be shown at the
    /// end, and the platform tells it to nobody.
    pub(in super::super) async fn change(
        &self,
        (what, how): (In, &str),
        secret: Option<String>,
        change: Change<'_>,
    ) -> Result<(), ApiError> {
        if self.journal.send(format!("{what}: {how}"), secret, change).await? {
            self.step(what, how);
        }
        Ok(())
    }

    /// What was done up to here, for whoever is stopped: a key that is set and not shown now would be lost. `further`: how to go on
    /// if anything was.
    pub(in super::super) fn so_far(&self, further: &str) -> String {
        let Changes { mut done, begun, secrets } = self.journal.so_far();
        done.extend(begun.iter().map(|change| steps::perhaps_done(change)));
        steps::done_so_far(&done, &secrets, further)
    }
}
