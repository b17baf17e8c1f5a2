//! Packets are read, and what is forged would be believed by its receiver.

use etherparse::{IpSlice, TcpSlice, UdpSlice};

use super::*;
use crate::testing::{CLIENT_ISN, LISTED_SERVER, SERVER_ISN, Talk};

const SERVERS: [&str; 2] = [LISTED_SERVER, "2001:db8::1"];

/// The checksums are as the receiver computes them.
fn is_sound(bytes: &[u8]) -> bool {
    let ip = IpSlice::from_slice(bytes).unwrap();
    let payload = ip.payload().payload;
    match &ip {
        IpSlice::Ipv4(v4) => {
            let header = v4.header();
            let tcp = || {
                let tcp = TcpSlice::from_slice(payload).unwrap();
                tcp.calc_checksum_ipv4(header.source(), header.destination()).unwrap() == tcp.checksum()
            };
            let udp = || {
                let udp = UdpSlice::from_slice(payload).unwrap();
                let computed =
                    udp.to_header().calc_checksum_ipv4_raw(header.source(), header.destination(), udp.payload());
                computed.unwrap() == udp.checksum()
            };
            header.header_checksum() == header.to_header().calc_header_checksum()
                && if header.protocol() == IpNumber::TCP { tcp() } else { udp() }
        }
        IpSlice::Ipv6(v6) => {
            let header = v6.header().to_header();
            let tcp = TcpSlice::from_slice(payload).unwrap();
            tcp.calc_checksum_ipv6(header.source, header.destination).unwrap() == tcp.checksum()
        }
    }
}

#[test]
fn a_segment_is_read() {
    for server in SERVERS {
        let mut talk = Talk::new(server, 4000);
        let bytes = talk.up(b"hello");
        let packet = Packet::parse(&bytes).unwrap();
        let tcp = packet.tcp().unwrap();
        assert_eq!((tcp.source_port, tcp.destination_port, tcp.payload, tcp.header), (4000, 443, &b"hello"[..], 32));
        assert_eq!((tcp.sequence, tcp.acknowledgment), (CLIENT_ISN.wrapping_add(1), SERVER_ISN.wrapping_add(1)));
        assert!(tcp.ack && !tcp.syn && !tcp.rst && !tcp.fin);
        assert_eq!((packet.length, packet.server(Direction::Up).to_string()), (bytes.len(), server.to_owned()));
        assert_eq!(packet.server(Direction::Down), packet.client(Direction::Up));
    }
}

#[test]
fn a_reset_has_the_numbers_that_each_end_expects() {
    for server in SERVERS {
        let mut talk = Talk::new(server, 4000);
        let bytes = talk.up(b"hello");
        let of = Packet::parse(&bytes).unwrap();
        let forgery = Forgery { payload: 10, ack: true, passed: true };
        let forged = reset(&of, Side::Sender, forgery).unwrap();
        let back = Packet::parse(&forged).unwrap();
        let tcp = back.tcp().unwrap();
        assert!(is_sound(&forged) && tcp.rst && tcp.ack);
        assert_eq!((back.source, tcp.source_port, tcp.payload.len()), (of.destination, 443, 10));
        assert_eq!((tcp.sequence, tcp.acknowledgment), (SERVER_ISN.wrapping_add(1), CLIENT_ISN.wrapping_add(6)));
        for (passed, offset) in [(true, 6), (false, 1)] {
            let forged = reset(&of, Side::Receiver, Forgery { payload: 0, ack: false, passed }).unwrap();
            let onwards = Packet::parse(&forged).unwrap();
            let tcp = onwards.tcp().unwrap();
            assert!(is_sound(&forged) && tcp.rst && !tcp.ack);
            assert_eq!(
                (onwards.source, tcp.sequence, tcp.acknowledgment),
                (of.source, CLIENT_ISN.wrapping_add(offset), 0)
            );
        }
    }
}

#[test]
fn a_syn_is_refused_with_an_acknowledgment() {
    let bytes = Talk::new(LISTED_SERVER, 4000).syn();
    let forgery = Forgery { payload: 0, ack: false, passed: true };
    let forged = reset(&Packet::parse(&bytes).unwrap(), Side::Sender, forgery).unwrap();
    let packet = Packet::parse(&forged).unwrap();
    let tcp = packet.tcp().unwrap();
    assert!(tcp.rst && tcp.ack);
    assert_eq!((tcp.sequence, tcp.acknowledgment), (0, CLIENT_ISN.wrapping_add(1)));
}

#[test]
fn a_datagram_is_answered_from_where_it_went() {
    let talk = Talk::between("10.0.0.2", 5000, "8.8.8.8", 53);
    let bytes = talk.udp(Direction::Up, b"question");
    let of = Packet::parse(&bytes).unwrap();
    let forged = udp_answer(&of, b"answer").unwrap();
    let packet = Packet::parse(&forged).unwrap();
    let udp = packet.udp().unwrap();
    assert!(is_sound(&forged));
    assert_eq!((packet.source, packet.destination), (of.destination, of.source));
    assert_eq!((udp.source_port, udp.destination_port, udp.payload), (53, 5000, &b"answer"[..]));
    assert!(reset(&of, Side::Sender, Forgery { payload: 0, ack: true, passed: true }).is_none());
    assert!(udp_answer(&of, &[0; 70_000]).is_none());
}

#[test]
fn what_is_neither_tcp_nor_udp_is_something_else() {
    let mut ping = Vec::new();
    let builder = PacketBuilder::ipv4([10, 0, 0, 2], [192, 0, 2, 1], 64).icmpv4_echo_request(1, 1);
    builder.write_to_vec(&mut ping, b"ping").unwrap();
    let packet = Packet::parse(&ping).unwrap();
    assert!(matches!(packet.transport, Transport::Other) && packet.payload().is_empty());
    assert!(Packet::parse(&[]).is_none() && Packet::parse(&[0x45; 12]).is_none());
}
