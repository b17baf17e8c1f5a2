//! What all WebSockets of one relay hold beyond what was granted to them, and the end of the one that holds most when that is
//! too much.
//!
//! Whose turn it is, the core's ledger says; what each holds, its task.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use pasarela_core::ledger::{Ledger, Place};

/// Held bytes are told in steps of this many, so that small messages cost no lock.
const STEP: usize = 16 * 1024;

pub(crate) struct Budget(Mutex<State>);

struct State {
    ledger: Ledger,
    /// By place.
    exits: Vec<Weak<Exit>>,
}

#[derive(Default)]
struct Exit {
    told: AtomicBool,
    waker: AtomicWaker,
}

/// One stream's part of it, for as long as this lives.
pub(crate) struct Share {
    budget: Arc<Budget>,
    place: Place,
    /// What was told last, in bytes.
    told: usize,
    exit: Arc<Exit>,
}

impl Budget {
    /// All streams together may hold so many bytes.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { ledger: Ledger::new(most), exits: Vec::new() })))
    }

    /// A share for one more stream of this owner.
    pub(crate) fn share(self: &Arc<Self>, owner: &str) -> Share {
        let exit = Arc::new(Exit::default());
        let mut state = self.state();
        let place = state.ledger.enter(owner);
        match state.exits.get_mut(place.index()) {
            Some(known) => *known = Arc::downgrade(&exit),
            None => state.exits.push(Arc::downgrade(&exit)),
        }
        drop(state);
        Share { budget: Arc::clone(self), place, told: 0, exit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// The stream holds so many bytes now; for that, the largest of all may have to let go of what it holds.
    pub(crate) fn holds(&mut self, bytes: usize) {
        let bytes = bytes / STEP * STEP;
        if bytes == self.told {
            return;
        }
        self.told = bytes;
        let mut state = self.budget.state();
        state.ledger.holds(self.place, bytes);
        while let Some(largest) = state.ledger.excess() {
            if let Some(exit) = state.exits.get(largest.index()).and_then(Weak::upgrade) {
                exit.told.store(true, Ordering::Release);
                exit.waker.wake();
            }
        }
    }

    /// Ready once when the stream has to let go of what it holds.
    pub(crate) fn poll_too_much(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.exit.waker.register(cx.waker());
        if self.exit.told.swap(false, Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.state().ledger.leave(self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;

    use super::*;

    fn is_too_much(share: &mut Share) -> bool {
        poll_fn(|cx| share.poll_too_much(cx)).now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_largest_is_woken_and_told_once() {
        let budget = Budget::new(10 * STEP);
        let [mut large, mut small] = [budget.share(""), budget.share("")];
        large.holds(8 * STEP);
        small.holds(2 * STEP + 1);
        assert!(!is_too_much(&mut large) && !is_too_much(&mut small));
        let told = tokio::spawn(async move {
            poll_fn(|cx| large.poll_too_much(cx)).await;
            large
        });
        tokio::task::yield_now().await;
        small.holds(3 * STEP);
        let mut large = told.await.expect("no panic");
        assert!(!is_too_much(&mut large) && !is_too_much(&mut small));
        large.holds(0);
        drop(small);
        large.holds(10 * STEP);
        assert!(!is_too_much(&mut large));
    }
}
