//! A stream that carries little for ten seconds though there is more to carry: another way to its relay is made first, the
//! stream moves to it, and the faster one stays.
//!
//! Which way that is, and how often it is tried, is the dialer's. On a line that is slow by itself nothing is faster; then it is left
//! alone for 20 to 60 minutes.

use std::{convert::Infallible, future::pending, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::tunnel::{Dialer, Frozen, Status};

/// Less than this is little, in bytes a second.
const LITTLE: u64 = 20_000;

/// Seconds for which a rate is measured.
const PERIOD: u64 = 10;

/// A second in which less moves is no sign that there is more to carry, in bytes.
const LEAST: u64 = 1000;

/// A stream is looked at once it has carried so much, in bytes.
const BEGINS: u64 = 32 * 1024;

/// A new connection is there within this time, or it is not the better way.
const MOVES: Duration = Duration::from_secs(30);

/// With so many seconds, or so many bytes, it is known how fast another way is.
const TELLS: (u64, u64) = (3, LITTLE * PERIOD / 2);

/// A phone that takes less than it is brought is slow itself, with so many bytes before it.
const UNTAKEN: usize = 16 * 1024;

/// What moved in seconds in each of which something did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Carried {
    bytes: u64,
    seconds: u64,
}

impl Carried {
    const fn is_whole(self) -> bool {
        self.seconds == PERIOD
    }

    /// Half as much again, in the same time, as far as it is known.
    const fn is_faster_than(self, other: Self) -> bool {
        let tells = self.seconds >= TELLS.0 || self.bytes >= TELLS.1;
        tells && 2 * self.bytes * other.seconds >= 3 * other.bytes * self.seconds
    }
}

/// Watches a stream for as long as it lives, and does for it what can be done; `rotate` moves it to a new connection, and
/// `found` is told when another way is faster. Where connections freeze the stream is slow for that reason.
pub(super) async fn watch(
    mut status: watch::Receiver<Status>,
    (rotate, found): (impl Fn(), impl Fn()),
    dialer: &dyn Dialer,
    frozen: &Frozen,
) -> Infallible {
    loop {
        let Some(slow) = little(&mut status).await else { return pending().await };
        if frozen.is_on() {
            continue;
        }
        // In vain, it is asked again when ten more seconds were slow.
        let Some(trial) = dialer.seek_faster().await else { continue };
        let before = status.borrow().carriers;
        rotate();
        let moved = timeout(MOVES, status.wait_for(|status| status.carriers > before)).await.is_ok_and(|it| it.is_ok());
        if moved && carried(&mut status).await.is_faster_than(slow) {
            trial.is_faster();
            found();
        } else {
            drop(trial);
            rotate();
        }
    }
}

/// What a stream carries that is slow, as soon as it is such a one; nothing if it is over.
async fn little(status: &mut watch::Receiver<Status>) -> Option<Carried> {
    loop {
        // Whoever is quiet wakes nobody.
        let begin = bytes(&status.borrow()) + BEGINS;
        status.wait_for(|status| bytes(status) >= begin).await.ok()?;
        let carried = carried(status).await;
        if carried.is_whole() && carried.bytes < LITTLE * PERIOD {
            return Some(carried);
        }
    }
}

/// What is carried from now on, for ten seconds, or less if it pauses.
async fn carried(status: &mut watch::Receiver<Status>) -> Carried {
    let mut carried = Carried { bytes: 0, seconds: 0 };
    let mut before = *status.borrow();
    while !carried.is_whole() {
        sleep(Duration::from_secs(1)).await;
        let now = *status.borrow();
        let moved = bytes(&now).saturating_sub(bytes(&before));
        let untaken = now.held > UNTAKEN && now.sent == before.sent;
        if moved < LEAST || untaken || !now.attached || now.carriers != before.carriers {
            break;
        }
        carried = Carried { bytes: carried.bytes + moved, seconds: carried.seconds + 1 };
        before = now;
    }
    carried
}

const fn bytes(status: &Status) -> u64 {
    status.sent + status.received
}

#[cfg(test)]
mod tests;
