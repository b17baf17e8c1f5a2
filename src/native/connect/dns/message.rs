//! DNS messages: questions written, answers read.
//!
//! It asks nobody and keeps nothing. Names in answers are not compared with the question: who answers is a resolver that is
//! trusted for that, and what it follows (CNAME) is its business.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE,
    rdata::{OPT, OPTCode, RData, SVCB, SVCParam},
};

/// The key of an ECHConfigList in an HTTPS record (RFC 9460, section 14.3.2).
const ECH: u16 = 5;

/// Queries are padded to a multiple of this many bytes (RFC 8467, section 4.1), so that their length tells no name.
const BLOCK: usize = 128;

/// The option that pads (RFC 7830).
const PADDING: u16 = 12;

/// What is asked about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    A,
    Aaaa,
    Https,
}

impl Kind {
    const fn number(self) -> TYPE {
        match self {
            Self::A => TYPE::A,
            Self::Aaaa => TYPE::AAAA,
            Self::Https => TYPE::HTTPS,
        }
    }
}

/// What an answer holds of what was asked. Empty if there is nothing under the name, or no such name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) addresses: Vec<IpAddr>,
    /// As TLS takes it.
    pub(crate) ech: Option<Vec<u8>>,
    /// How long it holds; of the shortest.
    pub(crate) ttl: Option<Duration>,
}

/// A question. `None` if this cannot be a name.
pub(super) fn query(name: &str, kind: Kind) -> Option<Vec<u8>> {
    // 0, so that any cache on the way finds the same question the same (RFC 8484, section 4.1).
    let mut packet = Packet::new_query(0);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind.number()), QCLASS::CLASS(CLASS::IN), false));
    let padded = |padding: &[u8]| {
        let mut packet = packet.clone();
        let option = OPTCode { code: PADDING, data: Cow::Owned(padding.to_vec()) };
        *packet.opt_mut() = Some(OPT { opt_codes: vec![option], udp_packet_size: 4096, version: 0 });
        packet.build_bytes_vec().ok()
    };
    let bare = padded(&[])?.len();
    padded(&vec![0; bare.next_multiple_of(BLOCK) - bare])
}

/// An answer. `None` if it is none.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library adds to its enums")]
pub(crate) fn answer(bytes: &[u8], kind: Kind) -> Option<Records> {
    let packet = Packet::parse(bytes).ok().filter(|packet| packet.has_flags(PacketFlag::RESPONSE))?;
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Some(Records::default()),
        // It may know the next time, or another may.
        _ => return None,
    }
    let mut records = Records::default();
    let mut best = None;
    for record in packet.answers {
        let fits = match (&record.rdata, kind) {
            (RData::A(a), Kind::A) => {
                records.addresses.push(IpAddr::from(a.address.to_be_bytes()));
                true
            }
            (RData::AAAA(aaaa), Kind::Aaaa) => {
                records.addresses.push(IpAddr::from(aaaa.address.to_be_bytes()));
                true
            }
            // 0 is an alias, which leads elsewhere.
            (RData::HTTPS(https), Kind::Https) if https.0.priority > 0 => {
                if best.is_none_or(|best| https.0.priority < best) {
                    best = Some(https.0.priority);
                    records.ech = ech(&https.0);
                }
                true
            }
            (RData::CNAME(_), _) => true,
            _ => false,
        };
        if fits {
            let ttl = Duration::from_secs(record.ttl.into());
            records.ttl = Some(records.ttl.map_or(ttl, |least| least.min(ttl)));
        }
    }
    Some(records)
}

/// The ECHConfigList of a record. The library takes the length off its front, which belongs to it.
fn ech(record: &SVCB<'_>) -> Option<Vec<u8>> {
    let Some(SVCParam::Ech(configs)) = record.get_param(ECH) else { return None };
    let len = u16::try_from(configs.len()).ok().filter(|len| *len > 0)?;
    Some([&len.to_be_bytes(), &configs[..]].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::{
        ResourceRecord,
        rdata::{A, AAAA, CNAME, HTTPS},
    };

    use super::*;

    fn reply(answers: Vec<(u32, RData<'static>)>) -> Vec<u8> {
        let mut packet = Packet::new_reply(0);
        let name = Name::new_unchecked("relay.example");
        let record = |(ttl, rdata)| ResourceRecord::new(name.clone(), CLASS::IN, ttl, rdata);
        packet.answers = answers.into_iter().map(record).collect();
        packet.build_bytes_vec_compressed().expect("fits")
    }

    #[test]
    fn questions_of_all_lengths_look_alike() {
        for name in ["a.b", "relay.example", "a-name-that-is-longer.than-the.others.example"] {
            let bytes = query(name, Kind::Https).expect("a name");
            assert_eq!(bytes.len(), BLOCK, "{name}");
            let packet = Packet::parse(&bytes).expect("a question");
            assert_eq!(packet.questions.first().map(|question| question.qname.to_string()).as_deref(), Some(name));
        }
        assert_eq!(query(&"a".repeat(64), Kind::A), None);
    }

    #[test]
    fn addresses_are_read_behind_an_alias_and_hold_as_long_as_the_shortest() {
        let alias = RData::CNAME(CNAME(Name::new_unchecked("else.example")));
        let bytes =
            reply(vec![(9, alias), (300, RData::A(A { address: 0x7f00_0001 })), (60, RData::A(A { address: 1 }))]);
        let records = answer(&bytes, Kind::A).expect("an answer");
        assert_eq!(records.addresses, ["127.0.0.1", "0.0.0.1"].map(|text| text.parse::<IpAddr>().expect("one")));
        assert_eq!(records.ttl, Some(Duration::from_secs(9)));
        // What was not asked for is not taken.
        assert!(answer(&bytes, Kind::Aaaa).expect("an answer").addresses.is_empty());
        let bytes = reply(vec![(5, RData::AAAA(AAAA { address: 1 }))]);
        let records = answer(&bytes, Kind::Aaaa).expect("an answer");
        assert_eq!(records.addresses, ["::1".parse::<IpAddr>().expect("one")]);
    }

    #[test]
    fn the_best_records_configuration_is_given_with_its_length() {
        let record = |priority, configs: &'static [u8]| {
            let svcb = SVCB::new(priority, Name::new_unchecked("")).with_param(SVCParam::Ech(configs.into()));
            (300, RData::HTTPS(HTTPS(svcb)))
        };
        let bytes = reply(vec![record(0, b"alias"), record(2, b"second"), record(1, b"first"), record(3, b"third")]);
        let records = answer(&bytes, Kind::Https).expect("an answer");
        assert_eq!(records.ech.as_deref(), Some(&b"\0\x05first"[..]));
    }

    #[test]
    fn no_name_is_an_answer_and_no_answer_is_none() {
        let mut packet = Packet::new_reply(0);
        *packet.rcode_mut() = RCODE::NameError;
        let bytes = packet.build_bytes_vec().expect("fits");
        assert_eq!(answer(&bytes, Kind::A), Some(Records::default()));
        *packet.rcode_mut() = RCODE::ServerFailure;
        assert_eq!(answer(&packet.build_bytes_vec().expect("fits"), Kind::A), None);
        assert_eq!(answer(&query("relay.example", Kind::A).expect("a name"), Kind::A), None);
        assert_eq!(answer(b"<html>", Kind::A), None);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), flip in any::<(usize, u8)>()) {
            let _ = answer(&bytes, Kind::Https);
            let svcb = SVCB::new(1, Name::new_unchecked("")).with_param(SVCParam::Ech(b"configs"[..].into()));
            let mut bytes = reply(vec![(1, RData::HTTPS(HTTPS(svcb)))]);
            let index = flip.0 % bytes.len();
            bytes[index] = flip.1;
            let _ = answer(&bytes, Kind::Https);
        }
    }
}
