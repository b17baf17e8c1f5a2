//! How far it has come: a line for each step; and what was changed and which keys were set, for whoever is stopped in between.

use std::sync::{Mutex, PoisonError};

use super::super::{cloud::plain, texts::deploy as texts};
use crate::link::Link;

/// The steps so far.
pub(super) struct Progress {
    pub(super) lines: bool,
    dry: bool,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    changes: Vec<String>,
    /// Of keys that nobody was shown yet.
    links: Vec<Link>,
}

impl Progress {
    /// One that changes nothing is `dry`.
    pub(super) fn new(lines: bool, dry: bool) -> Self {
        Self { lines, dry, done: Mutex::default() }
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
        self.done.lock().unwrap_or_else(PoisonError::into_inner).changes.push(format!("{what}: {how}"));
        self.step(what, how);
    }

    /// A key was set, whose link will be shown at the end. The platform tells it to nobody.
    pub(super) fn keyed(&self, link: Link) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).links.push(link);
    }

    /// What was done up to here, for whoever is stopped: a key that is set and not shown now would be lost.
    pub(super) fn so_far(&self, name: &str) -> String {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let links: Vec<_> = done.links.iter().map(ToString::to_string).collect();
        texts::done_so_far(&done.changes, &links, name)
    }
}
