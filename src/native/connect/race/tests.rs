//! Races in virtual time: who is tried when, and what comes of it.

use std::sync::Mutex;

use tokio::time::{sleep, timeout_at};

use super::*;

const PACE: Pace = Pace { in_flight: 3, patience: Duration::from_secs(3), ..Pace::DEFAULT };

/// Who was tried, and when, in milliseconds.
type Log = Vec<(usize, u128)>;

/// Runs a race of so many, in which each has something to give after so many milliseconds, or has nothing, or is silent.
async fn run(count: usize, deed: impl Fn(usize) -> Option<(u64, bool)>) -> (Option<usize>, Log) {
    let begun = Instant::now();
    let deadline = begun + PACE.whole;
    let log = Mutex::new(Log::new());
    let candidate = |target| Candidate { target, address: ([192, 0, 2, 1], 443).into() };
    let race = Race {
        pace: PACE,
        deadline,
        candidates: (0..count).map(candidate).collect(),
        attempt: |Candidate { target, .. }| {
            log.lock().expect("no panic").push((target, begun.elapsed().as_millis()));
            let deed = deed(target);
            async move {
                match deed {
                    Some((millis, good)) => {
                        sleep(Duration::from_millis(millis)).await;
                        good.then_some(target)
                    }
                    None => timeout_at(deadline, pending()).await.ok(),
                }
            }
        },
    };
    let outcome = race.run().await;
    (outcome, log.into_inner().expect("no panic"))
}

#[tokio::test(start_paused = true)]
async fn they_begin_a_stagger_apart_and_so_many_at_once_until_the_deadline() {
    let begun = Instant::now();
    let (outcome, log) = run(5, |_| None).await;
    assert_eq!((outcome, begun.elapsed()), (None, PACE.whole));
    assert_eq!(log, [(0, 0), (1, 250), (2, 500), (3, 3000), (4, 3250)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_lets_the_next_begin_at_once() {
    let (outcome, log) = run(3, |target| Some((20, target == 2))).await;
    assert_eq!((outcome, log), (Some(2), vec![(0, 0), (1, 20), (2, 40)]));
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_is_overtaken_but_wins_if_it_is_done_first() {
    assert_eq!(run(2, |target| Some((if target == 0 { 1000 } else { 100 }, true))).await.0, Some(1));
    assert_eq!(run(2, |_| Some((300, true))).await.0, Some(0));
    let (outcome, log) = run(5, |target| (target == 1).then_some((12_000, true))).await;
    assert_eq!((outcome, log.len()), (Some(1), 5));
}
