//! Packets and hellos made by hand, for tests.
//!
//! Nothing here judges: it only builds what clients and servers would send.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};

use crate::{
    behaviour,
    censor::{Censor, Lists, Verdict},
    packet::Direction,
};

/// First sequence numbers, near the end of the space: they wrap.
pub(crate) const CLIENT_ISN: u32 = u32::MAX - 100;
pub(crate) const SERVER_ISN: u32 = u32::MAX - 7;
/// The name on the lists of [`censor`].
pub(crate) const LISTED: &str = "relay.example";
pub(crate) const ALLOWED: &str = "bank.example";
/// The address on the lists of [`censor`].
pub(crate) const LISTED_SERVER: &str = "192.0.2.1";
pub(crate) const ALLOWED_SERVER: &str = "192.0.2.99";
pub(crate) const OTHER_SERVER: &str = "203.0.113.5";
/// A client whose address is allowed.
pub(crate) const ALLOWED_CLIENT: &str = "10.0.0.99";

/// A censor of this behaviour with the lists above.
pub(crate) fn censor(name: &str) -> Censor {
    let addresses = |list: &[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
    let lists = Lists {
        names: vec![LISTED.to_owned()],
        allowed_names: vec![ALLOWED.to_owned()],
        addresses: addresses(&[LISTED_SERVER, "2001:db8::1"]),
        allowed_addresses: addresses(&[ALLOWED_SERVER, ALLOWED_CLIENT]),
    };
    Censor::new(behaviour::find(name).unwrap(), lists, 7)
}

pub(crate) const fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One packet from either end, judged.
pub(crate) fn up(censor: &mut Censor, packet: &[u8], at: u64) -> Verdict {
    censor.judge(packet, Direction::Up, second(at))
}

pub(crate) fn down(censor: &mut Censor, packet: &[u8], at: u64) -> Verdict {
    censor.judge(packet, Direction::Down, second(at))
}

/// A connection, which builds packets one after the other.
#[derive(Clone)]
pub(crate) struct Talk {
    client: SocketAddr,
    server: SocketAddr,
    sent: u32,
    received: u32,
    /// TCP options in each segment, as timestamps take.
    pub(crate) options: bool,
}

impl Talk {
    /// To a server's port 443, from this port of the client.
    pub(crate) fn new(server: &str, port: u16) -> Self {
        Self::between(if server.contains(':') { "2001:db8:ffff::2" } else { "10.0.0.2" }, port, server, 443)
    }

    pub(crate) fn between(client: &str, port: u16, server: &str, server_port: u16) -> Self {
        let at = |address: &str, port| SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
        Self { client: at(client, port), server: at(server, server_port), sent: 1, received: 1, options: true }
    }

    pub(crate) fn syn(&self) -> Vec<u8> {
        self.tcp(Direction::Up, 0, &[], |header| {
            header.syn = true;
            header.ack = false;
            header.acknowledgment_number = 0;
        })
    }

    pub(crate) fn syn_ack(&self) -> Vec<u8> {
        self.tcp(Direction::Down, 0, &[], |header| header.syn = true)
    }

    /// Data from the client.
    pub(crate) fn up(&mut self, payload: &[u8]) -> Vec<u8> {
        let packet = self.up_at(self.sent - 1, payload);
        self.sent += payload.len() as u32;
        packet
    }

    /// Data from the client, so many bytes from the beginning of the stream.
    pub(crate) fn up_at(&self, offset: u32, payload: &[u8]) -> Vec<u8> {
        self.tcp(Direction::Up, offset + 1, payload, |header| header.psh = !payload.is_empty())
    }

    /// Data from the server.
    pub(crate) fn down(&mut self, payload: &[u8]) -> Vec<u8> {
        let packet = self.tcp(Direction::Down, self.received, payload, |header| header.psh = true);
        self.received += payload.len() as u32;
        packet
    }

    /// The client's FIN.
    pub(crate) fn fin(&self) -> Vec<u8> {
        self.tcp(Direction::Up, self.sent, &[], |header| header.fin = true)
    }

    /// A datagram.
    pub(crate) fn udp(&self, direction: Direction, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.ends(direction);
        let mut packet = Vec::new();
        ip(from, to).udp(from.port(), to.port()).write_to_vec(&mut packet, payload).unwrap();
        packet
    }

    fn tcp(&self, direction: Direction, sequence: u32, payload: &[u8], with: impl FnOnce(&mut TcpHeader)) -> Vec<u8> {
        let (from, to) = self.ends(direction);
        let (isn, other, expected) = match direction {
            Direction::Up => (CLIENT_ISN, SERVER_ISN, self.received),
            Direction::Down => (SERVER_ISN, CLIENT_ISN, self.sent),
        };
        let mut header = TcpHeader::new(from.port(), to.port(), isn.wrapping_add(sequence), 501);
        header.ack = true;
        header.acknowledgment_number = other.wrapping_add(expected);
        if self.options {
            header.set_options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]).unwrap();
        }
        with(&mut header);
        let mut packet = Vec::new();
        ip(from, to).tcp_header(header).write_to_vec(&mut packet, payload).unwrap();
        packet
    }

    const fn ends(&self, direction: Direction) -> (SocketAddr, SocketAddr) {
        match direction {
            Direction::Up => (self.client, self.server),
            Direction::Down => (self.server, self.client),
        }
    }
}

fn ip(from: SocketAddr, to: SocketAddr) -> PacketBuilderStep<etherparse::IpHeaders> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 64),
        _ => panic!("two families"),
    }
}

/// What a hello is made of.
#[derive(Clone, Copy, Default)]
pub(crate) struct Made<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) grease: bool,
    pub(crate) alps: Option<u16>,
    pub(crate) ech: bool,
    /// Bytes of padding before the name.
    pub(crate) padding: usize,
}

impl Made<'_> {
    /// The handshake message.
    pub(crate) fn message(self) -> Vec<u8> {
        let mut extensions = Vec::new();
        extension(&mut extensions, 21, &vec![0; self.padding]);
        if self.ech {
            extension(&mut extensions, 0xfe0d, &[0; 32]);
        }
        if let Some(name) = self.name {
            let length = (name.len() as u16).to_be_bytes();
            let list = (name.len() as u16 + 3).to_be_bytes();
            extension(&mut extensions, 0, &[&list[..], &[0], &length, name.as_bytes()].concat());
        }
        if let Some(kind) = self.alps {
            extension(&mut extensions, kind, &[0, 3, 2, b'h', b'2']);
        }
        extension(&mut extensions, 43, &[2, 3, 4]);
        let suites: &[u8] = if self.grease { &[0x2a, 0x2a, 0x13, 1] } else { &[0x13, 1, 0x13, 2] };
        let body = [
            &[3, 3][..],
            &[9; 32],
            &[32],
            &[8; 32],
            &[0, 4],
            suites,
            &[1, 0],
            &(extensions.len() as u16).to_be_bytes(),
            &extensions,
        ]
        .concat();
        [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    }

    /// In one record.
    pub(crate) fn record(self) -> Vec<u8> {
        record(22, &self.message())
    }

    /// In two records, cut behind so many bytes of the message.
    pub(crate) fn two_records(self, at: usize) -> Vec<u8> {
        let message = self.message();
        [record(22, &message[..at]), record(22, &message[at..])].concat()
    }
}

fn extension(into: &mut Vec<u8>, kind: u16, value: &[u8]) {
    into.extend_from_slice(&kind.to_be_bytes());
    into.extend_from_slice(&(value.len() as u16).to_be_bytes());
    into.extend_from_slice(value);
}

/// A hello of no browser's, with a name.
pub(crate) fn plain(name: &str) -> Made<'_> {
    Made { name: Some(name), ..Made::default() }
}

/// A hello as Chromium's.
pub(crate) fn chrome(name: Option<&str>) -> Made<'_> {
    Made { name, grease: true, alps: Some(17_613), ..Made::default() }
}

/// A TLS record.
pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// Where in the bytes the middle of the name is.
pub(crate) fn inside_name(bytes: &[u8], name: &str) -> usize {
    bytes.windows(name.len()).position(|at| at == name.as_bytes()).unwrap() + name.len() / 2
}

/// A DNS question.
pub(crate) fn dns_question(name: &str, kind: u16) -> Vec<u8> {
    let mut question = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend_from_slice(label.as_bytes());
    }
    question.push(0);
    question.extend_from_slice(&kind.to_be_bytes());
    question.extend_from_slice(&[0, 1]);
    question
}
