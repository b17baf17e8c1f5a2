//! How far it has come: a line for each step; and what was changed and which keys were set, for whoever is stopped in between.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::{cloud::plain, texts::deploy as texts};
use crate::{deploy::ApiError, link::Link};

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
    /// What was sent and not answered: it may be done.
    begun: Option<(String, Option<Link>)>,
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

    /// Takes a step that changes something, and says so. A `link` is that of a key which it sets: it will be shown at the end, and
    /// the platform tells it to nobody.
    pub(super) async fn change(
        &self,
        (what, how): (&str, &str),
        link: Option<Link>,
        request: impl Future<Output = Result<(), ApiError>>,
    ) -> Result<(), ApiError> {
        if self.dry {
            return request.await;
        }
        self.done().begun = Some((format!("{what}: {how}"), link));
        let result = request.await;
        let mut done = self.done();
        match &result {
            Ok(()) => {
                if let Some((change, link)) = done.begun.take() {
                    done.changes.push(change);
                    done.links.extend(link);
                }
                self.step(what, how);
            }
            Err(error) if error.is_certain() => done.begun = None,
            Err(_) => {}
        }
        result
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done up to here, for whoever is stopped: a key that is set and not shown now would be lost.
    pub(super) fn so_far(&self, name: &str) -> String {
        let done = self.done();
        let (perhaps, begun) = done.begun.as_ref().map(|(change, link)| (texts::perhaps_done(change), link)).unzip();
        let changes: Vec<_> = done.changes.iter().cloned().chain(perhaps).collect();
        let links = done.links.iter().chain(begun.into_iter().flatten()).map(ToString::to_string);
        texts::done_so_far(&changes, &links.collect::<Vec<_>>(), name)
    }
}
