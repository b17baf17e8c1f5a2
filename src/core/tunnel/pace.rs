//! How fast the peer takes what it is sent, by its acknowledgements, and how long a message may be for it.
//!
//! A message arrives as a whole or not at all. On a slow line a long one says nothing for minutes, holds up what is behind it,
//! and is lost as a whole. Hence no message is longer than what the line carries in a quarter of a second.

use crate::{limits, time::Instant};

/// A line of this speed fills a message in this time, in milliseconds.
const MESSAGE_TIME: u64 = 250;

/// What is believed of a line of which nothing is known, in bytes a second.
const BELIEVED: u64 = 8 << 10;

/// No line is believed to be slower, in bytes a second.
const SLOWEST: u64 = 2 << 10;

/// Nothing is known from less time than this, in milliseconds: acknowledgements come in bunches.
const SAMPLE: u64 = 100;

/// More bytes than are acknowledged at once on a slow line.
const MUCH: u64 = 4 * limits::MESSAGE_AT_FIRST as u64;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Bytes a second.
    rate: Option<u64>,
    /// What is acknowledged was on its way since.
    since: Option<Instant>,
    acknowledged: u64,
}

impl Pace {
    /// Bytes are on their way.
    pub(super) fn sent(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// So many bytes more are acknowledged, and so many are still on their way.
    pub(super) fn acked(&mut self, bytes: u64, in_flight: u64, now: Instant) {
        let Some(since) = self.since else { return };
        self.acknowledged = self.acknowledged.saturating_add(bytes);
        let took = u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
        if in_flight > 0 && took < SAMPLE {
            // So much is no bunch: the line is at least so fast.
            if self.acknowledged >= MUCH {
                let at_least = self.acknowledged.saturating_mul(1000) / SAMPLE;
                self.rate = Some(self.rate.map_or(at_least, |rate| rate.max(at_least)));
            }
            return;
        }
        let sample = self.acknowledged.saturating_mul(1000) / took.max(1);
        // Of little it is not known whether there was more to send.
        let telling = self.acknowledged >= u64::from(self.message());
        if telling || self.rate.is_some_and(|rate| sample > rate) {
            self.rate = Some(sample);
        }
        self.acknowledged = 0;
        self.since = (in_flight > 0).then_some(now);
    }

    /// Of what was on its way so much has come, and the rest will be sent again, over another carrier.
    pub(super) fn resumed(&mut self, bytes: u64, now: Instant) {
        if let Some(since) = self.since.take() {
            // It took less time than until now.
            let took = u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
            let sample = self.acknowledged.saturating_add(bytes).saturating_mul(1000) / took.max(1);
            self.rate = self.rate.map(|rate| rate.max(sample));
        }
        self.acknowledged = 0;
    }

    /// Nothing was heard for too long: it may be slower than was believed.
    pub(super) fn doubt(&mut self) {
        self.rate = Some((self.rate() / 4).max(SLOWEST));
    }

    /// Bytes a second that the peer takes, as far as is known.
    pub(super) fn rate(&self) -> u64 {
        self.rate.unwrap_or(BELIEVED)
    }

    /// The longest message for this peer, in bytes.
    pub(super) fn message(&self) -> u32 {
        let fits = self.rate.map(|rate| u32::try_from(rate / (1000 / MESSAGE_TIME)).unwrap_or(u32::MAX));
        fits.map_or(limits::MESSAGE_AT_FIRST, |fits| fits.clamp(limits::MESSAGE_MIN, limits::WINDOW_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_message_takes_a_quarter_of_a_second_whatever_the_line() {
        for (rate, message) in [(2 << 10, 4 << 10), (32 << 10, 8 << 10), (1 << 20, 256 << 10), (1 << 30, 1 << 20)] {
            let mut pace = Pace::default();
            pace.sent(at(0));
            pace.acked(rate * 16, 0, at(16_000));
            assert_eq!((pace.rate(), pace.message()), (rate, message));
        }
    }

    #[test]
    fn acknowledgements_that_come_at_once_are_one() {
        let mut pace = Pace::default();
        pace.sent(at(0));
        pace.acked(20_000, 60_000, at(1000));
        pace.acked(20_000, 40_000, at(1001));
        assert_eq!(pace.rate(), 20_000);
        pace.acked(20_000, 20_000, at(2000));
        assert_eq!(pace.rate(), 40_000);
    }

    #[test]
    fn much_at_once_makes_messages_long_at_once() {
        let mut pace = Pace::default();
        pace.sent(at(0));
        pace.acked(32 << 10, 900_000, at(1));
        assert_eq!(pace.message(), limits::MESSAGE_AT_FIRST);
        pace.acked(32 << 10, 900_000, at(2));
        assert_eq!(pace.message(), 163_840);
        pace.acked(128 << 10, 900_000, at(3));
        assert_eq!(pace.message(), 491_520);
    }

    #[test]
    fn few_bytes_do_not_make_a_line_slow() {
        let mut pace = Pace::default();
        pace.sent(at(0));
        pace.acked(100, 0, at(1000));
        assert_eq!((pace.rate, pace.message()), (None, limits::MESSAGE_AT_FIRST));
    }
}
