//! A carrier in use, with what it was given and may still be given.

use super::{Carrier, message::packets};
use crate::limits;

/// The carrier in use.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) carrier: Carrier,
    /// Offset of the next byte it brings.
    pub(super) position: u64,
    /// Bytes it may still be given.
    pub(super) budget: u64,
    /// Packets that may still be made of what it is given.
    pub(super) packets: u64,
    /// Packets that were made of what it was given and brought.
    pub(super) seen: u64,
    /// Bytes it was given.
    pub(super) given: u64,
    /// Bytes it brought.
    pub(super) brought: u64,
    /// Messages it was given that the peer is to answer.
    pub(super) questions: u64,
}

impl Attachment {
    pub(super) fn new(carrier: Carrier, position: u64, allowance: Allowance) -> Self {
        let Allowance { budget, packets } = allowance;
        let [budget, packets] = [budget, packets].map(|most| most.unwrap_or(u64::MAX));
        Self { carrier, position, budget, packets, seen: 0, given: 0, brought: 0, questions: 0 }
    }

    /// It is given a message of so many bytes.
    pub(super) const fn charge(&mut self, len: usize) {
        self.packets = self.packets.saturating_sub(packets(len));
        self.seen = self.seen.saturating_add(packets(len));
    }

    /// The longest message that it may be given.
    pub(super) const fn most(&self) -> u64 {
        let Some(more) = self.packets.checked_sub(1) else { return 0 };
        let of_packets = more.saturating_add(1).saturating_mul(limits::PACKET as u64) - 1;
        if of_packets < self.budget { of_packets } else { self.budget }
    }
}

/// What a carrier may be given; no limit where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Allowance {
    /// Bytes of the stream.
    pub(super) budget: Option<u64>,
    /// Packets, as [`packets`] reckons them.
    pub(super) packets: Option<u64>,
}
