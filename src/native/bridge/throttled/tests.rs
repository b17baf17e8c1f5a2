//! Streams over ways of different speed, in virtual time.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use tokio::{
    select,
    time::{Instant, interval},
};

use super::*;
use crate::tunnel::{Dialling, Seeking, Trial};

/// A relay whose ways carry so many bytes a second: the usual one, and another.
struct Ways {
    rates: [u64; 2],
    now: Arc<AtomicUsize>,
    judged: Arc<Mutex<Vec<bool>>>,
}

impl Dialer for Ways {
    fn dial(&self) -> Dialling<'_> {
        Box::pin(pending())
    }

    fn seek_faster(&self) -> Seeking<'_> {
        let (now, judged) = (Arc::clone(&self.now), Arc::clone(&self.judged));
        now.store(1, Ordering::Relaxed);
        let trial = Trial::new(Box::new(move |faster| {
            judged.lock().expect("no panic").push(faster);
            now.store(usize::from(faster), Ordering::Relaxed);
        }));
        Box::pin(std::future::ready(Some(trial)))
    }
}

/// What a stream came to.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    judged: Vec<bool>,
    /// How often it moved.
    moves: u32,
    /// How often others were told to.
    told: u32,
}

/// A stream of so many seconds, or until it has carried so many bytes.
async fn stream(rates: [u64; 2], seconds: u64, size: u64, held: usize) -> Came {
    let ways = Ways { rates, now: Arc::default(), judged: Arc::default() };
    let begin = Status { connected: true, attached: true, carriers: 1, held, ..Status::default() };
    let (stands, seen) = watch::channel(begin);
    let (moves, told, frozen) = (AtomicU32::new(0), AtomicU32::new(0), Frozen::default());
    let rotate = || {
        moves.fetch_add(1, Ordering::Relaxed);
        stands.send_modify(|status| status.carriers += 1);
    };
    let found = || {
        told.fetch_add(1, Ordering::Relaxed);
    };
    let line = async {
        let mut ticks = interval(Duration::from_millis(100));
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            ticks.tick().await;
            let rate = ways.rates[ways.now.load(Ordering::Relaxed)];
            stands.send_modify(|status| status.received = size.min(status.received + rate / 10));
        }
    };
    select! {
        never = watch(seen, (rotate, found), &ways, &frozen) => match never {},
        () = line => {}
    }
    let judged = ways.judged.lock().expect("no panic").clone();
    Came { judged, moves: moves.into_inner(), told: told.into_inner() }
}

#[tokio::test(start_paused = true)]
async fn the_faster_way_stays_and_others_follow() {
    let faster = Came { judged: vec![true], moves: 1, told: 1 };
    assert_eq!(stream([17_500, 90_000], 60, u64::MAX, 0).await, faster);
    // Enough came in one second to know.
    assert_eq!(stream([17_500, 300_000], 60, 500_000, 0).await, faster);
    // And it is known though the phone hangs up as soon as it has all: 14 seconds, of which 2 went by the other way.
    assert_eq!(stream([17_500, 300_000], 14, u64::MAX, 0).await, faster);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_faster_or_carries_nothing_is_left_again() {
    for other in [0, 500] {
        let came = stream([8_000, other], 24, u64::MAX, 0).await;
        assert_eq!(came, Came { judged: vec![false], moves: 2, told: 0 }, "{other}");
    }
    let came = stream([8_000, 8_500], 30, u64::MAX, 0).await;
    assert_eq!(came, Came { judged: vec![false], moves: 2, told: 0 });
    // The file ends with the trial: nothing is known.
    let came = stream([17_500, 90_000], 60, 220_000, 0).await;
    assert_eq!(came, Came { judged: vec![false], moves: 2, told: 0 });
}

#[tokio::test(start_paused = true)]
async fn what_is_fast_enough_small_or_slow_for_the_phone_s_sake_stays_where_it_is() {
    let nothing = Came { judged: vec![], moves: 0, told: 0 };
    assert_eq!(stream([25_000, 90_000], 60, u64::MAX, 0).await, nothing);
    assert_eq!(stream([900, 90_000], 600, u64::MAX, 0).await, nothing);
    assert_eq!(stream([17_500, 90_000], 60, 100_000, 0).await, nothing);
    assert_eq!(stream([17_500, 90_000], 60, u64::MAX, 64 * 1024).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_in_the_middle_leaves_nothing_behind() {
    let came = stream([17_500, 90_000], 13, u64::MAX, 0).await;
    assert_eq!((came.judged, came.told), (vec![false], 0));
}
