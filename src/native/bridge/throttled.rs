//! A stream that carries little for ten seconds though there is more to carry: another way to its relay is made first, the
//! stream moves to it, and the faster one stays.
//!
//! Which way that is, and how often it is tried, is the dialer's. On a line that is slow by itself nothing is faster; then it is left
//! alone for 20 to 60 minutes.

use std::{future::pending, time::Duration};

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

    /// Half as much again, in the same time.
    const fn is_faster_than(self, other: Self) -> bool {
        2 * self.bytes * other.seconds >= 3 * other.bytes * self.seconds
    }
}

/// Watches a stream for as long as it lives, and does for it what can be done; `rotate` moves it to a new connection.
/// Where connections freeze the stream is slow for that reason.
pub(super) async fn watch<T>(
    mut status: watch::Receiver<Status>,
    rotate: impl Fn(),
    dialer: &dyn Dialer,
    frozen: &Frozen,
) -> T {
    loop {
        let Some(slow) = little(&mut status).await else { return pending().await };
        // In vain, it is asked again when ten more seconds were slow.
        if !frozen.is_on() && dialer.seek_faster().await {
            let before = status.borrow().carriers;
            rotate();
            let moved =
                timeout(MOVES, status.wait_for(|status| status.carriers > before)).await.is_ok_and(|it| it.is_ok());
            let carried = if moved { Some(carried(&mut status).await) } else { None };
            // Where nothing was left to carry it stays: that it is open is known.
            let faster = carried.is_some_and(|carried| carried.seconds == 0 || carried.is_faster_than(slow));
            dialer.judge_faster(faster);
            if !faster {
                rotate();
            }
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
        if moved < LEAST || !now.attached || now.carriers != before.carriers {
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
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::{
        select,
        time::{Instant, interval},
    };

    use super::*;
    use crate::tunnel::{Dialling, Seeking};

    /// A relay whose ways carry so many bytes a second: the usual one, and the others in turn.
    struct Ways {
        rates: &'static [u64],
        now: AtomicU32,
        judged: std::sync::Mutex<Vec<bool>>,
    }

    impl Dialer for Ways {
        fn dial(&self) -> Dialling<'_> {
            Box::pin(pending())
        }

        fn seek_faster(&self) -> Seeking<'_> {
            let next = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(std::future::ready((next as usize) < self.rates.len()))
        }

        fn judge_faster(&self, faster: bool) {
            self.judged.lock().expect("no panic").push(faster);
            if !faster {
                self.now.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Carries for so many seconds; gives what was judged, and how often the stream moved.
    async fn carry(rates: &'static [u64], seconds: u64) -> (Vec<bool>, u32) {
        let ways = Ways { rates, now: AtomicU32::new(0), judged: std::sync::Mutex::default() };
        let (stands, seen) =
            watch::channel(Status { connected: true, attached: true, carriers: 1, ..Status::default() });
        let (moves, frozen) = (AtomicU32::new(0), Frozen::default());
        let rotate = || {
            moves.fetch_add(1, Ordering::Relaxed);
            stands.send_modify(|status| status.carriers += 1);
        };
        let line = async {
            let mut ticks = interval(Duration::from_millis(100));
            let end = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < end {
                ticks.tick().await;
                let rate = rates.get(ways.now.load(Ordering::Relaxed) as usize).copied().unwrap_or(rates[0]);
                stands.send_modify(|status| status.received += rate / 10);
            }
        };
        select! {
            () = watch(seen, rotate, &ways, &frozen) => {}
            () = line => {}
        }
        let judged = ways.judged.lock().expect("no panic").clone();
        (judged, moves.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn the_faster_way_stays_and_a_slow_line_goes_back_to_its_own() {
        // Nothing is wrong, or too little is carried to tell.
        assert_eq!(carry(&[25_000, 90_000], 60).await, (vec![], 0));
        assert_eq!(carry(&[900, 90_000], 600).await, (vec![], 0));
        // A policed name, and one that is not.
        assert_eq!(carry(&[17_500, 90_000], 60).await, (vec![true], 1));
        // A line that is slow whatever the name; after that nothing is found any more.
        assert_eq!(carry(&[8_000, 8_500], 30).await, (vec![false], 2));
        assert_eq!(carry(&[8_000], 60).await, (vec![], 0));
    }
}
