//! Whether a hello has vanished on its way: the kernel said it again, and neither was acknowledged. An answer that is only slow, or
//! a line that is, looks otherwise: whoever received it says so before they answer.
//!
//! What follows from that is the planner's (`ways`).

use std::{future::pending, time::Duration};

use tokio::{sync::Notify, time::sleep};

use crate::net::{Probe, TcpInfo};

/// A hello that was said again has a round trip and half of one, or this if it is more, to be acknowledged.
const AGAIN: Duration = Duration::from_millis(100);

/// The kernel's timer may be late. It is looked again after this.
const LATE: Duration = Duration::from_millis(20);

/// Completes when the hello that is said now has vanished, and never if it arrives, is answered, or nobody knows.
pub(super) async fn lost(probe: Option<Probe>, answered: &Notify) {
    let Some(probe) = probe else { return pending().await };
    let vanishes = tokio::select! {
        biased;
        () = answered.notified() => false,
        // The probe ends with this: it must not keep open what others close.
        vanishes = vanishes(move || probe.look()) => vanishes,
    };
    if !vanishes {
        pending().await
    }
}

/// Whether it does, as soon as that is known.
async fn vanishes(look: impl Fn() -> Option<TcpInfo>) -> bool {
    let Some(before) = look() else { return false };
    sleep(before.resend_after).await;
    let is_under_way = || look().filter(|now| now.unacknowledged > 0);
    loop {
        match is_under_way() {
            None => return false,
            Some(now) if now.resent > before.resent => break,
            Some(_) => sleep(LATE).await,
        }
    }
    sleep(before.round_trip + AGAIN.max(before.round_trip / 2)).await;
    is_under_way().is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;

    /// When it is seen that a hello has vanished, with a kernel that measured this round trip and whose copies of the hello, by their
    /// number, are acknowledged after so long, or not at all.
    async fn seen(
        round_trip: Duration,
        late: Duration,
        acknowledged: impl Fn(u32) -> Option<Duration>,
    ) -> Option<Duration> {
        let begun = Instant::now();
        // RFC 6298 behind the first measurement, with Linux's least variation.
        let resend_after = round_trip + (2 * round_trip).max(Duration::from_millis(200));
        let look = || {
            let at = begun.elapsed();
            let sent = |copy: u32| (resend_after + late) * (2_u32.pow(copy) - 1);
            let copies = (0..8).filter(|copy| sent(*copy) <= at);
            let arrived = |copy: u32| acknowledged(copy).is_some_and(|after| sent(copy) + after <= at);
            // Behind an acknowledgement nothing is sent again.
            let first = (0..8).find(|copy| arrived(*copy));
            let resent = u32::try_from(copies.count()).expect("few") - 1;
            Some(TcpInfo {
                unacknowledged: u32::from(first.is_none()),
                // The SYN was, too.
                resent: 1 + resent,
                resend_after,
                round_trip,
            })
        };
        vanishes(look).await.then(|| begun.elapsed())
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hello_that_vanishes_is_seen_soon() {
        for (round_trip, after) in [(1, 302), (20, 340), (100, 500), (400, 1800)] {
            assert_eq!(seen(ms(round_trip), ms(0), |_| None).await, Some(ms(after)), "{round_trip}");
        }
        assert_eq!(seen(ms(100), ms(50), |_| None).await, Some(ms(560)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_lost_by_chance_and_came_the_second_time_has_not_vanished() {
        for round_trip in [1, 100, 400].map(ms) {
            assert_eq!(seen(round_trip, ms(0), |copy| (copy == 1).then_some(round_trip)).await, None);
        }
        assert!(!vanishes(|| None).await);
    }

    proptest! {
        /// The kernel's own measure of a line that is not censored: by the time it says a hello again, and a round trip more, there
        /// is an acknowledgement, however slow whoever answers is.
        #[test]
        fn a_hello_that_arrives_never_vanishes(round_trip in 1_u64..3000, more in 0_u64..340, late in 0_u64..50) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
            // Up to more than four times the round trip that was measured: a line that fills meanwhile.
            let after = ms(round_trip + round_trip * more / 100);
            prop_assert_eq!(runtime.block_on(seen(ms(round_trip), ms(late), |_| Some(after))), None);
        }
    }
}
