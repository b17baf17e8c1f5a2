//! The sending half of a tunnel: how far the peer lets us go, and what must be kept to say again.
//!
//! Offsets count bytes from the stream's start. `start ≤ acked, cursor ≤ end`: pieces are kept from `start` on, the peer
//! has delivered up to `acked`, this carrier was given everything up to `cursor`, and `end` is what TCP has read so far.

use alloc::collections::VecDeque;

use crate::{chunk::Chunk, codes::Code, limits};

#[derive(Debug)]
pub(super) struct Outbound<C> {
    pieces: VecDeque<Piece<C>>,
    /// Offset of the first piece.
    start: u64,
    acked: u64,
    /// The first piece that this carrier was not given, and its offset.
    next: usize,
    cursor: u64,
    /// The furthest that any carrier was given.
    sent: u64,
    end: u64,
    window: u32,
    /// This carrier began here and has not proved yet that anything arrives over it.
    unproven_from: Option<u64>,
    fin: Fin,
    /// Some carrier was told of our end, if not this one.
    fin_was_said: bool,
    keep: bool,
}

#[derive(Debug)]
struct Piece<C> {
    /// None once sent, if nothing is to be said again.
    chunk: Option<C>,
    len: u64,
}

/// How far our end of the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fin {
    /// More may come.
    Open,
    /// TCP has said all; this carrier was not told yet.
    Reached,
    /// This carrier was told.
    Said,
    /// The peer has delivered it.
    Acked,
}

impl<C: Chunk + Clone> Outbound<C> {
    /// With `keep`, what was sent is kept until it is acknowledged.
    pub(super) const fn new(keep: bool) -> Self {
        Self {
            pieces: VecDeque::new(),
            start: 0,
            acked: 0,
            next: 0,
            cursor: 0,
            sent: 0,
            end: 0,
            window: limits::WINDOW_MIN,
            unproven_from: None,
            fin: Fin::Open,
            fin_was_said: false,
            keep,
        }
    }

    /// Bytes that TCP may be read now: none while something still waits to be sent. Never more than a part of the window, for
    /// a piece is kept whole until all of it is acknowledged.
    pub(super) fn room(&self) -> u64 {
        let waits = self.cursor < self.end || self.next >= limits::IN_FLIGHT_MESSAGES;
        let part = u64::from(self.window / limits::ACKS_PER_WINDOW);
        if waits || self.fin != Fin::Open { 0 } else { self.limit().saturating_sub(self.end).min(part) }
    }

    /// Bytes that TCP has said.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that the peer has delivered.
    pub(super) const fn acked(&self) -> u64 {
        self.acked
    }

    /// Bytes sent that the peer has not delivered.
    pub(super) const fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.acked)
    }

    /// Whether the peer has delivered all of it, the end included.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.fin, Fin::Acked)
    }

    /// Bytes that are kept.
    pub(super) const fn held(&self) -> u64 {
        self.end - self.start
    }

    #[cfg(test)]
    pub(super) const fn window(&self) -> u32 {
        self.window
    }

    #[cfg(test)]
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The peer announced its window; it never shrinks.
    pub(super) fn widen(&mut self, window: u32) {
        self.window = self.window.max(window.min(limits::WINDOW_MAX));
    }

    /// The carrier needs no proof: it is the stream's first.
    pub(super) const fn prove(&mut self) {
        self.unproven_from = None;
    }

    /// From here on nothing is said again.
    pub(super) const fn keep_nothing(&mut self) {
        self.keep = false;
    }

    /// TCP has read this.
    pub(super) fn push(&mut self, chunk: C) {
        let len = chunk.len() as u64;
        if len > 0 && self.fin == Fin::Open {
            self.end += len;
            self.pieces.push_back(Piece { chunk: Some(chunk.compact()), len });
        }
    }

    /// TCP has said all.
    pub(super) fn finish(&mut self) {
        if self.fin == Fin::Open {
            self.fin = Fin::Reached;
        }
    }

    /// The next message for this carrier, of at most `max` bytes.
    pub(super) fn next_message(&mut self, max: u64) -> Option<C> {
        let max = max.min(self.limit().saturating_sub(self.cursor)).min(limits::TUNNEL_CHUNK as u64);
        if max == 0 || self.next >= limits::IN_FLIGHT_MESSAGES {
            return None;
        }
        if self.pieces.get(self.next)?.len > max {
            self.split(self.next, max);
        }
        let piece = self.pieces.get_mut(self.next)?;
        let chunk = if self.keep { piece.chunk.clone() } else { piece.chunk.take() }?;
        self.next += 1;
        self.cursor += piece.len;
        self.sent = self.sent.max(self.cursor);
        self.release();
        Some(chunk)
    }

    /// Our end, if this carrier has been given everything before it and not been told.
    pub(super) fn next_fin(&mut self) -> Option<u64> {
        if self.fin != Fin::Reached || self.cursor < self.end {
            return None;
        }
        self.fin = Fin::Said;
        self.fin_was_said = true;
        Some(self.end)
    }

    /// The peer has delivered the first `n` bytes, and with `fin` our end.
    pub(super) fn ack(&mut self, n: u64, fin: bool) -> Result<(), Code> {
        let fin_is_right = !fin || (n == self.end && self.fin_was_said);
        if n < self.acked || n > self.sent || !fin_is_right {
            return Err(Code::Protocol);
        }
        self.acked = n;
        self.unproven_from = None;
        if fin {
            self.fin = Fin::Acked;
        }
        self.release();
        Ok(())
    }

    /// Whether a new carrier may go on behind the first `received` bytes.
    pub(super) const fn can_resume(&self, received: u64) -> bool {
        self.keep && received >= self.acked && received <= self.sent && received >= self.start
    }

    /// A new carrier goes on behind the first `received` bytes.
    pub(super) fn resume(&mut self, received: u64) -> Result<(), Code> {
        if !self.can_resume(received) {
            return Err(Code::Protocol);
        }
        let mut offset = self.start;
        let mut index = 0;
        while let Some(piece) = self.pieces.get(index).filter(|piece| offset + piece.len <= received) {
            offset += piece.len;
            index += 1;
        }
        if offset < received {
            self.split(index, received - offset);
            index += 1;
        }
        self.next = index;
        self.cursor = received;
        self.unproven_from = Some(received);
        if self.fin == Fin::Said {
            self.fin = Fin::Reached;
        }
        self.release();
        Ok(())
    }

    /// Nothing will be sent any more.
    pub(super) fn clear(&mut self) {
        self.pieces = VecDeque::new();
        (self.next, self.start, self.cursor) = (0, self.end, self.end);
    }

    /// The peer lets us send up to here. What it has acknowledged beyond this carrier's position (it read on from an older
    /// one) must still be given to this carrier, and counts until then.
    fn limit(&self) -> u64 {
        let limit = self.acked.min(self.cursor).saturating_add(u64::from(self.window));
        // What is given to a carrier that leads nowhere stays in its socket, beside what the next is given.
        let cautious = self.unproven_from.map(|from| from.saturating_add(u64::from(limits::WINDOW_MIN)));
        cautious.map_or(limit, |cautious| cautious.min(limit))
    }

    /// Lets go of the pieces that nobody needs any more.
    fn release(&mut self) {
        let floor = self.acked.min(self.cursor);
        while let Some(piece) = self.pieces.front().filter(|piece| self.start + piece.len <= floor) {
            self.start += piece.len;
            self.next = self.next.saturating_sub(1);
            self.pieces.pop_front();
        }
    }

    /// Cuts the piece in two, the first of `at` bytes.
    fn split(&mut self, index: usize, at: u64) {
        let Some(piece) = self.pieces.get_mut(index) else { return };
        let rest = Piece { chunk: None, len: piece.len - at };
        piece.len = at;
        let Some(chunk) = piece.chunk.take() else { return self.pieces.insert(index + 1, rest) };
        let (head, tail) = chunk.split_at(usize::try_from(at).unwrap_or(usize::MAX));
        piece.chunk = Some(head);
        self.pieces.insert(index + 1, Piece { chunk: Some(tail), ..rest });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    fn filled(len: usize) -> Outbound<Vec<u8>> {
        let mut outbound = Outbound::new(true);
        outbound.push((0..len).map(|n| n as u8).collect());
        outbound
    }

    #[test]
    fn no_more_than_the_window_is_sent_and_the_rest_follows_the_ack() {
        let mut outbound = filled(70_000);
        assert_eq!(outbound.room(), 0);
        assert_eq!(outbound.next_message(u64::MAX).unwrap().len(), 65_536);
        assert_eq!(outbound.next_message(u64::MAX), None);
        outbound.ack(4464, false).unwrap();
        assert_eq!(outbound.next_message(u64::MAX).unwrap().len(), 4464);
        assert_eq!(outbound.room(), 0);
        outbound.ack(70_000, false).unwrap();
        assert_eq!((outbound.held(), outbound.room()), (0, 16_384));
    }

    #[test]
    fn what_an_older_carrier_delivered_is_still_given_to_the_newer() {
        let mut outbound = filled(100);
        outbound.next_message(u64::MAX);
        outbound.resume(10).unwrap();
        outbound.ack(60, false).unwrap();
        let again = outbound.next_message(u64::MAX).unwrap();
        assert_eq!((again.len(), again[0]), (90, 10));
        outbound.ack(100, false).unwrap();
        assert_eq!(outbound.held(), 0);
    }

    #[test]
    fn a_new_carrier_is_given_little_until_it_has_proved_itself() {
        let mut outbound = filled(500_000);
        outbound.widen(limits::WINDOW_MAX);
        outbound.next_message(u64::MAX);
        outbound.resume(1000).unwrap();
        assert_eq!(outbound.next_message(u64::MAX).unwrap().len(), 65_536);
        assert_eq!(outbound.next_message(u64::MAX), None);
        outbound.ack(1000, false).unwrap();
        assert_eq!(outbound.next_message(u64::MAX).unwrap().len(), 433_464);
    }

    #[test]
    fn impossible_claims_are_refused() {
        let mut outbound = filled(100);
        outbound.next_message(50);
        outbound.ack(20, false).unwrap();
        assert_eq!(outbound.ack(19, false), Err(Code::Protocol));
        assert_eq!(outbound.ack(51, false), Err(Code::Protocol));
        assert_eq!(outbound.ack(50, true), Err(Code::Protocol));
        assert_eq!(outbound.resume(19), Err(Code::Protocol));
        assert_eq!(outbound.resume(51), Err(Code::Protocol));
    }

    #[test]
    fn the_end_is_said_behind_the_bytes_and_again_on_each_carrier_until_acked() {
        let mut outbound = filled(10);
        outbound.finish();
        assert_eq!(outbound.next_fin(), None);
        outbound.next_message(u64::MAX);
        assert_eq!(outbound.next_fin(), Some(10));
        assert_eq!(outbound.next_fin(), None);
        outbound.resume(10).unwrap();
        assert_eq!(outbound.next_fin(), Some(10));
        outbound.ack(10, true).unwrap();
        assert!(outbound.is_over());
        outbound.resume(10).unwrap();
        assert_eq!(outbound.next_fin(), None);
    }

    #[test]
    fn tiny_messages_are_bounded_by_their_number() {
        let mut outbound = Outbound::new(true);
        for n in 0..limits::IN_FLIGHT_MESSAGES {
            assert!(outbound.room() > 0, "after {n}");
            outbound.push(vec![1]);
            assert!(outbound.next_message(u64::MAX).is_some());
        }
        assert_eq!(outbound.room(), 0);
        outbound.ack(1, false).unwrap();
        assert!(outbound.room() > 0);
    }

    #[test]
    fn without_resume_nothing_is_kept() {
        let mut outbound = Outbound::new(false);
        outbound.push(vec![1; 10]);
        outbound.next_message(u64::MAX);
        assert!(outbound.pieces.iter().all(|piece| piece.chunk.is_none()));
        assert!(!outbound.can_resume(5));
    }
}
