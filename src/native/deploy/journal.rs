//! What was changed, and what was sent and not answered: what changes something that is there leaves in no other way, so none of it is
//! forgotten.
//!
//! It is kept for whoever is stopped in between, and told by the command line.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::api::{ApiError, Change};

/// The changes so far, which are sent one after the other.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Changes>);

/// What a journal tells.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    /// What is done.
    pub(crate) done: Vec<String>,
    /// What was sent, and of which nobody knows whether it is done: each of them, since a later one does not undo it.
    pub(crate) begun: Vec<String>,
    /// What nobody will be shown again of all these: links and keys.
    pub(crate) secrets: Vec<String>,
}

impl Journal {
    /// Sends a change, of which this is said; `secret` is the link or the key that it sets. `false`: it was only written down.
    pub(crate) async fn send(
        &self,
        said: String,
        secret: Option<String>,
        change: Change<'_>,
    ) -> Result<bool, ApiError> {
        if change.plan() {
            return Ok(false);
        }
        let known = {
            let mut changes = self.lock();
            let known = changes.secrets.len();
            changes.secrets.extend(secret);
            changes.begun.push(said);
            known
        };
        let result = change.send().await;
        let mut changes = self.lock();
        match &result {
            Ok(_) => {
                let done = changes.begun.pop();
                changes.done.extend(done);
            }
            Err(failed) if failed.is_certain => {
                changes.begun.pop();
                changes.secrets.truncate(known);
            }
            Err(_) => {}
        }
        result.map(|_| true).map_err(|failed| failed.error)
    }

    /// What was done up to here.
    pub(crate) fn so_far(&self) -> Changes {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
