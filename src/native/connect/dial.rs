//! One dial of a relay from its link: what worked before, or a search.
//!
//! It keeps no connection ready; that is `spare`'s.

use std::{
    future::pending,
    sync::{Arc, OnceLock, PoisonError},
};

use tokio::time::Instant;

use super::{
    reach::{Reach, Through, network},
    report::Failed,
    search::Search,
    untested::Untested,
};
use crate::{
    tunnel::Trial,
    ways::{Evidence, Memories, Network},
};

/// For whom is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Somebody who waits.
    Now,
    /// Nobody yet.
    Later,
    /// Somebody who wants to see how it is the first time.
    Show,
}

impl Reach {
    /// Dials.
    pub(super) async fn dial(self: &Arc<Self>, purpose: For) -> Result<Through, Failed> {
        let (deadline, network) = (Instant::now() + self.pace.whole, network());
        // What the encrypted hello needs is asked for while names are resolved and connections made.
        let through = tokio::select! {
            outcome = Search::new(self, network, purpose == For::Show, deadline).run() => outcome?,
            never = self.prepare() => never,
        };
        Ok(self.tested(through, network, purpose))
    }

    /// Looks for another way than that which is in use, because that carries little. What is found is used from now on, until it
    /// is judged.
    pub(super) async fn seek_faster(self: &Arc<Self>) -> Option<(Through, Trial)> {
        let network = network();
        let slow = self.memory(network, |memory| memory.seek_faster(Instant::now()))?;
        let deadline = Instant::now() + self.pace.whole;
        let (reach, tried) = (Arc::clone(self), Arc::new(OnceLock::new()));
        let (search, found) = (Search::for_speed(self, network, &slow, deadline), Arc::clone(&tried));
        // Whatever becomes of it, it is judged.
        let trial = Trial::new(Box::new(move |faster| {
            let (now, chance) = (Instant::now(), rand::random());
            reach.memory(network, |memory| memory.judged(&slow, found.get().copied(), faster, now, chance));
        }));
        let through = search.run().await.ok()?;
        let _ = tried.set(through.way);
        Some((self.tested(through, network, For::Later), trial))
    }

    /// Tells the planner whether it is answered.
    fn tested(self: &Arc<Self>, through: Through, network: Network, purpose: For) -> Through {
        let (reach, way) = (Arc::clone(self), through.way);
        let told = Box::new(move |answered| {
            let (now, chance) = (Instant::now(), rand::random());
            reach.memory(network, |memory| match answered {
                true => memory.answered(),
                false => memory.failed(way, Evidence::SilentAfterRequest, now, chance),
            });
        });
        let Through { stream, round_trip, .. } = through;
        let stream = Box::new(Untested::new(stream, round_trip, purpose == For::Later, told));
        Through { stream, ..through }
    }

    /// Forgets what was learned.
    pub(super) fn forget(&self) {
        *self.memories.lock().unwrap_or_else(PoisonError::into_inner) = Memories::default();
    }

    async fn prepare<T>(&self) -> T {
        if let Some(greeter) = &self.greeter {
            greeter.prepare().await;
        }
        pending().await
    }
}
