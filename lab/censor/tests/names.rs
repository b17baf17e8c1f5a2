//! Behaviours that look at names: in hellos, in bytes, in DNS.

use super::{injected, opened, resets};
use crate::{
    behaviour::BEHAVIOURS,
    censor::{Censor, Direction, Verdict},
    dns,
    packet::Packet,
    testing::{
        ALLOWED, ALLOWED_CLIENT, LISTED, Made, OTHER_SERVER, Talk, censor, dns_question, down, inside_name, plain,
        record, second, up,
    },
};

/// How a hello goes out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Whole,
    AtByteOne,
    InsideName,
    TwoRecords,
    Both,
}

const WAYS: [Way; 5] = [Way::Whole, Way::AtByteOne, Way::InsideName, Way::TwoRecords, Way::Both];

/// The segments of a hello with this name.
fn segments(name: &str, way: Way) -> Vec<Vec<u8>> {
    let made = plain(name);
    let (whole, message) = (made.record(), made.message());
    let two = made.two_records(inside_name(&message, name));
    let cut = |bytes: &[u8], at: usize| vec![bytes[..at].to_vec(), bytes[at..].to_vec()];
    match way {
        Way::Whole => vec![whole],
        Way::AtByteOne => cut(&whole, 1),
        Way::InsideName => cut(&whole, inside_name(&whole, name)),
        Way::TwoRecords => vec![two],
        Way::Both => {
            let at = two.len() - record(22, &message[inside_name(&message, name)..]).len();
            cut(&two, at)
        }
    }
}

/// Of the ways in which a listed name goes out, those that the censor catches. The flow is another each time.
fn caught(name: &str) -> Vec<Way> {
    let is_caught = |way: &Way| {
        let mut censor = censor(name);
        let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
        let verdicts: Vec<_> = segments(LISTED, *way).iter().map(|bytes| up(&mut censor, &talk.up(bytes), 1)).collect();
        let is_caught = verdicts.iter().any(|verdict| !verdict.pass || !verdict.inject.is_empty());
        assert_eq!(censor.seen().triggered > 0, is_caught);
        assert_eq!(censor.seen().hellos, 1);
        is_caught
    };
    WAYS.into_iter().filter(is_caught).collect()
}

/// Sends a hello with this name in a new connection, and says whether the censor did nothing.
fn is_spared(censor: &mut Censor, name: &str, port: u16, at: u64) -> bool {
    let mut talk = Talk::new(OTHER_SERVER, port);
    let packets = [talk.syn(), talk.up(&plain(name).record())];
    packets.iter().all(|packet| {
        let verdict = up(censor, packet, at);
        verdict.pass && verdict.inject.is_empty()
    })
}

#[test]
fn a_cut_inside_the_name_is_missed_by_who_does_not_reassemble() {
    for name in ["sni-reset-stateless", "sni-drop-kazakhstan", "name-policed"] {
        let mut censor = censor(name);
        let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
        for bytes in segments(LISTED, Way::InsideName) {
            assert!(up(&mut censor, &talk.up(&bytes), 1).inject.is_empty(), "{name}");
        }
        assert_eq!(censor.seen().triggered, 0, "{name}");
    }
    assert_eq!(caught("sni-reset-stateless"), [Way::Whole]);
}

#[test]
fn who_looks_for_bytes_finds_the_name_behind_a_cut_at_byte_one() {
    assert_eq!(caught("sni-reset-string"), [Way::Whole, Way::AtByteOne]);
}

#[test]
fn who_reassembles_tcp_misses_a_cut_in_two_records() {
    assert_eq!(caught("sni-reset-reassembly"), [Way::Whole, Way::AtByteOne, Way::InsideName]);
    assert_eq!(caught("source-allowlist"), [Way::Whole, Way::AtByteOne, Way::InsideName]);
    assert_eq!(caught("sni-drop-iran"), [Way::Whole, Way::AtByteOne, Way::InsideName]);
}

#[test]
fn who_reassembles_records_catches_every_cut() {
    assert_eq!(caught("sni-reset-records"), WAYS);
    assert_eq!(caught("name-dropped"), WAYS);
}

#[test]
fn segments_in_the_wrong_order_are_put_together() {
    let mut censor = censor("sni-reset-reassembly");
    let talk = opened(&mut censor, OTHER_SERVER, 4000);
    let [first, second] = segments(LISTED, Way::InsideName).try_into().unwrap();
    assert!(up(&mut censor, &talk.up_at(first.len() as u32, &second), 1).inject.is_empty());
    assert_eq!(injected(&up(&mut censor, &talk.up_at(0, &first), 1)).len(), 6);
}

#[test]
fn another_name_is_spared_by_all() {
    for behaviour in BEHAVIOURS.iter().filter(|behaviour| behaviour.name.starts_with("sni-reset")) {
        assert!(is_spared(&mut censor(behaviour.name), "clean.example", 4000, 0), "{}", behaviour.name);
    }
    // Who looks for bytes knows nothing of labels.
    assert!(!is_spared(&mut censor("sni-reset-string"), "myrelay.example", 4000, 0));
    for name in ["sni-reset-records", "sni-drop-iran", "sni-drop-kazakhstan", "name-dropped", "split-hello-drop"] {
        assert!(is_spared(&mut censor(name), "myrelay.example", 4000, 0), "{name}");
    }
}

#[test]
fn the_stateless_one_sends_one_plain_reset_to_the_client() {
    let mut censor = censor("sni-reset-stateless");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    let verdict = up(&mut censor, &talk.up(&plain("a.RELAY.example").record()), 1);
    assert!(verdict.pass);
    assert_eq!(injected(&verdict), [(Direction::Down, false, 0)]);
    assert!(is_spared(&mut censor, ALLOWED, 4001, 2));
}

#[test]
fn the_gfw_sends_three_resets_to_each_end_and_goes_on_for_360_seconds() {
    let mut censor = censor("sni-reset-reassembly");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    let verdict = up(&mut censor, &talk.up(&plain(LISTED).record()), 10);
    assert_eq!(injected(&verdict), [[(Direction::Down, true, 0); 3], [(Direction::Up, true, 0); 3]].concat());
    // Another port of the client: the 3-tuple is the same.
    let other = Talk::new(OTHER_SERVER, 4001);
    assert_eq!(resets(&up(&mut censor, &other.syn(), 369)), (3, 3));
    assert_eq!(resets(&down(&mut censor, &other.syn_ack(), 369)), (0, 0));
    assert_eq!(resets(&up(&mut censor, &other.syn(), 370)), (0, 0));
    let elsewhere = Talk::between("10.0.0.2", 4002, OTHER_SERVER, 8443);
    assert_eq!(resets(&up(&mut censor, &elsewhere.syn(), 20)), (0, 0));
    assert_eq!((censor.seen().triggered, censor.seen().residual, censor.seen().injected), (1, 1, 12));
}

#[test]
fn henan_looks_only_at_headers_without_options() {
    let mut censor = censor("sni-reset-henan");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    let hello = plain(LISTED).record();
    assert!(up(&mut censor, &talk.up(&hello), 1).inject.is_empty());
    // It needs no handshake.
    let mut plain_talk = Talk::new(OTHER_SERVER, 4001);
    plain_talk.options = false;
    let verdict = up(&mut censor, &plain_talk.up(&hello), 1);
    assert!(verdict.pass);
    assert_eq!(injected(&verdict), [(Direction::Down, true, 10)]);
}

#[test]
fn iran_drops_until_nothing_was_sent_for_180_seconds() {
    let mut censor = censor("sni-drop-iran");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    let hello = talk.up(&plain(LISTED).record());
    let pass = |censor: &mut Censor, at| up(censor, &hello, at).pass;
    assert!(!pass(&mut censor, 0) && !pass(&mut censor, 179));
    assert!(!pass(&mut censor, 358));
    // What comes down is dropped, and extends nothing.
    assert!(!down(&mut censor, &talk.down(b"answer"), 537).pass);
    assert!(pass(&mut censor, 538));
    assert!(is_spared(&mut censor, ALLOWED, 4001, 538));
    assert_eq!((censor.seen().triggered, censor.seen().dropped), (1, 4));
}

#[test]
fn kazakhstan_drops_for_120_seconds_whatever_is_sent_meanwhile() {
    let mut censor = censor("sni-drop-kazakhstan");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    assert!(!up(&mut censor, &talk.up(&plain(LISTED).record()), 0).pass);
    assert!(!up(&mut censor, &talk.up(b"more"), 119).pass);
    assert!(up(&mut censor, &talk.up(b"more"), 120).pass);
}

#[test]
fn a_split_hello_is_dropped_with_a_clean_name_too_and_a_long_one_passes() {
    for (way, passes) in
        [(Way::Whole, true), (Way::AtByteOne, false), (Way::InsideName, false), (Way::TwoRecords, false)]
    {
        let mut censor = censor("split-hello-drop");
        let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
        let passed = segments("clean.example", way).iter().all(|bytes| up(&mut censor, &talk.up(bytes), 1).pass);
        let later = down(&mut censor, &talk.down(b"answer"), 2).pass;
        assert_eq!((passed, later), (passes, passes), "{way:?}");
    }
    let mut censor = censor("split-hello-drop");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    let long = Made { padding: 1500, ..plain("clean.example") }.record();
    for bytes in [&long[..1400], &[&long[1400..], &record(20, &[1])].concat(), b"more"] {
        assert!(up(&mut censor, &talk.up(bytes), 1).pass);
    }
    assert_eq!(censor.seen().triggered, 0);
}

#[test]
fn a_first_record_without_a_whole_name_is_dropped_if_it_comes_in_ten_packets() {
    let in_packets = |bytes: &[u8], packets: usize| {
        let mut censor = censor("nameless-record-drop");
        let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
        let size = bytes.len().div_ceil(packets);
        assert_eq!(bytes.chunks(size).count(), packets);
        bytes.chunks(size).all(|piece| up(&mut censor, &talk.up(piece), 1).pass)
    };
    let message = plain("clean.example").message();
    let two = plain("clean.example").two_records(inside_name(&message, "clean.example"));
    let nameless = Made::default().record();
    assert!(!in_packets(&two, 1) && !in_packets(&two, 2));
    assert!(!in_packets(&nameless, 1) && !in_packets(&nameless, 10) && in_packets(&nameless, 11));
    assert!(in_packets(&plain("clean.example").record(), 1) && in_packets(&plain("clean.example").record(), 5));
    assert!(in_packets(b"GET / HTTP/1.1\r\n\r\n", 1));
}

#[test]
fn a_name_that_is_not_allowed_gets_a_handshake_and_no_request() {
    let mut censor = censor("sni-allowlist");
    let run = |censor: &mut Censor, name: &str, port| {
        let mut talk = opened(censor, OTHER_SERVER, port);
        let finished = [record(20, &[1]), record(23, &[0; 53])].concat();
        let packets = [talk.up(&plain(name).record()), talk.down(&record(22, b"server hello")), talk.up(&finished)];
        let ways = [Direction::Up, Direction::Down, Direction::Up];
        assert!(packets.iter().zip(ways).all(|(packet, way)| censor.judge(packet, way, second(1)).pass));
        let request = up(censor, &talk.up(&record(23, b"request")), 2).pass;
        (request, down(censor, &talk.down(b"answer"), 3).pass)
    };
    assert_eq!(run(&mut censor, ALLOWED, 4000), (true, true));
    assert_eq!(run(&mut censor, "clean.example", 4001), (false, false));
    // The address is shut for 60 s, whatever the port.
    let other = Talk::between("10.0.0.2", 4002, OTHER_SERVER, 8443);
    assert!(!up(&mut censor, &other.syn(), 61).pass);
    assert!(up(&mut censor, &Talk::new("203.0.113.6", 4003).syn(), 61).pass);
    assert!(up(&mut censor, &other.syn(), 62).pass);
}

#[test]
fn a_client_on_the_allowlist_may_use_any_name() {
    let mut censor = censor("source-allowlist");
    let mut talk = Talk::between(ALLOWED_CLIENT, 4000, OTHER_SERVER, 443);
    assert!(up(&mut censor, &talk.up(&plain(LISTED).record()), 0).inject.is_empty());
    let mut talk = opened(&mut censor, OTHER_SERVER, 4001);
    assert_eq!(resets(&up(&mut censor, &talk.up(&plain(LISTED).record()), 0)), (1, 1));
    assert!(is_spared(&mut censor, "random.example", 4002, 0));
}

#[test]
fn ech_is_dropped_only_together_with_its_public_name() {
    let outer = "cloudflare-ech.com";
    let passes = |behaviour: &str, made: Made<'_>, is_cut: bool| {
        let mut censor = censor(behaviour);
        let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
        let bytes = made.record();
        let at = if is_cut { inside_name(&bytes, outer) } else { bytes.len() };
        let pieces = [&bytes[..at], &bytes[at..], b"x"];
        pieces.iter().all(|piece| up(&mut censor, &talk.up(piece), 1).pass)
    };
    let both = Made { ech: true, ..plain(outer) };
    for (behaviour, cut_passes) in [("ech-drop", true), ("ech-drop-reassembly", false)] {
        assert!(!passes(behaviour, both, false), "{behaviour}");
        assert!(
            passes(behaviour, plain(outer), false) && passes(behaviour, Made { ech: true, ..plain(ALLOWED) }, false)
        );
        assert_eq!(passes(behaviour, both, true), cut_passes, "{behaviour}");
    }
}

#[test]
fn dns_answers_are_forged_for_listed_names_whatever_the_resolver() {
    for (behaviour, code, tail) in [
        ("dns-forged", 0, &[10, 10, 34, 34][..]),
        ("dns-elsewhere", 0, &[198, 51, 100, 99]),
        ("dns-nxdomain", 3, &[0, 1]),
    ] {
        let mut censor = censor(behaviour);
        let talk = Talk::between("10.0.0.2", 5000, "8.8.8.8", 53);
        let verdict = up(&mut censor, &talk.udp(Direction::Up, &dns_question("www.relay.example", 1)), 0);
        assert!(!verdict.pass);
        let [(Direction::Down, answer)] = &verdict.inject[..] else { panic!("{verdict:?}") };
        let answer = Packet::parse(answer).unwrap().payload();
        assert_eq!((answer[3] & 0x0f, answer.ends_with(tail)), (code, true));
        let clean = dns_question(ALLOWED, 1);
        assert!(dns::question(&clean).is_some());
        assert!(up(&mut censor, &talk.udp(Direction::Up, &clean), 0).pass);
        // By TCP it is true, and so is what is no question.
        let mut tcp = Talk::between("10.0.0.2", 5001, "8.8.8.8", 53);
        assert!(up(&mut censor, &tcp.up(&dns_question(LISTED, 1)), 0).pass);
        assert!(up(&mut censor, &talk.udp(Direction::Up, b"noise"), 0).pass);
    }
}

#[test]
fn dns_questions_for_listed_names_may_go_unanswered() {
    let mut censor = censor("dns-silent");
    let talk = Talk::between("10.0.0.2", 5000, "8.8.8.8", 53);
    let mut asks = |name: &str| up(&mut censor, &talk.udp(Direction::Up, &dns_question(name, 1)), 0);
    assert_eq!(asks(LISTED), Verdict { pass: false, inject: Vec::new() });
    assert!(asks(ALLOWED).pass);
}
