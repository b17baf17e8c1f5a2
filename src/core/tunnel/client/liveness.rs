//! Whether the peer is still there: when to ping, and when a missing pong means that the carrier is dead.
//!
//! A carrier that carries tells by itself; a ping is due when bytes were on their way and then nothing came, and seldom
//! otherwise, because pings keep a phone's radio awake.

use core::time::Duration;

use super::Timing;
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Liveness {
    /// The next ping when nothing happens.
    ping_at: Instant,
    /// Bytes are on their way since.
    in_doubt_since: Option<Instant>,
    /// The pong is due.
    pong_by: Option<Instant>,
    round_trip: Duration,
}

/// What is on its way before a ping, in bytes, and how fast it goes, in bytes a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    pub(super) bytes: u64,
    pub(super) rate: u64,
}

/// What may be in a socket, in bytes. A longer queue waits outside, where a ping overtakes it.
const IN_THE_SOCKET: u64 = 32 << 10;

impl Ahead {
    /// The time that it takes.
    fn time(self) -> Duration {
        Duration::from_millis(self.bytes.min(IN_THE_SOCKET) * 1000 / self.rate.max(1))
    }
}

/// What is to be done about the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    Ping,
    Dead,
}

impl Liveness {
    /// Of a carrier whose upgrade took so long, which is a round trip at least.
    pub(super) fn new(timing: &Timing, round_trip: Duration, jitter: f64, now: Instant) -> Self {
        Self { ping_at: now + interval(timing, jitter), in_doubt_since: None, pong_by: None, round_trip }
    }

    /// Something came, or the socket took more of what had to wait for it.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.in_doubt_since = Some(now);
        self.pong_by = None;
    }

    /// Bytes were sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.in_doubt_since.get_or_insert(now);
    }

    /// The pong came.
    pub(super) const fn pong(&mut self) {
        self.pong_by = None;
    }

    /// When to look next.
    pub(super) fn wake(&self, timing: &Timing) -> Instant {
        let ping_at = self.in_doubt_since.map_or(self.ping_at, |since| self.ping_at.min(since + timing.quiet));
        self.pong_by.unwrap_or(ping_at)
    }

    /// Looks. `jitter` is from 0 to 1.
    pub(super) fn check(&mut self, timing: &Timing, ahead: Ahead, jitter: f64, now: Instant) -> Verdict {
        if now < self.wake(timing) {
            return Verdict::Fine;
        }
        if self.pong_by.is_some() {
            return Verdict::Dead;
        }
        self.in_doubt_since = None;
        self.ping_at = now + interval(timing, jitter);
        self.pong_by = Some(now + timing.pong.max(3 * self.round_trip) + ahead.time());
        Verdict::Ping
    }
}

/// The time between two pings, ± 20 %.
fn interval(timing: &Timing, jitter: f64) -> Duration {
    timing.ping.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing::DEFAULT;
    const NOTHING: Ahead = Ahead { bytes: 0, rate: 1 };

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn silence_is_asked_about_every_30_s_and_a_missing_pong_is_death() {
        let mut liveness = Liveness::new(&TIMING, Duration::ZERO, 0.5, at(0));
        assert_eq!(liveness.wake(&TIMING), at(30_000));
        assert_eq!(liveness.check(&TIMING, NOTHING, 0.0, at(30_000)), Verdict::Ping);
        liveness.pong();
        assert_eq!(liveness.wake(&TIMING), at(54_000));
        assert_eq!(liveness.check(&TIMING, NOTHING, 1.0, at(54_000)), Verdict::Ping);
        assert_eq!(liveness.check(&TIMING, NOTHING, 1.0, at(57_999)), Verdict::Fine);
        assert_eq!(liveness.check(&TIMING, NOTHING, 1.0, at(58_000)), Verdict::Dead);
    }

    #[test]
    fn bytes_that_stop_are_asked_about_once_after_3_s() {
        let mut liveness = Liveness::new(&TIMING, Duration::ZERO, 0.5, at(0));
        liveness.sent(at(100));
        liveness.sent(at(2000));
        assert_eq!(liveness.check(&TIMING, NOTHING, 0.5, at(3100)), Verdict::Ping);
        liveness.pong();
        assert_eq!(liveness.wake(&TIMING), at(33_100));
        liveness.heard(at(4000));
        liveness.heard(at(6000));
        assert_eq!(liveness.wake(&TIMING), at(9000));
    }

    #[test]
    fn a_pong_has_the_time_of_the_line_and_of_what_goes_before_it() {
        let due = |round_trip, bytes, rate| {
            let mut liveness = Liveness::new(&TIMING, Duration::from_millis(round_trip), 0.5, at(0));
            liveness.sent(at(0));
            assert_eq!(liveness.check(&TIMING, Ahead { bytes, rate }, 0.5, at(3000)), Verdict::Ping);
            liveness.wake(&TIMING).as_millis()
        };
        assert_eq!(due(100, 0, 8 << 10), 7000);
        assert_eq!(due(6000, 0, 8 << 10), 21_000);
        assert_eq!(due(100, 1 << 20, 1 << 20), 7000 + 31);
        assert_eq!(due(100, 32 << 10, 8 << 10), 7000 + 4000);
    }
}
