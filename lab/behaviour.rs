//! What censors do, as data: what they look for, what they do then, how long they bear a grudge, and whom they spare.
//!
//! Nothing here looks at a packet: `trigger` does, and `censor` acts.

mod table;

use std::{net::Ipv4Addr, time::Duration};

pub use self::table::BEHAVIOURS;
use crate::hello::Depth;

/// One thing that some censor does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Its number in the collection of facts. Variants share it.
    pub number: u8,
    /// Its name, for the command line and for tables. No other has it.
    pub name: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// Who saw it where, and how sure that is: P proved, R reported, I inferred.
    pub source: &'static str,
    /// The first that applies to a packet decides.
    pub rules: &'static [Rule],
}

/// What is looked for, and what follows.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What is looked for.
    pub on: Trigger,
    /// What is done at once.
    pub then: Action,
    /// What is done for a while after.
    pub residual: Option<Residual>,
    /// Who is spared, if one of these is true.
    pub exempt: &'static [Exempt],
}

/// What a censor looks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// A hello from the client.
    Hello {
        /// How much is put together to read it.
        depth: Depth,
        /// What must be in it.
        which: Which,
        /// Only if the TCP header has no options: 20 bytes.
        plain_header: bool,
    },
    /// Bytes of a listed name in a segment from the client, in whatever place.
    NameInBytes,
    /// A hello in more than one TLS record, or cut into segments although it would have fitted.
    HelloSplit {
        /// A segment with fewer bytes of payload than this was cut on purpose. A hello is larger than a packet with honest clients
        /// as well.
        short: usize,
    },
    /// The first TLS record is a hello, or its beginning, and no whole name is in it.
    FirstRecordNameless {
        /// It is looked for in so many data packets of the client.
        packets: u32,
    },
    /// The client's first request in a TLS connection: application data once the server has answered.
    Request,
    /// Packets of a flow, both ways together.
    Packets {
        /// So many pass.
        after: u32,
    },
    /// Payload from the server in one flow.
    BytesDown {
        /// So many bytes pass.
        after: u64,
    },
    /// Chromium's hellos with one name, to listed subnets, in connections that are open at the same time. A hello without a name
    /// does not count.
    ChromeCrowd {
        /// So many are too many.
        at_once: usize,
    },
    /// A new connection to a server that the client has others to.
    Connections {
        /// So many pass.
        most: usize,
    },
    /// Any packet to or from a listed address.
    Address,
    /// Any packet of this version of IP.
    Version {
        /// 4 or 6.
        number: u8,
    },
    /// Data from the client in TCP.
    ClientData {
        /// To this port only.
        port: Option<u16>,
        /// To listed addresses only.
        listed: bool,
    },
    /// A SYN from the client to this port.
    Syn {
        /// The server's port.
        port: u16,
    },
    /// A SYN from the client to this port, and the server's SYN+ACK.
    Handshake {
        /// The server's port.
        port: u16,
    },
    /// UDP either way, but not to and from this port of the server.
    Udp {
        /// The server's port that is left alone.
        except: u16,
    },
    /// A DNS question by UDP for a listed name, to whichever resolver.
    DnsQuestion,
    /// The first two data packets of the client, taken together, are neither DNS nor HTTP nor TLS.
    ForeignProtocol {
        /// The server's ports where this is looked at.
        ports: &'static [u16],
    },
    /// The client's first data look like noise (USENIX Security 2023).
    FullyEncrypted {
        /// How likely the censor acts if they do.
        probability: f64,
    },
}

/// What must be in a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// A listed name.
    Listed,
    /// Exactly this name, and the extension of Encrypted Client Hello.
    EncryptedTo(&'static str),
}

/// What a censor does at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Forges resets. The packet itself passes.
    Reset(Resets),
    /// Drops this packet.
    DropPacket,
    /// Drops this packet and all later ones of its flow.
    DropFlow,
    /// From now on the flow passes at a rate, each way for itself. What is above is dropped.
    Police {
        /// The rate.
        bytes_per_second: u64,
        /// Bytes that may pass at once.
        burst: usize,
    },
    /// Drops packets at random.
    Thin {
        /// How likely one passes.
        pass: f64,
    },
    /// Drops a DNS question and forges the answer.
    ForgeDns(Forged),
}

/// How resets are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resets {
    /// To whom.
    pub to: Ends,
    /// How many to each.
    pub count: u8,
    /// RST+ACK instead of RST.
    pub ack: bool,
    /// Bytes of payload in each.
    pub payload: usize,
}

/// Who is sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The client.
    Client,
    /// Client and server.
    Both,
}

/// A forged DNS answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forged {
    /// This address. Who asks for anything but IPv4 addresses is told that there is none.
    Address(Ipv4Addr),
    /// The name does not exist.
    NoSuchName,
}

/// What is held against a client for a while after it triggered a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    /// What else it hits.
    pub key: Key,
    /// How long.
    pub lasts: Duration,
    /// Each packet of the client that it hits makes it last as long again.
    pub extended: bool,
    /// What is done to what it hits.
    pub then: Meanwhile,
}

/// What packets have in common with the one that triggered a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Both addresses and both ports.
    FourTuple,
    /// Client, server, and the server's port.
    ThreeTuple,
    /// Client and server.
    Addresses,
    /// The name in a hello of Chromium's that the server has not answered yet.
    ChromeName,
}

/// What is done meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// What comes from the client is dropped.
    DropUp,
    /// All is dropped.
    Drop,
    /// What comes from the client passes and is answered with resets.
    Reset(Resets),
}

/// Who is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// The flow's hello has an allowed name.
    Name,
    /// The server's address is allowed.
    Server,
    /// The client's address is allowed.
    Client,
    /// The packet is of IPv6.
    Ipv6,
}

/// The behaviour of this name, or the first of this number.
#[must_use]
pub fn find(name_or_number: &str) -> Option<&'static Behaviour> {
    let number = name_or_number.parse::<u8>().ok();
    BEHAVIOURS.iter().find(|behaviour| behaviour.name == name_or_number || Some(behaviour.number) == number)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_behaviour_is_found_by_its_name_and_says_what_it_is() {
        let names: HashSet<_> = BEHAVIOURS.iter().map(|behaviour| behaviour.name).collect();
        assert_eq!(names.len(), BEHAVIOURS.len());
        for behaviour in BEHAVIOURS {
            assert_eq!(find(behaviour.name).map(|found| found.name), Some(behaviour.name));
            assert_eq!(find(&behaviour.number.to_string()).map(|found| found.number), Some(behaviour.number));
            assert!(
                behaviour.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            // Who ends TLS is no matter of packets.
            assert_eq!(behaviour.rules.is_empty(), behaviour.number == 27, "{}", behaviour.name);
            assert!(behaviour.name.parse::<u8>().is_err(), "{}", behaviour.name);
            assert!(behaviour.what.ends_with('.') && !behaviour.source.is_empty(), "{}", behaviour.name);
        }
        assert!(find("none").is_none() && find("0").is_none());
    }

    #[test]
    fn all_that_were_asked_for_are_there() {
        let numbers: HashSet<_> = BEHAVIOURS.iter().map(|behaviour| behaviour.number).collect();
        let wanted = (1..=13).chain(15..=18).chain(21..=34);
        assert_eq!(numbers, wanted.collect());
    }
}
