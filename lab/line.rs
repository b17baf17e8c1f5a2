//! A line with delay, rate, queue, loss and the other troubles of bad networks, in virtual time.
//!
//! It changes no packet and forges none. That an address changes, whoever runs the lab must do: here it is only said.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    flow::FlowKey,
    packet::{Direction, Packet},
    rate,
};

/// What a line is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Its name, for the command line and for tables.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// How long a packet is under way, one way.
    pub delay: Duration,
    /// Bytes per second from the client. `None` for no limit.
    pub up: Option<u64>,
    /// Bytes per second to the client. `None` for no limit.
    pub down: Option<u64>,
    /// Bytes that may wait where there is a rate. What comes then is dropped.
    pub queue: usize,
    /// How likely a packet is lost.
    pub loss: f64,
    /// Largest packet in bytes. A larger one vanishes, and nobody is told.
    pub mtu: usize,
    /// Between these times after the first packet nothing passes. What is under way then is lost as well.
    pub dark: Option<(Duration, Duration)>,
    /// A flow that is silent so long is forgotten by the NAT: nothing of it passes until a new SYN, or a datagram of the client.
    pub forget: Option<Duration>,
    /// The client's address changes once. The line does nothing about it.
    pub moves: bool,
}

/// A line like most.
pub const GOOD: Conditions = Conditions {
    name: "good",
    what: "100 ms round trip.",
    delay: Duration::from_millis(50),
    up: None,
    down: None,
    queue: 64 * 1024,
    loss: 0.0,
    mtu: 1500,
    dark: None,
    forget: None,
    moves: false,
};

/// The lines of the lab, the good one first.
pub static LINES: &[Conditions] = &[
    GOOD,
    Conditions { name: "far", what: "400 ms round trip.", delay: Duration::from_millis(200), ..GOOD },
    Conditions {
        name: "far-lossy",
        what: "400 ms round trip, and 5 % of the packets are lost each way.",
        delay: Duration::from_millis(200),
        loss: 0.05,
        ..GOOD
    },
    Conditions { name: "slow-up", what: "64 kbit/s from the client.", up: Some(8000), ..GOOD },
    Conditions {
        name: "forgetful-nat",
        what: "The NAT forgets a flow after 30 s of silence.",
        forget: Some(Duration::from_secs(30)),
        ..GOOD
    },
    Conditions { name: "moving", what: "The client's address changes.", moves: true, ..GOOD },
    Conditions { name: "narrow", what: "MTU of 1280, and nobody is told of it.", mtu: 1280, ..GOOD },
    Conditions {
        name: "dark",
        what: "Nothing passes for 10 s, from 10 s after the first packet on.",
        dark: Some((Duration::from_secs(10), Duration::from_secs(20))),
        ..GOOD
    },
];

/// Of so many milliseconds a round trip, so many packets of a hundred lost each way, and so many Mbit/s either way.
macro_rules! ordinary {
    ($round_trip:literal ms, $loss:literal %, $rate:literal Mbit) => {
        Conditions {
            name: concat!($round_trip, "ms-", $loss, "%-", $rate, "mbit"),
            what: "",
            delay: Duration::from_millis($round_trip / 2),
            up: Some($rate * 125_000),
            down: Some($rate * 125_000),
            // A fifth of a second, as routers at home keep and more.
            queue: $rate * 25_000,
            loss: $loss as f64 / 100.0,
            ..GOOD
        }
    };
}

/// Ordinary lines, on which speed is measured.
pub static ORDINARY: &[Conditions] = &[
    ordinary!(20 ms, 0 %, 20 Mbit),
    ordinary!(20 ms, 1 %, 20 Mbit),
    ordinary!(20 ms, 3 %, 20 Mbit),
    ordinary!(20 ms, 0 %, 2 Mbit),
    ordinary!(20 ms, 1 %, 2 Mbit),
    ordinary!(20 ms, 3 %, 2 Mbit),
    ordinary!(100 ms, 0 %, 20 Mbit),
    ordinary!(100 ms, 1 %, 20 Mbit),
    ordinary!(100 ms, 3 %, 20 Mbit),
    ordinary!(100 ms, 0 %, 2 Mbit),
    ordinary!(100 ms, 1 %, 2 Mbit),
    ordinary!(100 ms, 3 %, 2 Mbit),
    ordinary!(300 ms, 0 %, 20 Mbit),
    ordinary!(300 ms, 1 %, 20 Mbit),
    ordinary!(300 ms, 3 %, 20 Mbit),
    ordinary!(300 ms, 0 %, 2 Mbit),
    ordinary!(300 ms, 1 %, 2 Mbit),
    ordinary!(300 ms, 3 %, 2 Mbit),
];

/// The line of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Conditions> {
    LINES.iter().chain(ORDINARY).find(|line| line.name == name)
}

/// A line, and what is under way on it. First in, first out, each way for itself.
#[derive(Debug)]
pub struct Line {
    conditions: &'static Conditions,
    rng: StdRng,
    up: Way,
    down: Way,
    /// When the first packet came.
    began: Option<Duration>,
    /// When the last packet of each flow passed the NAT.
    known: HashMap<FlowKey, Duration>,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// When the last packet is sent to its last byte.
    busy: Duration,
    /// With the time when each arrives.
    under_way: VecDeque<(Duration, Vec<u8>)>,
}

impl Line {
    /// An empty line. The seed decides what is lost.
    #[must_use]
    pub fn new(conditions: &'static Conditions, seed: u64) -> Self {
        Self {
            conditions,
            rng: StdRng::seed_from_u64(seed),
            up: Way::default(),
            down: Way::default(),
            began: None,
            known: HashMap::new(),
        }
    }

    /// Puts a packet on the line, at a time that never runs backwards.
    pub fn push(&mut self, packet: Vec<u8>, direction: Direction, now: Duration) {
        self.began.get_or_insert(now);
        if packet.len() > self.conditions.mtu || self.is_dark(now) || !self.is_known(&packet, direction, now) {
            return;
        }
        let (rate, way) = match direction {
            Direction::Up => (self.conditions.up, &mut self.up),
            Direction::Down => (self.conditions.down, &mut self.down),
        };
        let sent = way.busy.max(now);
        let sent = match rate {
            None => sent,
            Some(rate) => {
                let sent = sent.saturating_add(rate::transmit_time(packet.len(), rate));
                if sent.saturating_sub(now) > rate::transmit_time(self.conditions.queue, rate) {
                    return;
                }
                sent
            }
        };
        way.busy = sent;
        let arrives = sent.saturating_add(self.conditions.delay);
        let is_lost = self.rng.random_bool(self.conditions.loss.clamp(0.0, 1.0));
        // What is lost has taken its time on the line.
        if !is_lost && !self.is_dark(arrives) {
            self.way(direction).under_way.push_back((arrives, packet));
        }
    }

    /// When the next packet arrives. `None` if the line is empty.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        [&self.up, &self.down].into_iter().filter_map(|way| way.under_way.front()).map(|(arrives, _)| *arrives).min()
    }

    /// Takes off the next packet that has arrived by now, and the way it went.
    pub fn take(&mut self, now: Duration) -> Option<(Direction, Vec<u8>)> {
        let next = self.next().filter(|next| *next <= now)?;
        let is_next = |way: &Way| way.under_way.front().is_some_and(|(arrives, _)| *arrives == next);
        let direction = if is_next(&self.up) { Direction::Up } else { Direction::Down };
        let (_, packet) = self.way(direction).under_way.pop_front()?;
        Some((direction, packet))
    }

    const fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    fn is_dark(&self, time: Duration) -> bool {
        let since = time.saturating_sub(self.began.unwrap_or(time));
        self.conditions.dark.is_some_and(|(from, to)| from <= since && since < to)
    }

    /// The NAT knows the flow, or learns it now. What is neither TCP nor UDP it does not look at.
    fn is_known(&mut self, packet: &[u8], direction: Direction, now: Duration) -> bool {
        let Some(forget) = self.conditions.forget else { return true };
        let Some(packet) = Packet::parse(packet) else { return true };
        let Some(key) = FlowKey::of(&packet, direction) else { return true };
        let last = self.known.get(&key);
        let is_remembered = last.is_some_and(|last| now.saturating_sub(*last) < forget);
        // A datagram of the client's opens the way again, as does a SYN, and the first packet of a flow that began before the line.
        let opens = packet.tcp().is_none_or(|tcp| tcp.syn && !tcp.ack) || last.is_none();
        let is_known = is_remembered || direction == Direction::Up && opens;
        if is_known {
            self.known.insert(key, now);
        }
        is_known
    }
}

#[cfg(test)]
mod tests;
