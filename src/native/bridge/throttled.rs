//! A stream that carries little for ten seconds though there is more to carry: another way to its relay is made first, the
//! stream moves to it, and the faster one stays.
//!
//! Which way that is, and how often it is tried, is the dialer's. On a line that is slow by itself nothing is faster; then it is left
//! alone for 20 to 60 minutes.

use std::{collections::VecDeque, convert::Infallible, future::pending, time::Duration};

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
        if moved && is_faster(&mut status, slow).await {
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
        let mut last = VecDeque::new();
        while let Some(moved) = second(status).await {
            // What passed at once in the beginning, as policing lets it, is forgotten.
            if last.len() as u64 == PERIOD {
                last.pop_front();
            }
            last.push_back(moved);
            let carried = Carried { bytes: last.iter().sum(), seconds: last.len() as u64 };
            if carried.seconds == PERIOD && carried.bytes < LITTLE * PERIOD {
                return Some(carried);
            }
        }
    }
}

/// Whether more is carried from now on, as soon as that is known: the stream may be over soon. If it pauses before, it is not.
async fn is_faster(status: &mut watch::Receiver<Status>, slow: Carried) -> bool {
    let mut carried = Carried { bytes: 0, seconds: 0 };
    while carried.seconds < PERIOD && !carried.is_faster_than(slow) {
        let Some(moved) = second(status).await else { return false };
        carried = Carried { bytes: carried.bytes + moved, seconds: carried.seconds + 1 };
    }
    carried.is_faster_than(slow)
}

/// What moves in the next second, unless it pauses or is held up by something else.
async fn second(status: &mut watch::Receiver<Status>) -> Option<u64> {
    let before = *status.borrow();
    sleep(Duration::from_secs(1)).await;
    let now = *status.borrow();
    let moved = bytes(&now).saturating_sub(bytes(&before));
    let untaken = now.held > UNTAKEN && now.sent == before.sent;
    let goes_on = moved >= LEAST && !untaken && now.attached && now.carriers == before.carriers;
    goes_on.then_some(moved)
}

const fn bytes(status: &Status) -> u64 {
    status.sent + status.received
}

#[cfg(test)]
mod tests;
