//! No bytes make a censor panic, and no censor lets everything pass.

use proptest::prelude::*;

use crate::{
    behaviour::BEHAVIOURS,
    censor::{Censor, Direction},
    packet::Packet,
    testing::{LISTED, LISTED_SERVER, OTHER_SERVER, Talk, censor, chrome, dns_question, plain, second},
};

/// Real packets of all kinds.
fn packets() -> Vec<(Direction, Vec<u8>)> {
    let mut packets = Vec::new();
    for server in [LISTED_SERVER, OTHER_SERVER, "2001:db8::1"] {
        let mut talk = Talk::new(server, 4000);
        let dns = Talk::between("10.0.0.2", 5000, "8.8.8.8", 53);
        packets.extend([
            (Direction::Up, talk.syn()),
            (Direction::Down, talk.syn_ack()),
            (Direction::Up, talk.up(&plain(LISTED).record())),
            (Direction::Down, talk.down(&[22; 1000])),
            (Direction::Up, talk.up(&chrome(Some(LISTED)).two_records(90))),
            (Direction::Up, dns.udp(Direction::Up, &dns_question(LISTED, 1))),
            (Direction::Up, talk.fin()),
        ]);
    }
    packets
}

#[test]
fn no_censor_lets_everything_pass_and_counts_along() {
    let mut none = Censor::none();
    for (direction, packet) in packets() {
        let verdict = none.judge(&packet, direction, second(0));
        assert!(verdict.pass && verdict.inject.is_empty());
    }
    let seen = none.seen();
    assert_eq!((seen.packets, seen.hellos, seen.triggered, seen.dropped), (21, 3, 0, 0));
}

#[test]
fn the_same_seed_gives_the_same_verdicts() {
    for behaviour in BEHAVIOURS {
        let (mut one, mut other) = (censor(behaviour.name), censor(behaviour.name));
        for (direction, packet) in packets() {
            assert_eq!(one.judge(&packet, direction, second(1)), other.judge(&packet, direction, second(1)));
        }
        assert_eq!(one.seen(), other.seen());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_packet_makes_a_censor_panic_and_what_it_forges_is_whole(
        steps in prop::collection::vec((0_usize..21, 0_usize..1100, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..30),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let packets = packets();
        let mut censors: Vec<_> = BEHAVIOURS.iter().map(|behaviour| censor(behaviour.name)).collect();
        censors.push(Censor::none());
        for (number, (which, length, index, byte, is_cut)) in steps.into_iter().enumerate() {
            let (direction, mut packet) = packets[which].clone();
            if is_cut {
                packet.truncate(length);
            }
            if !packet.is_empty() {
                let at = index.index(packet.len());
                packet[at] = byte;
            }
            for censor in &mut censors {
                for bytes in [&packet, &noise] {
                    let verdict = censor.judge(bytes, direction, second(number as u64));
                    prop_assert!(verdict.inject.iter().all(|(_, bytes)| Packet::parse(bytes).is_some()));
                }
            }
        }
        let none = censors.last().unwrap().seen();
        prop_assert_eq!((none.dropped, none.injected), (0, 0));
    }
}
