//! The receiving half of a tunnel: what has come, what TCP has taken of it, and what the sender was told.
//!
//! `acked ≤ delivered ≤ received ≤ acked + window`, or the sender broke the protocol.

use super::message::Ack;
use crate::{chunk::Chunk, codes::Code, limits, queue::Queue, time::Instant};

#[derive(Debug)]
pub(super) struct Inbound<C> {
    queue: Queue<C>,
    received: u64,
    delivered: u64,
    acked: u64,
    messages_since_ack: u32,
    /// When the first byte came that is not acknowledged.
    unacked_since: Option<Instant>,
    ack_bytes: u32,
    window: u32,
    /// What of it the peer surely knows: a carrier began with it, or as much has come. A release of before does not read what an
    /// acknowledgement says, and would wait for ever for one that is due after more than it may send.
    known: u32,
    /// The peer was not told of all of it.
    widened: bool,
    /// What was delivered when, as far as the window is concerned.
    measured: (u64, Instant),
    /// What the peer accepts. It may hold itself to as much, whatever we accept.
    peers_window: u32,
    fin: Fin,
}

/// How far the peer's end of the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fin {
    /// More may come.
    Open,
    /// The stream has this many bytes.
    At(u64),
    /// TCP was given the end.
    Delivered,
    /// The peer was told so on this carrier.
    Acked,
}

impl<C: Chunk> Inbound<C> {
    /// Acknowledges after `ack_bytes` at the latest.
    pub(super) const fn new(ack_bytes: u32) -> Self {
        Self {
            ack_bytes,
            queue: Queue::new(),
            received: 0,
            delivered: 0,
            acked: 0,
            messages_since_ack: 0,
            unacked_since: None,
            window: limits::WINDOW_MIN,
            known: limits::WINDOW_MIN,
            widened: false,
            measured: (0, Instant::from_millis(0)),
            peers_window: limits::WINDOW_MIN,
            fin: Fin::Open,
        }
    }

    /// Bytes of the stream that have come, from its start.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Whether TCP has taken all of it, the end included, and the peer was told.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.fin, Fin::Acked)
    }

    /// Bytes that TCP has taken.
    pub(super) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Bytes that are held.
    pub(super) const fn held(&self) -> usize {
        self.queue.size().bytes
    }

    #[cfg(test)]
    pub(super) fn chunks(&self) -> usize {
        self.queue.chunks()
    }

    /// From here on the peer may send this much, as its carrier was told at its beginning.
    pub(super) fn widen(&mut self, window: u32) {
        self.window = self.window.max(window);
        self.known = self.known.max(window);
    }

    /// From here on the peer may send this much, and is to be told so.
    pub(super) fn grow(&mut self, window: u32) {
        self.widened |= window > self.window;
        self.window = self.window.max(window);
    }

    /// The window that the peer's pace is worth, if that is more than it has.
    pub(super) fn next_window(&mut self, now: Instant) -> Option<u32> {
        let (from, since) = self.measured;
        let much = self.delivered - from >= u64::from(self.window / 2);
        let late = now.since(since) > limits::WINDOW_GROWS;
        if !much && !late {
            return None;
        }
        self.measured = (self.delivered, now);
        let wider = self.window.saturating_mul(2).min(limits::WINDOW_MAX);
        (much && !late && wider > self.window).then_some(wider)
    }

    /// Bytes that the peer may send beyond the last acknowledgement.
    pub(super) const fn window(&self) -> u32 {
        self.window
    }

    /// Bytes that the peer accepts.
    pub(super) const fn peers_window(&self) -> u32 {
        self.peers_window
    }

    /// The peer announced its own window.
    pub(super) fn peer_widens(&mut self, window: u32) {
        self.peers_window = self.peers_window.max(window);
    }

    /// Bytes whose first is the stream's byte `at`; those that were there before are dropped. Returns how many were new.
    pub(super) fn take(&mut self, at: u64, chunk: C, now: Instant) -> Result<usize, Code> {
        let end = at.saturating_add(chunk.len() as u64);
        let beyond = end > self.acked.saturating_add(u64::from(self.window));
        let behind_the_end = match self.fin {
            Fin::Open => false,
            Fin::At(n) => end > n,
            Fin::Delivered | Fin::Acked => end > self.received,
        };
        if beyond || behind_the_end || at > self.received {
            return Err(Code::Protocol);
        }
        if end <= self.received {
            return Ok(0);
        }
        self.known = self.known.max(u32::try_from(end - self.acked).unwrap_or(u32::MAX));
        let overlap = usize::try_from(self.received - at).unwrap_or(usize::MAX);
        let chunk = if overlap == 0 { chunk } else { chunk.split_at(overlap).1 };
        let len = chunk.len();
        self.received = end;
        self.unacked_since.get_or_insert(now);
        let at_once = self.queue.is_empty();
        self.queue.push(if at_once { chunk } else { chunk.compact() });
        if self.queue.size().messages > limits::UNDELIVERED_MESSAGES { Err(Code::Flood) } else { Ok(len) }
    }

    /// The peer's stream ends at `n`.
    pub(super) fn fin(&mut self, n: u64) -> Result<(), Code> {
        let possible = match self.fin {
            Fin::Open => n >= self.received && n <= self.acked.saturating_add(u64::from(self.window)),
            Fin::At(said) => n == said,
            Fin::Delivered | Fin::Acked => n == self.received,
        };
        if !possible {
            return Err(Code::Protocol);
        }
        match self.fin {
            Fin::Open => self.fin = Fin::At(n),
            // It was said again: a new carrier begins with our answer anyway.
            Fin::At(_) | Fin::Delivered | Fin::Acked => {}
        }
        Ok(())
    }

    /// Bytes of our own to be delivered before the stream; they count nowhere.
    pub(super) fn prepend(&mut self, chunk: C) {
        self.queue.push_front(chunk);
    }

    /// What TCP is to write next, if it is not writing.
    pub(super) fn next_write(&mut self) -> Option<C> {
        self.queue.next_write()
    }

    /// TCP has taken it.
    pub(super) fn written(&mut self) {
        let size = self.queue.written();
        self.delivered += size.bytes as u64;
        self.messages_since_ack += size.messages;
    }

    /// Whether TCP is to be given the end now; true once.
    pub(super) fn next_finish(&mut self) -> bool {
        let now = self.fin == Fin::At(self.delivered) && self.queue.is_empty();
        if now {
            self.fin = Fin::Delivered;
        }
        now
    }

    /// The acknowledgement that is due.
    pub(super) fn next_ack(&mut self, now: Instant) -> Option<Ack> {
        let part = self.window.min(self.known).min(self.peers_window) / limits::ACKS_PER_WINDOW;
        // At first soon, so that the sender learns how fast the line is.
        let soon = u64::from(limits::MESSAGE_AT_FIRST).max(self.delivered / 2);
        let due = u64::from(part.min(self.ack_bytes)).min(soon);
        let fin = self.fin == Fin::Delivered;
        let bytes = self.delivered - self.acked;
        let many = bytes > 0 && self.messages_since_ack >= limits::ACK_MESSAGES;
        let (after, least) = limits::ACK_AFTER;
        let old = bytes >= u64::from(least) && self.unacked_since.is_some_and(|since| now >= since + after);
        (fin || bytes >= due || many || old).then(|| self.ack())
    }

    /// An acknowledgement of what is delivered.
    pub(super) fn ack(&mut self) -> Ack {
        self.acked = self.delivered;
        self.messages_since_ack = 0;
        self.unacked_since = None;
        let fin = matches!(self.fin, Fin::Delivered | Fin::Acked);
        if fin {
            self.fin = Fin::Acked;
        }
        let window = core::mem::take(&mut self.widened).then_some(self.window);
        Ack { n: self.acked, fin, window }
    }

    /// Nothing will be delivered any more.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};
    use core::time::Duration;

    const PACKET: usize = 1460;

    /// With each round trip TCP sends twice as many packets as with the last.
    #[test]
    fn a_stream_that_begins_as_tcp_does_never_finds_its_window_full() {
        for round_trip in (20..=600).step_by(20) {
            let mut inbound = Inbound::<Vec<u8>>::new(u32::MAX);
            // It was silent for long.
            let mut now = Instant::from_millis(100_000);
            let (mut flight, mut told) = (10 * PACKET, limits::WINDOW_MIN);
            while flight < limits::WINDOW_MAX as usize {
                assert!(flight <= told as usize, "{flight} at {round_trip} ms");
                for _ in 0..flight / PACKET {
                    let at = inbound.received();
                    assert_eq!(inbound.take(at, vec![0; PACKET], now), Ok(PACKET));
                    assert!(inbound.next_write().is_some());
                    inbound.written();
                    inbound.next_window(now).iter().for_each(|window| inbound.grow(*window));
                    told = inbound.next_ack(now).and_then(|ack| ack.window).unwrap_or(told);
                }
                now = now + Duration::from_millis(round_trip);
                flight *= 2;
            }
        }
    }

    #[test]
    fn on_a_line_that_is_slow_the_window_stays_small() {
        let mut inbound = Inbound::<Vec<u8>>::new(u32::MAX);
        let mut now = Instant::from_millis(0);
        for _ in 0..1000 {
            let at = inbound.received();
            assert_eq!(inbound.take(at, vec![0; PACKET], now), Ok(PACKET));
            inbound.next_write();
            inbound.written();
            assert_eq!(inbound.next_window(now), None);
            inbound.next_ack(now);
            now = now + Duration::from_millis(50);
        }
    }
}
