//! One IP packet as a censor sees it, and the packets it forges.
//!
//! It judges nothing and keeps nothing. Checksums are written and never verified: who reads along does not either. Fragments and
//! all that is neither TCP nor UDP are [`Transport::Other`].

use std::net::IpAddr;

use etherparse::{IpNumber, IpSlice, PacketBuilder, PacketBuilderStep, TcpHeader, TcpSlice, UdpSlice};

/// Hops that a forged packet may take. It differs from what end systems send, as it does in the field.
const FORGED_TTL: u8 = 101;

/// Which way a packet travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client.
    Up,
    /// To the client.
    Down,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn back(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// An end of the path, as one packet has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who sent the packet.
    Sender,
    /// Whom it is for.
    Receiver,
}

/// A packet, read.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Who sent it, or who is said to have.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// Its size with all headers, in bytes.
    pub length: usize,
    /// What it carries.
    pub transport: Transport<'a>,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// A UDP datagram.
    Udp(Udp<'a>),
    /// Anything else, also a fragment, and TCP or UDP that cannot be read.
    Other,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Sequence number of the first byte, or of SYN.
    pub sequence: u32,
    /// What the sender expects next. Means something only with `ack`.
    pub acknowledgment: u32,
    /// Receive window as it stands in the header, in bytes before scaling.
    pub window: u16,
    /// Size of the header with options, in bytes: 20 without any.
    pub header: usize,
    /// SYN is set.
    pub syn: bool,
    /// ACK is set.
    pub ack: bool,
    /// FIN is set.
    pub fin: bool,
    /// RST is set.
    pub rst: bool,
    /// The data.
    pub payload: &'a [u8],
}

impl Tcp<'_> {
    /// How far it moves the sequence number on: its bytes, and one each for SYN and FIN.
    #[must_use]
    pub fn span(&self) -> u32 {
        // An IP packet has at most 65 535 bytes.
        let bytes = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        bytes.wrapping_add(u32::from(self.syn)).wrapping_add(u32::from(self.fin))
    }
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The data.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet that begins with its IP header. `None` if there is no whole IP packet.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let ip = IpSlice::from_slice(bytes).ok()?;
        let (source, destination) = (ip.source_addr(), ip.destination_addr());
        let carried = ip.payload().clone();
        let transport = match carried.ip_number {
            _ if carried.fragmented => Transport::Other,
            IpNumber::TCP => tcp(carried.payload),
            IpNumber::UDP => udp(carried.payload),
            _ => Transport::Other,
        };
        Some(Self { source, destination, length: bytes.len(), transport })
    }

    /// The TCP segment, if it is one.
    #[must_use]
    pub const fn tcp(&self) -> Option<&Tcp<'a>> {
        match &self.transport {
            Transport::Tcp(tcp) => Some(tcp),
            Transport::Udp(_) | Transport::Other => None,
        }
    }

    /// The UDP datagram, if it is one.
    #[must_use]
    pub const fn udp(&self) -> Option<&Udp<'a>> {
        match &self.transport {
            Transport::Udp(udp) => Some(udp),
            Transport::Tcp(_) | Transport::Other => None,
        }
    }

    /// The data of either. Empty for anything else.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        match &self.transport {
            Transport::Tcp(tcp) => tcp.payload,
            Transport::Udp(udp) => udp.payload,
            Transport::Other => &[],
        }
    }

    /// The address of the end that is not the client.
    #[must_use]
    pub const fn server(&self, direction: Direction) -> IpAddr {
        match direction {
            Direction::Up => self.destination,
            Direction::Down => self.source,
        }
    }

    /// The client's address.
    #[must_use]
    pub const fn client(&self, direction: Direction) -> IpAddr {
        self.server(direction.back())
    }
}

fn tcp(bytes: &[u8]) -> Transport<'_> {
    let Ok(slice) = TcpSlice::from_slice(bytes) else { return Transport::Other };
    Transport::Tcp(Tcp {
        source_port: slice.source_port(),
        destination_port: slice.destination_port(),
        sequence: slice.sequence_number(),
        acknowledgment: slice.acknowledgment_number(),
        window: slice.window_size(),
        header: slice.header_slice().len(),
        syn: slice.syn(),
        ack: slice.ack(),
        fin: slice.fin(),
        rst: slice.rst(),
        payload: slice.payload(),
    })
}

fn udp(bytes: &[u8]) -> Transport<'_> {
    let Ok(slice) = UdpSlice::from_slice(bytes) else { return Transport::Other };
    Transport::Udp(Udp {
        source_port: slice.source_port(),
        destination_port: slice.destination_port(),
        payload: slice.payload(),
    })
}

/// How a reset is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgery {
    /// Bytes of payload, which no end system would send.
    pub payload: usize,
    /// With ACK. Who answers a segment without ACK sets it anyhow: nothing else would be believed.
    pub ack: bool,
    /// The packet that is answered reaches its receiver. Then the receiver expects the byte after it.
    pub passed: bool,
}

/// A forged reset towards one end of the connection that the segment belongs to, with the numbers that end expects. `None` if it
/// is no TCP segment.
#[must_use]
pub fn reset(of: &Packet<'_>, to: Side, forgery: Forgery) -> Option<Vec<u8>> {
    let tcp = of.tcp()?;
    let after = tcp.sequence.wrapping_add(tcp.span());
    let (from, towards, mut header) = match to {
        Side::Sender => {
            let sequence = if tcp.ack { tcp.acknowledgment } else { 0 };
            let mut header = TcpHeader::new(tcp.destination_port, tcp.source_port, sequence, tcp.window);
            header.ack = forgery.ack || !tcp.ack;
            header.acknowledgment_number = after;
            (of.destination, of.source, header)
        }
        Side::Receiver => {
            let sequence = if forgery.passed { after } else { tcp.sequence };
            let mut header = TcpHeader::new(tcp.source_port, tcp.destination_port, sequence, tcp.window);
            header.ack = forgery.ack && tcp.ack;
            header.acknowledgment_number = tcp.acknowledgment;
            (of.source, of.destination, header)
        }
    };
    header.rst = true;
    if !header.ack {
        header.acknowledgment_number = 0;
    }
    let payload: Vec<u8> = (1..=u8::MAX).cycle().take(forgery.payload).collect();
    let mut bytes = Vec::new();
    ip(from, towards)?.tcp_header(header).write_to_vec(&mut bytes, &payload).ok()?;
    Some(bytes)
}

/// A forged answer to a datagram. `None` if it is none, or the payload is too large for a packet.
#[must_use]
pub fn udp_answer(of: &Packet<'_>, payload: &[u8]) -> Option<Vec<u8>> {
    let udp = of.udp()?;
    let builder = ip(of.destination, of.source)?.udp(udp.destination_port, udp.source_port);
    let mut bytes = Vec::new();
    builder.write_to_vec(&mut bytes, payload).ok()?;
    Some(bytes)
}

fn ip(from: IpAddr, to: IpAddr) -> Option<PacketBuilderStep<etherparse::IpHeaders>> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Some(PacketBuilder::ipv4(from.octets(), to.octets(), FORGED_TTL)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Some(PacketBuilder::ipv6(from.octets(), to.octets(), FORGED_TTL)),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

#[cfg(test)]
mod tests;
