//! Whether the network freezes connections after some packets, as tunnels found out.
//!
//! It is believed for a while only: to use each connection for a few packets costs the relay many requests.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// It is believed for this long, and up to twice as much more.
const BELIEVED: Duration = Duration::from_secs(20 * 60);

/// What all tunnels to a relay know of it.
#[derive(Debug, Default)]
pub struct Frozen(Mutex<Option<Instant>>);

impl Frozen {
    /// Whether it is believed now.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.lock().is_some_and(|until| Instant::now() < until)
    }

    /// A tunnel has found it out.
    pub(super) fn begin(&self) {
        *self.lock() = Some(Instant::now() + BELIEVED.mul_f64(1.0 + 2.0 * rand::random::<f64>()));
    }

    /// This is another network.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_believed_for_twenty_minutes_at_least_and_sixty_at_most() {
        let frozen = Frozen::default();
        assert!(!frozen.is_on());
        frozen.begin();
        tokio::time::advance(Duration::from_secs(20 * 60 - 1)).await;
        assert!(frozen.is_on());
        tokio::time::advance(Duration::from_secs(40 * 60 + 2)).await;
        assert!(!frozen.is_on());
        frozen.begin();
        frozen.forget();
        assert!(!frozen.is_on());
    }
}
