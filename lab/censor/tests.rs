//! Each behaviour does what its sentence says, and lets pass what it should.

mod flows;
mod names;
mod places;
mod robust;

use super::{Censor, Direction, Verdict};
use crate::{
    packet::Packet,
    testing::{self, Talk},
};

/// A connection that is through its TCP handshake, unharmed, at 0 s.
fn opened(censor: &mut Censor, server: &str, port: u16) -> Talk {
    let talk = Talk::new(server, port);
    for verdict in [testing::up(censor, &talk.syn(), 0), testing::down(censor, &talk.syn_ack(), 0)] {
        assert!(verdict.pass && verdict.inject.is_empty());
    }
    talk
}

/// Of each forged reset: its way, whether it has ACK, and how many bytes of payload.
fn injected(verdict: &Verdict) -> Vec<(Direction, bool, usize)> {
    let read = |(way, bytes): &(Direction, Vec<u8>)| {
        let packet = Packet::parse(bytes).unwrap();
        let tcp = packet.tcp().unwrap();
        assert!(tcp.rst);
        (*way, tcp.ack, tcp.payload.len())
    };
    verdict.inject.iter().map(read).collect()
}

/// How many resets go to the client, and how many to the server. The packet itself has passed.
fn resets(verdict: &Verdict) -> (usize, usize) {
    assert!(verdict.pass);
    let to = |wanted| injected(verdict).iter().filter(|(way, ..)| *way == wanted).count();
    (to(Direction::Down), to(Direction::Up))
}
