//! Tokio's clock in the core's terms, and the one timer of a tunnel.
//!
//! It is tokio's clock and not the system's, so that tests may stop it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pasarela_core::time::Instant;
use tokio::time::{self, Sleep};

/// Further off than any tunnel lives, and near enough for tokio to represent.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The milliseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(time::Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(time::Instant::now())
    }

    pub(crate) fn now(self) -> Instant {
        let elapsed = self.0.elapsed().as_millis();
        Instant::from_millis(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    fn until(self, at: Instant) -> Duration {
        // What is clamped is the distance: a relay's clock outlives any bound on the time itself.
        at.since(self.now()).min(NEVER)
    }
}

/// A timer that is moved on with nearly every event, and therefore only really set when it must ring earlier.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: time::Instant,
    /// It was due when it was set.
    due: bool,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> Self {
        let at = time::Instant::now() + clock.until(Instant::from_millis(u64::MAX));
        Self { sleep: Box::pin(time::sleep_until(at)), at, due: false }
    }

    /// It is to ring then and no other time.
    pub(crate) fn set(&mut self, clock: Clock, at: Instant) {
        let wait = clock.until(at);
        self.due = wait.is_zero();
        self.at = time::Instant::now() + wait;
        if self.sleep.is_elapsed() || self.at < self.sleep.deadline() {
            self.sleep.as_mut().reset(self.at);
        }
    }

    /// Ready once its time has come.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.due) {
            return Poll::Ready(());
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.at <= time::Instant::now() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_it_was_last_set_to() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        for (set, rings) in [(500, 500), (5000, 5000), (5001, 5001)] {
            alarm.set(clock, Instant::from_millis(400_000));
            alarm.set(clock, Instant::from_millis(set));
            poll_fn(|cx| alarm.poll(cx)).await;
            assert_eq!(clock.now(), Instant::from_millis(rings));
        }
        alarm.set(clock, Instant::from_millis(6000));
        alarm.set(clock, Instant::from_millis(7000));
        poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(clock.now(), Instant::from_millis(7000));
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_no_earlier_on_a_clock_that_runs_for_years() {
        let clock = Clock::start();
        time::advance(Duration::from_secs(400 * 24 * 3600)).await;
        let mut alarm = Alarm::new(clock);
        let (before, at) = (clock.now(), clock.now() + Duration::from_secs(20));
        alarm.set(clock, at);
        poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(20));
        assert_eq!(clock.now(), at);
    }

    #[test]
    fn never_is_a_time_too() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("starts");
        runtime.block_on(async {
            let clock = Clock::start();
            Alarm::new(clock).set(clock, Instant::from_millis(u64::MAX));
        });
    }
}
