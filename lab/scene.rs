//! A packet with all that is known around it, and whether a rule applies to it.
//!
//! It changes nothing, except that chance is drawn. What is done then, `censor` does.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};

use crate::{
    behaviour::{Action, Exempt, Key, Rule, Trigger, Which},
    dns, fingerprint,
    flow::{Flow, FlowKey, Flows},
    hello::{self, Depth, Hello},
    lists::Lists,
    packet::{Direction, Packet, Tcp},
};

/// The port of DNS.
const DNS: u16 = 53;

/// A packet, and where it stands. Its flow has counted it already.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// Which way it goes.
    pub direction: Direction,
    /// The time.
    pub now: Duration,
    /// Its flow, if it is TCP or UDP.
    pub key: Option<FlowKey>,
    /// All flows.
    pub flows: &'a Flows,
    /// The censor's lists.
    pub lists: &'a Lists,
}

/// What of a packet is held against a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// Both addresses and both ports.
    FourTuple(FlowKey),
    /// Client, server, and the server's port.
    ThreeTuple {
        /// The client.
        client: IpAddr,
        /// The server, with its port.
        server: SocketAddr,
    },
    /// Client and server.
    Addresses {
        /// The client.
        client: IpAddr,
        /// The server.
        server: IpAddr,
    },
    /// The name in a hello of Chromium's.
    ChromeName(String),
}

impl<'a> Scene<'a> {
    /// The rule applies to this packet.
    #[must_use]
    pub fn applies(&self, rule: &Rule, rng: &mut StdRng) -> bool {
        !rule.exempt.iter().any(|exempt| self.is_exempt(*exempt)) && self.triggers(rule, rng)
    }

    /// What the packet has of this key.
    #[must_use]
    pub fn held(&self, key: Key) -> Option<Held> {
        let (client, server) = (self.packet.client(self.direction), self.packet.server(self.direction));
        match key {
            Key::FourTuple => self.key.map(Held::FourTuple),
            Key::ThreeTuple => {
                self.key.filter(|key| key.is_tcp).map(|key| Held::ThreeTuple { client, server: key.server })
            }
            Key::Addresses => Some(Held::Addresses { client, server }),
            Key::ChromeName => self.unanswered_chrome_name().map(|name| Held::ChromeName(name.to_owned())),
        }
    }

    /// The flow of the packet.
    #[must_use]
    pub fn flow(&self) -> Option<&'a Flow> {
        self.flows.get(self.key?)
    }

    fn is_exempt(&self, exempt: Exempt) -> bool {
        match exempt {
            Exempt::Name => {
                let name = self.flow().and_then(|flow| flow.hello.as_ref()?.name.as_deref());
                name.is_some_and(|name| self.lists.allows_name(name))
            }
            Exempt::Server => self.lists.allows_address(self.packet.server(self.direction)),
            Exempt::Client => self.lists.allows_address(self.packet.client(self.direction)),
            Exempt::Ipv6 => self.packet.source.is_ipv6(),
        }
    }

    fn triggers(&self, rule: &Rule, rng: &mut StdRng) -> bool {
        let server_port = self.key.map(|key| key.server.port());
        match rule.on {
            Trigger::Hello { depth, which, plain_header } => {
                let once = !matches!(rule.then, Action::Reset(_));
                self.client_data().is_some_and(|(tcp, flow)| {
                    (!plain_header || tcp.header == 20) && self.has_hello(tcp, flow, depth, which, once)
                })
            }
            Trigger::NameInBytes => self.client_data().is_some_and(|(tcp, _)| self.lists.is_name_in(tcp.payload)),
            Trigger::HelloSplit { short } => self.client_data().is_some_and(|(_, flow)| is_split(flow, short)),
            Trigger::FirstRecordNameless { packets } => self
                .client_data()
                .is_some_and(|(_, flow)| flow.client_data <= packets && is_first_record_nameless(flow)),
            Trigger::Request => self.client_data().is_some_and(|(_, flow)| has_request(flow)),
            Trigger::Packets { after } => self.flow().is_some_and(|flow| flow.packets > after),
            Trigger::BytesDown { after } => self.flow().is_some_and(|flow| flow.down_bytes > after),
            Trigger::ChromeCrowd { at_once } => self.is_crowd(at_once),
            Trigger::Connections { most } => self.syn().is_some_and(|key| self.flows.beside(key, self.now) >= most),
            Trigger::Version { number } => self.packet.source.is_ipv6() == (number == 6),
            Trigger::Address => self.lists.has_address(self.packet.server(self.direction)),
            Trigger::ClientData { port, listed } => {
                self.client_data().is_some()
                    && (port.is_none() || port == server_port)
                    && (!listed || self.lists.has_address(self.packet.destination))
            }
            Trigger::Syn { port } => self.syn().is_some_and(|key| key.server.port() == port),
            Trigger::Handshake { port } => {
                server_port == Some(port)
                    && (self.syn().is_some() || self.direction == Direction::Down && self.is_syn(true))
            }
            Trigger::Udp { except } => self.packet.udp().is_some() && server_port != Some(except),
            Trigger::DnsQuestion => self.asks_for_listed(),
            Trigger::ForeignProtocol { ports } => self.client_data().is_some_and(|(tcp, flow)| {
                ports.contains(&tcp.destination_port) && flow.client_data == 2 && is_foreign(&flow.head)
            }),
            Trigger::FullyEncrypted { probability } => self.client_data().is_some_and(|(tcp, flow)| {
                flow.client_data == 1
                    && fingerprint::is_fully_encrypted(tcp.payload)
                    && rng.random_bool(probability.clamp(0.0, 1.0))
            }),
        }
    }

    /// The segment and its flow, if it has data from the client.
    fn client_data(&self) -> Option<(&'a Tcp<'a>, &'a Flow)> {
        let tcp = self.packet.tcp().filter(|tcp| !tcp.payload.is_empty())?;
        (self.direction == Direction::Up).then_some((tcp, self.flow()?))
    }

    /// The flow, if the packet is the client's SYN.
    fn syn(&self) -> Option<FlowKey> {
        self.key.filter(|_| self.direction == Direction::Up && self.is_syn(false))
    }

    fn is_syn(&self, with_ack: bool) -> bool {
        self.packet.tcp().is_some_and(|tcp| tcp.syn && tcp.ack == with_ack)
    }

    /// With `once`, who keeps state has said it of a flow before and does not say it again.
    fn has_hello(&self, tcp: &Tcp<'_>, flow: &Flow, depth: Depth, which: Which, once: bool) -> bool {
        match depth {
            Depth::Segment => hello::read(tcp.payload, depth).is_some_and(|hello| self.fits(&hello, which)),
            Depth::Stream | Depth::Records if once && flow.judged => false,
            Depth::Stream => hello::read(flow.stream.bytes(), depth).is_some_and(|hello| self.fits(&hello, which)),
            Depth::Records => flow.hello.as_ref().is_some_and(|hello| self.fits(hello, which)),
        }
    }

    fn fits(&self, hello: &Hello, which: Which) -> bool {
        hello.name.as_deref().is_some_and(|name| match which {
            Which::Listed => self.lists.has_name(name),
            Which::EncryptedTo(outer) => hello.ech && name == outer,
        })
    }

    /// The name in the flow's hello if it is Chromium's and the server has not answered it.
    fn unanswered_chrome_name(&self) -> Option<&'a str> {
        let flow = self.flow().filter(|flow| flow.server_data == 0)?;
        let hello = flow.hello.as_ref().filter(|hello| hello.chrome)?;
        hello.name.as_deref().filter(|_| self.lists.has_subnet(self.packet.server(self.direction)))
    }

    fn is_crowd(&self, at_once: usize) -> bool {
        let Some(name) = self.client_data().and_then(|_| self.unanswered_chrome_name()) else { return false };
        let is_one = |key: &FlowKey, flow: &Flow| {
            let named = |hello: &Hello| hello.chrome && hello.name.as_deref() == Some(name);
            self.lists.has_subnet(key.server.ip()) && flow.hello.as_ref().is_some_and(named)
        };
        self.flows.count(self.now, is_one) >= at_once
    }

    fn asks_for_listed(&self) -> bool {
        let Some(udp) = self.packet.udp().filter(|udp| udp.destination_port == DNS) else { return false };
        self.direction == Direction::Up
            && dns::question(udp.payload).is_some_and(|question| self.lists.has_name(&question.name))
    }
}

/// More than one record, or a segment that ends early in the middle of the hello.
fn is_split(flow: &Flow, short: usize) -> bool {
    // With less than a record's header and one byte it is not known yet whether it is a hello.
    let Some(hello) = &flow.hello else { return false };
    let end = if hello.complete { hello.length } else { usize::MAX };
    hello.records > 1 || flow.stream.is_cut(end, short)
}

fn is_first_record_nameless(flow: &Flow) -> bool {
    let is_whole = hello::records(flow.stream.bytes()).next().is_some_and(|record| record.is_whole());
    is_whole && hello::read(flow.stream.bytes(), Depth::Stream).is_some_and(|hello| hello.name.is_none())
}

/// A hello, then an answer, then a request, or its beginning.
fn has_request(flow: &Flow) -> bool {
    flow.hello.is_some()
        && flow.server_data > 0
        && hello::records(flow.stream.bytes()).any(|record| record.is_request())
}

fn is_foreign(head: &[u8]) -> bool {
    !(fingerprint::is_dns(head) || fingerprint::is_http(head) || fingerprint::is_tls(head))
}
