//! Behaviours that look at addresses and ports.

use etherparse::PacketBuilder;

use super::{opened, resets};
use crate::{
    censor::Direction,
    packet::Packet,
    testing::{ALLOWED_SERVER, CLIENT_ISN, LISTED, LISTED_SERVER, OTHER_SERVER, Talk, censor, down, plain, up},
};

#[test]
fn a_listed_address_is_reset_on_data_and_not_on_syn() {
    let mut censor = censor("address-reset-on-data");
    let mut talk = opened(&mut censor, LISTED_SERVER, 4000);
    assert_eq!(resets(&up(&mut censor, &talk.up_at(0, b""), 0)), (0, 0));
    assert_eq!(resets(&up(&mut censor, &talk.up(b"data"), 0)), (1, 1));
    let mut other = opened(&mut censor, OTHER_SERVER, 4001);
    assert_eq!(resets(&up(&mut censor, &other.up(b"data"), 0)), (0, 0));
    let mut other_port = Talk::between("10.0.0.2", 4002, LISTED_SERVER, 8443);
    assert_eq!(resets(&up(&mut censor, &other_port.up(b"data"), 0)), (0, 0));
}

#[test]
fn port_443_is_reset_on_syn_and_on_syn_ack_and_no_other_port_is() {
    for (port, count) in [(443, 3), (8443, 0)] {
        let mut censor = censor("port-443-reset");
        let mut talk = Talk::between("10.0.0.2", 4000, OTHER_SERVER, port);
        let on_syn = up(&mut censor, &talk.syn(), 0);
        assert_eq!(resets(&on_syn), (count, 0));
        assert_eq!(resets(&down(&mut censor, &talk.syn_ack(), 0)), (count, 0));
        assert_eq!(resets(&up(&mut censor, &talk.up(b"data"), 0)), (0, 0));
        if let Some((_, bytes)) = on_syn.inject.first() {
            let packet = Packet::parse(bytes).unwrap();
            assert_eq!(packet.tcp().unwrap().acknowledgment, CLIENT_ISN.wrapping_add(1));
        }
    }
}

#[test]
fn without_a_place_on_the_allowlist_data_are_dropped_and_syn_is_not() {
    let mut censor = censor("address-allowlist");
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    let hello = plain("clean.example").record();
    assert!(!up(&mut censor, &talk.up(&hello), 0).pass && !down(&mut censor, &talk.down(b"x"), 1).pass);
    let mut talk = opened(&mut censor, ALLOWED_SERVER, 4001);
    assert!(up(&mut censor, &talk.up(&hello), 0).pass && down(&mut censor, &talk.down(b"x"), 1).pass);
}

#[test]
fn a_version_of_ip_is_dropped_and_the_other_passes() {
    for (name, server, other) in
        [("ipv6-dropped", "2001:db8::5", OTHER_SERVER), ("ipv4-dropped", OTHER_SERVER, "2001:db8::5")]
    {
        let mut censor = censor(name);
        let (dropped, passed) = (Talk::new(server, 4000), Talk::new(other, 4001));
        assert!(!up(&mut censor, &dropped.syn(), 0).pass && !down(&mut censor, &dropped.syn_ack(), 0).pass, "{name}");
        assert!(up(&mut censor, &passed.syn(), 0).pass && down(&mut censor, &passed.syn_ack(), 0).pass, "{name}");
        let datagram = dropped.udp(Direction::Up, b"x");
        assert!(!up(&mut censor, &datagram, 0).pass, "{name}");
    }
}

#[test]
fn who_does_not_look_at_ipv6_reads_no_name_there() {
    let mut censor = censor("name-dropped-ipv4");
    let hello = plain(LISTED).record();
    for (server, passes) in [("2001:db8::5", true), (OTHER_SERVER, false)] {
        let mut talk = opened(&mut censor, server, 4000);
        assert_eq!(up(&mut censor, &talk.up(&hello), 0).pass, passes, "{server}");
        assert_eq!(down(&mut censor, &talk.down(b"x"), 1).pass, passes, "{server}");
    }
}

#[test]
fn udp_is_dead_except_for_dns() {
    let mut censor = censor("udp-dead");
    for (port, passes) in [(443, false), (53, true)] {
        let talk = Talk::between("10.0.0.2", 5000, OTHER_SERVER, port);
        assert_eq!(up(&mut censor, &talk.udp(Direction::Up, b"x"), 0).pass, passes);
        assert_eq!(down(&mut censor, &talk.udp(Direction::Down, b"x"), 0).pass, passes);
    }
    let mut talk = opened(&mut censor, OTHER_SERVER, 4000);
    assert!(up(&mut censor, &talk.up(b"x"), 0).pass);
}

#[test]
fn all_of_a_listed_address_is_dropped_whatever_it_is() {
    let mut censor = censor("address-dropped");
    let talk = Talk::new(LISTED_SERVER, 4000);
    let mut ping = Vec::new();
    let builder = PacketBuilder::ipv4([10, 0, 0, 2], [192, 0, 2, 1], 64).icmpv4_echo_request(1, 1);
    builder.write_to_vec(&mut ping, b"ping").unwrap();
    for packet in [talk.syn(), talk.udp(Direction::Up, b"x"), ping, Talk::new("2001:db8::1", 4000).syn()] {
        assert!(!up(&mut censor, &packet, 0).pass);
    }
    assert!(!down(&mut censor, &talk.syn_ack(), 0).pass);
    opened(&mut censor, OTHER_SERVER, 4000);
    opened(&mut censor, "192.0.2.2", 4000);
    assert_eq!((censor.seen().dropped, censor.seen().packets), (5, 9));
}

#[test]
fn a_listed_address_may_be_reset_from_the_syn_on() {
    let mut censor = censor("address-reset");
    assert_eq!(resets(&up(&mut censor, &Talk::new(LISTED_SERVER, 4000).syn(), 0)), (1, 0));
    opened(&mut censor, OTHER_SERVER, 4000);
}

#[test]
fn one_packet_in_twenty_of_a_listed_address_passes() {
    let mut censor = censor("address-thinned");
    let syn = Talk::new(LISTED_SERVER, 4000).syn();
    let passed = (0..4000).filter(|_| up(&mut censor, &syn, 0).pass).count();
    assert!((150..=250).contains(&passed), "{passed}");
    opened(&mut censor, OTHER_SERVER, 4000);
}

#[test]
fn port_443_is_shut_and_the_others_are_open() {
    let mut censor = censor("port-443-shut");
    assert!(!up(&mut censor, &Talk::new(OTHER_SERVER, 4000).syn(), 0).pass);
    assert!(up(&mut censor, &Talk::between("10.0.0.2", 4000, OTHER_SERVER, 2053).syn(), 0).pass);
    // From 443 of the client, towards it: that is another port.
    assert!(up(&mut censor, &Talk::between("10.0.0.2", 443, OTHER_SERVER, 80).syn(), 0).pass);
}
