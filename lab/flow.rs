//! What is kept of every flow: packets, bytes, the client's first bytes put together, and its hello.
//!
//! It judges nothing. Of bytes that come twice the first stand. A flow that ends or falls silent is kept until room is needed.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{
    hello::{self, Depth, Hello},
    packet::{Direction, Packet, Tcp, Transport},
    rate::Bucket,
};

/// Bytes of a client's stream that are put together.
const STREAM: usize = 16 * 1024;
/// Segments that wait for one before them.
const WAITING: usize = 64;
/// Bytes kept of each of the client's first two data packets.
const HEAD: usize = 64;
/// Flows that are kept.
const FLOWS: usize = 16_384;
/// A flow is over when it was silent so long.
const SILENCE: Duration = Duration::from_secs(120);

/// Which flow a packet belongs to, the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// The end behind the censor.
    pub client: SocketAddr,
    /// The other end.
    pub server: SocketAddr,
    /// TCP, and not UDP.
    pub is_tcp: bool,
}

impl FlowKey {
    /// The flow of a packet. `None` if it is neither TCP nor UDP.
    #[must_use]
    pub const fn of(packet: &Packet<'_>, direction: Direction) -> Option<Self> {
        let (source, destination, is_tcp) = match &packet.transport {
            Transport::Tcp(tcp) => (tcp.source_port, tcp.destination_port, true),
            Transport::Udp(udp) => (udp.source_port, udp.destination_port, false),
            Transport::Other => return None,
        };
        let source = SocketAddr::new(packet.source, source);
        let destination = SocketAddr::new(packet.destination, destination);
        Some(match direction {
            Direction::Up => Self { client: source, server: destination, is_tcp },
            Direction::Down => Self { client: destination, server: source, is_tcp },
        })
    }
}

/// The beginning of a client's TCP stream, put together.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Sequence number of the first byte.
    base: Option<u32>,
    bytes: Vec<u8>,
    /// Where each piece ends, in the order of the stream.
    ends: Vec<usize>,
    /// By offset.
    waiting: BTreeMap<usize, Vec<u8>>,
}

impl Stream {
    /// What is there without a hole, from the first byte on.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// In how many pieces the first bytes came.
    #[must_use]
    pub fn pieces(&self, within: usize) -> usize {
        self.ends.iter().take_while(|end| **end < within).count() + usize::from(within > 0)
    }

    /// A piece of fewer bytes than `short` ends before so many are there.
    #[must_use]
    pub fn is_cut(&self, within: usize, short: usize) -> bool {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).any(|(start, end)| *end < within && end - start < short)
    }

    fn push(&mut self, sequence: u32, payload: &[u8]) {
        let base = *self.base.get_or_insert(sequence);
        // What lies before the beginning is a retransmission with bytes of SYN's number, or forged.
        let distance = sequence.wrapping_sub(base).cast_signed();
        let skipped = usize::try_from(distance.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let offset = usize::try_from(distance.max(0)).unwrap_or(usize::MAX);
        let fresh = payload.get(skipped..).unwrap_or_default();
        let room = STREAM.saturating_sub(offset).min(fresh.len());
        if room == 0 || self.waiting.len() >= WAITING && offset > self.bytes.len() {
            return;
        }
        let piece = self.waiting.entry(offset).or_default();
        piece.extend_from_slice(fresh[..room].get(piece.len()..).unwrap_or_default());
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() <= self.bytes.len()) {
            let (offset, piece) = entry.remove_entry();
            let fresh = piece.get(self.bytes.len() - offset..).unwrap_or_default();
            if !fresh.is_empty() {
                self.bytes.extend_from_slice(fresh);
                self.ends.push(self.bytes.len());
            }
        }
    }
}

/// What is done to all later packets of a flow.
#[derive(Clone, Copy, Debug)]
pub enum Doom {
    /// They are dropped.
    Drop,
    /// They pass at a rate.
    Police {
        /// For packets from the client.
        up: Bucket,
        /// For packets to the client.
        down: Bucket,
    },
}

/// One flow.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Packets, both ways together.
    pub packets: u32,
    /// Bytes of payload from the server, those sent again with them.
    pub down_bytes: u64,
    /// Data packets from the client, those sent again with them.
    pub client_data: u32,
    /// Data packets from the server.
    pub server_data: u32,
    /// The beginnings of the client's first two data packets, one behind the other.
    pub head: Vec<u8>,
    /// What the client sent.
    pub stream: Stream,
    /// Its hello, as far as it is there, put together over segments and records.
    pub hello: Option<Hello>,
    /// A rule was triggered in it before.
    pub judged: bool,
    /// Its last SYN was dropped by the censor.
    pub refused: bool,
    /// What is done to all its later packets.
    pub doom: Option<Doom>,
    /// When its last packet came.
    last: Duration,
    /// Sequence number of the client's SYN.
    first: Option<u32>,
    /// The client has ended it, or either end has reset it.
    ended: bool,
}

impl Flow {
    /// It goes on, as far as one can know.
    #[must_use]
    pub fn is_open(&self, now: Duration) -> bool {
        !self.ended && now.saturating_sub(self.last) < SILENCE
    }

    fn note(&mut self, packet: &Packet<'_>, direction: Direction, now: Duration) {
        self.packets = self.packets.saturating_add(1);
        self.last = now;
        let payload = packet.payload();
        if !payload.is_empty() {
            match direction {
                Direction::Up => {
                    self.client_data = self.client_data.saturating_add(1);
                    if self.client_data <= 2 {
                        self.head.extend(payload.iter().take(HEAD));
                    }
                }
                Direction::Down => {
                    self.server_data = self.server_data.saturating_add(1);
                    self.down_bytes = self.down_bytes.saturating_add(payload.len() as u64);
                }
            }
        }
        if let Some(tcp) = packet.tcp() {
            self.note_tcp(tcp, direction);
        }
    }

    fn note_tcp(&mut self, tcp: &Tcp<'_>, direction: Direction) {
        self.ended |= tcp.rst || tcp.fin && direction == Direction::Up;
        if direction == Direction::Down {
            return;
        }
        let start = tcp.sequence.wrapping_add(u32::from(tcp.syn));
        if tcp.syn {
            self.first = Some(tcp.sequence);
            self.stream.base.get_or_insert(start);
        }
        if !tcp.payload.is_empty() {
            self.stream.push(start, tcp.payload);
            self.read_hello();
        }
    }

    fn read_hello(&mut self) {
        if self.hello.as_ref().is_none_or(|hello| !hello.complete) {
            self.hello = hello::read(self.stream.bytes(), Depth::Records);
            if let Some(hello) = &mut self.hello {
                hello.segments = self.stream.pieces(hello.length);
            }
        }
    }
}

/// All flows.
#[derive(Clone, Debug, Default)]
pub struct Flows(HashMap<FlowKey, Flow>);

impl Flows {
    /// Counts a packet in and gives its flow. A SYN with another sequence number begins the flow anew. The flow's hello may be new:
    /// then the second value is true.
    pub fn note(
        &mut self,
        key: FlowKey,
        packet: &Packet<'_>,
        direction: Direction,
        now: Duration,
    ) -> (&mut Flow, bool) {
        if self.0.len() >= FLOWS && !self.0.contains_key(&key) {
            self.0.retain(|_, flow| flow.is_open(now));
            if self.0.len() >= FLOWS {
                self.0.clear();
            }
        }
        let flow = self.0.entry(key).or_default();
        let begins = packet.tcp().filter(|tcp| direction == Direction::Up && tcp.syn && !tcp.ack);
        if begins.is_some_and(|tcp| flow.first != Some(tcp.sequence)) {
            *flow = Flow::default();
        }
        let was_complete = flow.hello.as_ref().is_some_and(|hello| hello.complete);
        flow.note(packet, direction, now);
        let is_complete = flow.hello.as_ref().is_some_and(|hello| hello.complete);
        (flow, is_complete && !was_complete)
    }

    /// One flow.
    #[must_use]
    pub fn get(&self, key: FlowKey) -> Option<&Flow> {
        self.0.get(&key)
    }

    /// One flow, to be changed.
    pub fn get_mut(&mut self, key: FlowKey) -> Option<&mut Flow> {
        self.0.get_mut(&key)
    }

    /// The open ones between two addresses in TCP, without this one and those that were refused.
    #[must_use]
    pub fn beside(&self, key: FlowKey, now: Duration) -> usize {
        let ends = |key: &FlowKey| -> (IpAddr, IpAddr) { (key.client.ip(), key.server.ip()) };
        let is_beside = |(other, flow): &(&FlowKey, &Flow)| {
            **other != key && other.is_tcp && ends(other) == ends(&key) && !flow.refused && flow.is_open(now)
        };
        self.0.iter().filter(is_beside).count()
    }

    /// The open ones of which this holds.
    pub fn count(&self, now: Duration, of: impl Fn(&FlowKey, &Flow) -> bool) -> usize {
        self.0.iter().filter(|(key, flow)| flow.is_open(now) && of(key, flow)).count()
    }
}

#[cfg(test)]
mod tests;
