//! The behaviours, with the source beside the parameters.
//!
//! Numbers 14, 19 and 20 are not here. 27 ends TLS and is no matter of packets: `interceptor` does it. From 28 on they are what
//! censors anywhere do, without a source of their own.

use std::{net::Ipv4Addr, time::Duration};

use super::{Action, Behaviour, Ends, Exempt, Forged, Key, Meanwhile, Resets, Residual, Rule, Trigger, Which};
use crate::hello::Depth;

/// One plain reset to the client.
const RST: Resets = Resets { to: Ends::Client, count: 1, ack: false, payload: 0 };
/// One RST+ACK to each end.
const RST_ACK: Resets = Resets { to: Ends::Both, count: 1, ack: true, payload: 0 };
/// What the GFW sends: three RST+ACK to each end.
const GFW: Resets = Resets { to: Ends::Both, count: 3, ack: true, payload: 0 };
/// As [`GFW`], to the client only.
const GFW_CLIENT: Resets = Resets { to: Ends::Client, count: 3, ack: true, payload: 0 };
/// What Henan sends.
const HENAN: Resets = Resets { to: Ends::Client, count: 1, ack: true, payload: 10 };
/// 140 kbit/s each way.
const POLICE: Action = Action::Police { bytes_per_second: 17_500, burst: 32_000 };
/// Less than any full segment at an MTU of 1280.
const SHORT: usize = 1200;
const ECH_NAME: Which = Which::EncryptedTo("cloudflare-ech.com");

const fn rule(on: Trigger, then: Action) -> Rule {
    Rule { on, then, residual: None, exempt: &[] }
}

const fn listed(depth: Depth) -> Trigger {
    hello(depth, Which::Listed)
}

const fn hello(depth: Depth, which: Which) -> Trigger {
    Trigger::Hello { depth, which, plain_header: false }
}

const fn after(key: Key, seconds: u64, then: Meanwhile) -> Option<Residual> {
    Some(Residual { key, lasts: Duration::from_secs(seconds), extended: false, then })
}

const fn extended(key: Key, seconds: u64, then: Meanwhile) -> Option<Residual> {
    Some(Residual { key, lasts: Duration::from_secs(seconds), extended: true, then })
}

/// All of them, by number.
pub static BEHAVIOURS: &[Behaviour] = &[
    Behaviour {
        number: 1,
        name: "sni-reset-stateless",
        what: "Reads the hello in each segment for itself, and sends the client a reset if the name is listed.",
        source: "I",
        rules: &[rule(listed(Depth::Segment), Action::Reset(RST))],
    },
    Behaviour {
        number: 1,
        name: "sni-reset-string",
        what: "Looks for the listed name as bytes in each segment for itself, and sends the client a reset.",
        source: "M P: what the string match of a Linux kernel does",
        rules: &[rule(Trigger::NameInBytes, Action::Reset(RST))],
    },
    Behaviour {
        number: 2,
        name: "sni-reset-reassembly",
        what: "Puts the TCP stream together, sends both ends three resets if the name in the first record is listed, and \
               does so again for 360 s to whatever the client sends to that port.",
        source: "P (GFW: niere 2025, up to 360 s); that it reads one record only: I",
        rules: &[Rule {
            residual: after(Key::ThreeTuple, 360, Meanwhile::Reset(GFW)),
            ..rule(listed(Depth::Stream), Action::Reset(GFW))
        }],
    },
    Behaviour {
        number: 3,
        name: "sni-reset-records",
        what: "As sni-reset-reassembly, and puts the TLS records together as well.",
        source: "R (CERNET and AS56040: b#550, 2025-12)",
        rules: &[Rule {
            residual: after(Key::ThreeTuple, 360, Meanwhile::Reset(GFW)),
            ..rule(listed(Depth::Records), Action::Reset(GFW))
        }],
    },
    Behaviour {
        number: 4,
        name: "sni-reset-henan",
        what: "Sends the client one RST+ACK with 10 bytes of payload if a segment with a TCP header of 20 bytes has a listed name.",
        source: "P (Henan: IEEE S&P 2025)",
        rules: &[rule(
            Trigger::Hello { depth: Depth::Segment, which: Which::Listed, plain_header: true },
            Action::Reset(HENAN),
        )],
    },
    Behaviour {
        number: 5,
        name: "sni-drop-iran",
        what: "Drops the connection silently if the name is listed, until nothing of it was sent for 180 s.",
        source: "P (Iran: Bock 2021); TCP reassembly: R (b#628, 2026-06)",
        rules: &[Rule {
            residual: extended(Key::FourTuple, 180, Meanwhile::Drop),
            ..rule(listed(Depth::Stream), Action::DropPacket)
        }],
    },
    Behaviour {
        number: 5,
        name: "sni-drop-kazakhstan",
        what: "Drops the connection silently for 120 s if the name is listed.",
        source: "P (Kazakhstan: Bock 2021); no reassembly: I",
        rules: &[Rule {
            residual: after(Key::FourTuple, 120, Meanwhile::Drop),
            ..rule(listed(Depth::Segment), Action::DropPacket)
        }],
    },
    Behaviour {
        number: 6,
        name: "protocol-filter",
        what: "Drops what the client sends for 60 s if its first two data packets to port 53, 80 or 443, taken together, are \
               neither DNS nor HTTP nor TLS.",
        source: "P (Iran: FOCI 2020)",
        rules: &[Rule {
            residual: after(Key::FourTuple, 60, Meanwhile::DropUp),
            ..rule(Trigger::ForeignProtocol { ports: &[53, 80, 443] }, Action::DropPacket)
        }],
    },
    Behaviour {
        number: 7,
        name: "split-hello-drop",
        what: "Drops the connection if its hello is split over TLS records, or cut into segments, whatever its name.",
        source: "R (Iran since 2026-07-27: b#640); that a full segment does not count as cut: I",
        rules: &[rule(Trigger::HelloSplit { short: SHORT }, Action::DropFlow)],
    },
    Behaviour {
        number: 8,
        name: "nameless-record-drop",
        what: "Drops the connection if its first TLS record is a hello without a whole name; reads up to 10 packets for it.",
        source: "R (Iran 2024: X#4370)",
        rules: &[rule(Trigger::FirstRecordNameless { packets: 10 }, Action::DropFlow)],
    },
    Behaviour {
        number: 9,
        name: "sni-allowlist",
        what: "Lets the TLS handshake pass whatever its name, drops the connection at the first request if the name is not \
               allowed, and then all between the two addresses for 60 s.",
        source: "R (Iran 2026-01: b#561); that the address is dropped and not reset: I",
        rules: &[Rule {
            residual: after(Key::Addresses, 60, Meanwhile::Drop),
            exempt: &[Exempt::Name],
            ..rule(Trigger::Request, Action::DropFlow)
        }],
    },
    Behaviour {
        number: 10,
        name: "source-allowlist",
        what: "Sends both ends a reset if the name is listed, except for clients whose address is allowed.",
        source: "R (Iran 2026-05: b#630)",
        rules: &[Rule { exempt: &[Exempt::Client], ..rule(listed(Depth::Stream), Action::Reset(RST_ACK)) }],
    },
    Behaviour {
        number: 11,
        name: "freeze-packets",
        what: "Drops all from the 26th packet of a flow on, both ways counted together, unless its name or server is allowed.",
        source: "R (Russia: dpich l4-25)",
        rules: &[Rule {
            exempt: &[Exempt::Name, Exempt::Server],
            ..rule(Trigger::Packets { after: 25 }, Action::DropFlow)
        }],
    },
    Behaviour {
        number: 12,
        name: "freeze-bytes",
        what: "Drops all of a flow when the server has sent 16 KiB in it, unless its name or server is allowed.",
        source: "R (Russia: 15 to 20 KB)",
        rules: &[Rule {
            exempt: &[Exempt::Name, Exempt::Server],
            ..rule(Trigger::BytesDown { after: 16 * 1024 }, Action::DropFlow)
        }],
    },
    Behaviour {
        number: 13,
        name: "chrome-crowd",
        what: "Drops handshakes of Chromium's with one name for 60 s once four of them to listed subnets are open at once.",
        source: "R (Russia 2026-05: dpich siberian-conn-count); the 60 s: I",
        rules: &[Rule {
            residual: after(Key::ChromeName, 60, Meanwhile::Drop),
            ..rule(Trigger::ChromeCrowd { at_once: 4 }, Action::DropFlow)
        }],
    },
    Behaviour {
        number: 15,
        name: "ech-drop",
        what: "Drops the connection if one segment has the name cloudflare-ech.com and Encrypted Client Hello.",
        source: "R (Russia: b#417), P (niere 2025); inside Cloudflare's ranges only, and there is no other here",
        rules: &[rule(hello(Depth::Segment, ECH_NAME), Action::DropFlow)],
    },
    Behaviour {
        number: 15,
        name: "ech-drop-reassembly",
        what: "As ech-drop, and puts the TCP stream together.",
        source: "P (niere 2025)",
        rules: &[rule(hello(Depth::Stream, ECH_NAME), Action::DropFlow)],
    },
    Behaviour {
        number: 16,
        name: "name-policed",
        what: "Polices the connection to 140 kbit/s each way if the name is listed.",
        source: "P (Russia: IMC 2021, 130 to 150 kbit/s); burst of 32 KB: I",
        rules: &[rule(listed(Depth::Segment), POLICE)],
    },
    Behaviour {
        number: 16,
        name: "address-policed",
        what: "Polices each flow of a listed address to 140 kbit/s each way.",
        source: "as name-policed; by address: I",
        rules: &[rule(Trigger::Address, POLICE)],
    },
    Behaviour {
        number: 17,
        name: "address-thinned",
        what: "Lets pass one packet in twenty of a listed address, at random.",
        source: "R (Russia: tspu, 2 to 10 %)",
        rules: &[rule(Trigger::Address, Action::Thin { pass: 0.05 })],
    },
    Behaviour {
        number: 18,
        name: "connection-limit",
        what: "Drops the SYN of every connection beyond 12 that a client has open to one server.",
        source: "R, doubted (Russia 2025-11: X#5332)",
        rules: &[rule(Trigger::Connections { most: 12 }, Action::DropPacket)],
    },
    Behaviour {
        number: 21,
        name: "dns-forged",
        what: "Answers DNS questions by UDP for listed names with 10.10.34.34, whatever the resolver.",
        source: "P (Iran: IRBlock 2025); that the question is dropped: I",
        rules: &[rule(Trigger::DnsQuestion, Action::ForgeDns(Forged::Address(Ipv4Addr::new(10, 10, 34, 34))))],
    },
    Behaviour {
        number: 21,
        name: "dns-nxdomain",
        what: "Answers DNS questions by UDP for listed names with NXDOMAIN, whatever the resolver.",
        source: "R (Russia 2026-08: b#657); that the question is dropped: I",
        rules: &[rule(Trigger::DnsQuestion, Action::ForgeDns(Forged::NoSuchName))],
    },
    Behaviour {
        number: 21,
        name: "dns-elsewhere",
        what: "Answers DNS questions by UDP for listed names with an address where nobody is.",
        source: "R (Myanmar, Pakistan: sheffey 2026); which address: I",
        rules: &[rule(Trigger::DnsQuestion, Action::ForgeDns(Forged::Address(Ipv4Addr::new(198, 51, 100, 99))))],
    },
    Behaviour {
        number: 21,
        name: "dns-silent",
        what: "Drops DNS questions by UDP for listed names, whatever the resolver.",
        source: "I",
        rules: &[rule(Trigger::DnsQuestion, Action::DropPacket)],
    },
    Behaviour {
        number: 22,
        name: "address-reset-on-data",
        what: "Sends both ends a reset when the client sends data to port 443 of a listed address, and never on SYN.",
        source: "R (GFW: ooni/data#139)",
        rules: &[rule(Trigger::ClientData { port: Some(443), listed: true }, Action::Reset(RST_ACK))],
    },
    Behaviour {
        number: 23,
        name: "port-443-reset",
        what: "Sends the client three RST+ACK on every SYN and every SYN+ACK of port 443.",
        source: "P (GFW 2025-08-20: b#511)",
        rules: &[rule(Trigger::Handshake { port: 443 }, Action::Reset(GFW_CLIENT))],
    },
    Behaviour {
        number: 24,
        name: "address-allowlist",
        what: "Lets TCP handshakes pass, and drops the connection when the client sends data, unless the server is allowed.",
        source: "R (Russia, mobile: b#516)",
        rules: &[Rule {
            exempt: &[Exempt::Server],
            ..rule(Trigger::ClientData { port: None, listed: false }, Action::DropFlow)
        }],
    },
    Behaviour {
        number: 25,
        name: "udp-dead",
        what: "Drops UDP, except to and from port 53.",
        source: "R",
        rules: &[rule(Trigger::Udp { except: 53 }, Action::DropPacket)],
    },
    Behaviour {
        number: 26,
        name: "fully-encrypted",
        what: "Drops, with a probability of 26 %, connections whose first data look like noise, and for 180 s what the client \
               sends to that port, unless the server is allowed.",
        source: "P (GFW: USENIX Security 2023)",
        rules: &[Rule {
            residual: after(Key::ThreeTuple, 180, Meanwhile::DropUp),
            exempt: &[Exempt::Server],
            ..rule(Trigger::FullyEncrypted { probability: 0.26 }, Action::DropPacket)
        }],
    },
    Behaviour {
        number: 27,
        name: "intercepted",
        what: "Ends all TLS to the relay with a certificate of an authority of its own, and passes no upgrade on.",
        source: "R (companies: e2guardian#654, GateOne#581)",
        rules: &[],
    },
    Behaviour {
        number: 28,
        name: "name-dropped",
        what: "Puts together segments and records, and drops the connection if the name is listed.",
        source: "I",
        rules: &[rule(listed(Depth::Records), Action::DropFlow)],
    },
    Behaviour {
        number: 29,
        name: "address-dropped",
        what: "Drops all packets to and from listed addresses.",
        source: "R",
        rules: &[rule(Trigger::Address, Action::DropPacket)],
    },
    Behaviour {
        number: 30,
        name: "port-443-shut",
        what: "Drops every SYN to port 443.",
        source: "I",
        rules: &[rule(Trigger::Syn { port: 443 }, Action::DropPacket)],
    },
    Behaviour {
        number: 31,
        name: "address-reset",
        what: "Sends the client a reset on every TCP packet to and from listed addresses, the SYN as well.",
        source: "I",
        rules: &[rule(Trigger::Address, Action::Reset(RST))],
    },
    Behaviour {
        number: 32,
        name: "ipv6-dropped",
        what: "Drops all packets of IPv6.",
        source: "R (Iran 2026-01: b#561)",
        rules: &[rule(Trigger::Version { number: 6 }, Action::DropPacket)],
    },
    Behaviour {
        number: 33,
        name: "ipv4-dropped",
        what: "Drops all packets of IPv4.",
        source: "I",
        rules: &[rule(Trigger::Version { number: 4 }, Action::DropPacket)],
    },
    Behaviour {
        number: 34,
        name: "name-dropped-ipv4",
        what: "As name-dropped, and does not look at IPv6.",
        source: "I",
        rules: &[Rule { exempt: &[Exempt::Ipv6], ..rule(listed(Depth::Records), Action::DropFlow) }],
    },
];
