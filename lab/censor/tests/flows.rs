//! Behaviours that look at how much, how many and what kind: packets, bytes, rates, connections, protocols.

use std::time::Duration;

use super::opened;
use crate::{
    censor::{Censor, Direction},
    testing::{
        ALLOWED, ALLOWED_SERVER, LISTED, LISTED_SERVER, OTHER_SERVER, Talk, censor, chrome, dns_question, down, plain,
        record, second, up,
    },
};

/// Four bits set in each byte, and no text.
const NOISE: [u8; 60] = [0x8d; 60];

#[test]
fn exactly_25_packets_pass_both_ways_together() {
    let mut censor = censor("freeze-packets");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    assert!(up(&mut censor, &talk.up(&plain(LISTED).record()), 0).pass);
    for number in 4..=25 {
        let verdict =
            if number % 3 == 0 { down(&mut censor, &talk.down(b"x"), 0) } else { up(&mut censor, &talk.up(b"x"), 0) };
        assert!(verdict.pass, "{number}");
    }
    for at in [0, 1000] {
        assert!(!up(&mut censor, &talk.up(b"x"), at).pass && !down(&mut censor, &talk.down(b"x"), at).pass);
    }
    assert_eq!((censor.seen().packets, censor.seen().dropped, censor.seen().injected), (29, 4, 0));
    // Another flow has a count of its own, and UDP is counted too.
    opened(&mut censor, OTHER_SERVER, 4001);
    let datagram = Talk::new(OTHER_SERVER, 4000).udp(Direction::Up, b"x");
    let passed = (0..40).filter(|_| up(&mut censor, &datagram, 0).pass).count();
    assert_eq!(passed, 25);
}

#[test]
fn allowed_names_and_servers_do_not_freeze() {
    for behaviour in ["freeze-packets", "freeze-bytes"] {
        for (server, name) in [(OTHER_SERVER, ALLOWED), (ALLOWED_SERVER, LISTED)] {
            let mut censor = censor(behaviour);
            let mut talk = opened(&mut censor, server, 4000);
            assert!(up(&mut censor, &talk.up(&plain(name).record()), 0).pass);
            assert!((0..100).all(|_| down(&mut censor, &talk.down(&[0; 1000]), 0).pass), "{behaviour} {server}");
        }
    }
}

#[test]
fn sixteen_kibibytes_from_the_server_pass_and_as_many_as_one_likes_to_it() {
    let mut censor = censor("freeze-bytes");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    assert!((0..100).all(|_| up(&mut censor, &talk.up(&[0; 1000]), 0).pass));
    assert!((0..16).all(|_| down(&mut censor, &talk.down(&[0; 1024]), 0).pass));
    assert!(up(&mut censor, &talk.up(b"x"), 0).pass);
    assert!(!down(&mut censor, &talk.down(b"x"), 0).pass);
    assert!(!up(&mut censor, &talk.up(b"x"), 99).pass);
}

/// Opens a connection and sends this hello. Whether it passes.
fn hello(censor: &mut Censor, server: &str, port: u16, bytes: &[u8], at: u64) -> bool {
    let mut talk = Talk::new(server, port);
    up(censor, &talk.syn(), at).pass
        && down(censor, &talk.syn_ack(), at).pass
        && up(censor, &talk.up(bytes), at).pass
        && down(censor, &talk.down(&record(22, b"server hello")), at).pass
}

#[test]
fn the_fourth_hello_of_chromium_with_one_name_times_out() {
    let mut censor = censor("chrome-crowd");
    let bytes = chrome(Some("clean.example")).record();
    // Another address of the same subnet is the same to it.
    for (port, server) in [(4000, LISTED_SERVER), (4001, "192.0.2.7"), (4002, LISTED_SERVER)] {
        assert!(hello(&mut censor, server, port, &bytes, 0));
    }
    assert!(!hello(&mut censor, LISTED_SERVER, 4003, &bytes, 1));
    // The three go on. Another name, another client, no name, another subnet: all pass.
    let mut first = Talk::new(LISTED_SERVER, 4000);
    assert!(up(&mut censor, &first.up(&bytes), 2).pass);
    assert!(hello(&mut censor, LISTED_SERVER, 4010, &chrome(Some("other.example")).record(), 2));
    assert!(hello(&mut censor, LISTED_SERVER, 4011, &plain("clean.example").record(), 2));
    assert!((4020..4030).all(|port| hello(&mut censor, LISTED_SERVER, port, &chrome(None).record(), 2)));
    assert!((4030..4040).all(|port| hello(&mut censor, OTHER_SERVER, port, &bytes, 2)));
    // When all four are over it is held against the name until 60 s have gone by.
    for (port, server) in [(4000, LISTED_SERVER), (4001, "192.0.2.7"), (4002, LISTED_SERVER), (4003, LISTED_SERVER)] {
        assert_eq!(up(&mut censor, &Talk::new(server, port).fin(), 3).pass, port != 4003);
    }
    assert!(!hello(&mut censor, LISTED_SERVER, 4050, &bytes, 60));
    assert!(hello(&mut censor, LISTED_SERVER, 4051, &bytes, 61));
}

#[test]
fn a_thirteenth_connection_to_one_server_is_dropped_while_twelve_are_open() {
    let mut censor = censor("connection-limit");
    for port in 4000..4012 {
        assert!(up(&mut censor, &Talk::new(OTHER_SERVER, port).syn(), 0).pass);
    }
    let late = Talk::new(OTHER_SERVER, 4012).syn();
    assert!(!up(&mut censor, &late, 0).pass && !up(&mut censor, &late, 1).pass);
    // One that was refused is none that is open.
    assert!(!up(&mut censor, &Talk::new(OTHER_SERVER, 4020).syn(), 1).pass);
    assert!(up(&mut censor, &Talk::new("203.0.113.6", 4013).syn(), 1).pass);
    assert!(up(&mut censor, &Talk::new(OTHER_SERVER, 4003).up(b"data"), 1).pass);
    assert!(up(&mut censor, &Talk::new(OTHER_SERVER, 4005).fin(), 2).pass);
    assert!(up(&mut censor, &late, 3).pass);
    assert!(!up(&mut censor, &Talk::new(OTHER_SERVER, 4014).syn(), 3).pass);
}

/// Bytes of payload that pass in 20 s, of 1000 offered every 10 ms.
fn bytes_in_20_s(censor: &mut Censor, talk: &mut Talk, direction: Direction) -> u64 {
    let passed = (0..2000).filter(|tick| {
        let packet = match direction {
            Direction::Up => talk.up(&[0; 948]),
            Direction::Down => talk.down(&[0; 948]),
        };
        assert_eq!(packet.len(), 1000);
        censor.judge(&packet, direction, second(1) + Duration::from_millis(10 * tick)).pass
    });
    1000 * passed.count() as u64
}

#[test]
fn a_listed_name_or_address_is_policed_each_way_and_no_other() {
    for (behaviour, server, name, policed) in [
        ("name-policed", OTHER_SERVER, LISTED, true),
        ("name-policed", LISTED_SERVER, ALLOWED, false),
        ("address-policed", LISTED_SERVER, ALLOWED, true),
        ("address-policed", OTHER_SERVER, LISTED, false),
    ] {
        for direction in [Direction::Up, Direction::Down] {
            let mut censor = censor(behaviour);
            let mut talk = opened(&mut censor, server, 4000);
            assert!(up(&mut censor, &talk.up(&plain(name).record()), 0).pass);
            let bytes = bytes_in_20_s(&mut censor, &mut talk, direction);
            // 17 500 bytes a second, and the burst.
            let wanted = if policed { 380_000..=382_000 } else { 2_000_000..=2_000_000 };
            assert!(wanted.contains(&bytes), "{behaviour} {direction:?}: {bytes}");
        }
    }
}

#[test]
fn what_is_neither_dns_nor_http_nor_tls_is_dropped_for_60_seconds() {
    let mut censor = censor("protocol-filter");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    assert!(up(&mut censor, &talk.up(&NOISE), 1).pass);
    let second_packet = talk.up(&NOISE);
    assert!(!up(&mut censor, &second_packet, 1).pass);
    assert!(down(&mut censor, &talk.down(&NOISE), 2).pass);
    assert!(!up(&mut censor, &second_packet, 60).pass);
    assert!(up(&mut censor, &second_packet, 61).pass);
}

#[test]
fn dns_http_and_tls_pass_the_protocol_filter_and_so_do_other_ports() {
    let question = dns_question(ALLOWED, 1);
    let hello = plain(LISTED).record();
    let dns = [&(question.len() as u16).to_be_bytes()[..], &question].concat();
    for first in [&dns[..], b"GET / HTTP/1.1\r\n", &hello, &hello[..1]] {
        for port in [53, 80, 443] {
            let mut censor = censor("protocol-filter");
            let mut talk = Talk::between("10.0.0.2", 4000, OTHER_SERVER, port);
            let rest: &[u8] = if first.len() == 1 { &hello[1..] } else { &NOISE };
            assert!([first, rest, &NOISE].iter().all(|bytes| up(&mut censor, &talk.up(bytes), 1).pass));
        }
    }
    let mut censor = censor("protocol-filter");
    let mut talk = Talk::between("10.0.0.2", 4000, OTHER_SERVER, 8443);
    assert!((0..5).all(|_| up(&mut censor, &talk.up(&NOISE), 1).pass));
}

#[test]
fn noise_is_dropped_one_time_in_four_and_its_port_for_180_seconds() {
    let mut censor = censor("fully-encrypted");
    let mut hits = 0;
    for number in 0..1000_u16 {
        let server = format!("198.51.{}.{}", number / 250, number % 250);
        let mut talk = Talk::between("10.0.0.2", 4000, &server, 9000);
        if up(&mut censor, &talk.up(&NOISE), 10).pass {
            assert!(up(&mut censor, &talk.up(&NOISE), 10).pass);
            continue;
        }
        hits += 1;
        let again = Talk::between("10.0.0.2", 4001, &server, 9000);
        assert!(!up(&mut censor, &again.syn(), 189).pass && down(&mut censor, &again.syn_ack(), 189).pass);
        assert!(up(&mut censor, &Talk::between("10.0.0.2", 4002, &server, 9001).syn(), 11).pass);
        assert!(up(&mut censor, &again.syn(), 190).pass);
    }
    assert!((200..320).contains(&hits), "{hits}");
}

#[test]
fn what_does_not_look_like_noise_is_spared_and_so_are_allowed_servers() {
    let mut censor = censor("fully-encrypted");
    for port in 4000..4200 {
        for bytes in [&plain(LISTED).record()[..], b"GET / HTTP/1.1", &[0; 60]] {
            let mut talk = Talk::between("10.0.0.2", port, OTHER_SERVER, 443);
            assert!(up(&mut censor, &talk.syn(), 0).pass && up(&mut censor, &talk.up(bytes), 0).pass);
            assert!(up(&mut censor, &talk.up(&NOISE), 0).pass);
        }
        let mut allowed = Talk::new(ALLOWED_SERVER, port);
        assert!(up(&mut censor, &allowed.up(&NOISE), 0).pass);
    }
    assert_eq!(censor.seen().triggered, 0);
}
