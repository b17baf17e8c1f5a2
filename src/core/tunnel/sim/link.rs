//! Simulated carriers: what travels, how long it takes, and what becomes of it.

use std::{string::String, vec::Vec};

use super::super::Carrier;
use crate::codes::Code;

/// What travels.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Upgrade(String),
    Accepted,
    Data(Vec<u8>),
    Text(String),
    Ping,
    Pong,
    Close(Code),
}

/// Bytes that a network sees of TLS and of the upgrade's answer.
const HANDSHAKE: u64 = 3 << 10;

impl Item {
    /// Bytes that a network sees: a header of a few bytes, and a record of TLS.
    pub(super) fn wire(&self) -> u64 {
        match self {
            Self::Upgrade(header) => header.len() as u64,
            Self::Accepted => HANDSHAKE,
            Self::Data(bytes) => bytes.len() as u64 + 4 + 22 * (1 + bytes.len() as u64 / (16 << 10)),
            Self::Text(text) => text.len() as u64 + 4 + 22,
            Self::Ping | Self::Pong | Self::Close(_) => 24,
        }
    }
}

/// What becomes of a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Lives,
    /// It is never reached, and that is told, or not.
    Unreachable {
        told: bool,
    },
    /// The upgrade is not answered, and that is told, or not.
    Unanswered {
        told: bool,
    },
    /// It dies when so many messages have gone over it.
    DiesAfter(u32),
    /// From so many messages on nothing arrives any more.
    SilentAfter(u32),
    /// From this time on nothing arrives any more.
    SilentAt(u64),
    /// From this time on everything takes this much longer, so that it arrives when nobody expects it any more.
    SlowAt(u64, u64),
}

/// What all carriers share: a line of little bandwidth that loses packets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// Bytes a second, each way.
    pub(super) rate: Option<u64>,
    /// One packet in so many is lost.
    pub(super) loses: Option<u64>,
    /// When it has carried all that it was given.
    free_at: u64,
}

/// Bytes of a packet.
const PACKET: u64 = 1400;

impl Line {
    pub(super) const fn new(rate: Option<u64>, loses: Option<u64>) -> Self {
        Self { rate, loses, free_at: 0 }
    }

    /// So many bytes are sent now; gives when the last of them leaves, and how much later what was lost on the way is there.
    pub(super) fn carry(&mut self, bytes: u64, round_trip: u64, now: u64, rng: &mut fastrand::Rng) -> (u64, u64) {
        let packets = bytes.div_ceil(PACKET);
        let lost = self.loses.is_some_and(|one_in| (0..packets).any(|_| rng.u64(..one_in) == 0));
        self.free_at = self.free_at.max(now) + self.rate.map_or(0, |rate| bytes * 1000 / rate);
        (self.free_at, if lost { round_trip + 200 } else { 0 })
    }
}

/// One way of a carrier.
#[derive(Debug)]
pub(super) struct Way {
    latency: u64,
    jitter: u64,
    last: u64,
    pub(super) wire: u64,
    /// What is sent from now on does not arrive.
    pub(super) cut: bool,
    /// Nor what was on its way.
    pub(super) lost: bool,
}

impl Way {
    pub(super) const fn new(latency: u64, jitter: u64) -> Self {
        Self { latency, jitter, last: 0, wire: 0, cut: false, lost: false }
    }

    /// When what leaves then arrives, never before what was sent earlier; nothing if it does not.
    pub(super) fn send(
        &mut self,
        item: &Item,
        freeze: Option<u64>,
        leaves: u64,
        rng: &mut fastrand::Rng,
    ) -> Option<u64> {
        self.wire += item.wire();
        if self.cut || freeze.is_some_and(|most| self.wire > most) {
            return None;
        }
        self.last = self.last.max(leaves + self.latency + rng.u64(..=self.jitter));
        Some(self.last)
    }

    /// From now on everything takes this long.
    pub(super) fn slow_down(&mut self, latency: u64) {
        self.latency = self.latency.max(latency);
    }

    pub(super) const fn latency(&self) -> u64 {
        self.latency + self.jitter
    }
}

/// A carrier, numbered as the client does.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) fate: Fate,
    pub(super) up: Way,
    pub(super) down: Way,
    pub(super) messages: u32,
    /// The relay that it belongs to, and its number there.
    pub(super) relay: Option<(usize, Carrier)>,
    /// Which ends think that it is there, and which have closed it.
    pub(super) client_open: bool,
    pub(super) client_closed: bool,
    pub(super) relay_open: bool,
    pub(super) relay_closed: Option<Code>,
    /// Stream bytes that the relay was allowed to give it, and gave it.
    pub(super) budget: Option<u64>,
    pub(super) given: u64,
    /// Packets that were seen on it.
    pub(super) packets: u64,
    /// Not the client's: somebody tries something.
    pub(super) evil: bool,
    pub(super) reset: Option<Code>,
}

impl Link {
    pub(super) const fn new(fate: Fate, up: Way, down: Way) -> Self {
        Self {
            fate,
            up,
            down,
            messages: 0,
            relay: None,
            client_open: true,
            client_closed: false,
            relay_open: false,
            relay_closed: None,
            budget: None,
            given: 0,
            packets: 0,
            evil: false,
            reset: None,
        }
    }

    /// A round trip, in milliseconds.
    pub(super) const fn round_trip(&self) -> u64 {
        self.up.latency() + self.down.latency()
    }

    /// Nothing arrives any more, and nobody is told.
    pub(super) const fn silence(&mut self) {
        (self.up.cut, self.up.lost, self.down.cut, self.down.lost) = (true, true, true, true);
    }
}
