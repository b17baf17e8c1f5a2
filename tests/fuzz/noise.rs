//! WhatsApp's handshake: what the page, the check and the simulator read of it.

use pasarela_noise::{Initiator, Responder, ResponderKeys, proof::Proof, verify, wire};

use crate::pieces;

/// The first byte chooses who reads. Nobody is ever convinced: no key here is known to whoever makes the bytes.
pub(crate) fn reader(input: &[u8]) -> bool {
    let Some((reader, bytes)) = input.split_first() else { return false };
    let whose = [9; 32];
    match reader % 5 {
        0 => {
            let mut proof = Proof::new([6; 32], whose);
            let ends = pieces::cut(bytes).into_iter().map(|piece| proof.take(piece)).last();
            let judged = proof.judge(1_500);
            assert!(judged.is_some() == (ends == Some(true)) && judged.is_none_or(|judged| judged.is_err()));
            judged.is_some()
        }
        1 => {
            assert!(verify(&whose, bytes, &whose, 1_500).is_err());
            false
        }
        2 => Initiator::new([6; 32]).0.read_server_hello(bytes).is_ok(),
        3 => {
            let keys = ResponderKeys { ephemeral: [4; 32], static_secret: [3; 32], chain: bytes };
            Responder::answer(&keys, wire::HEADER, bytes).is_ok()
        }
        _ => {
            let (_, hello) = Initiator::new([6; 32]);
            let keys = ResponderKeys { ephemeral: [4; 32], static_secret: [3; 32], chain: &[] };
            let (server, _) = Responder::answer(&keys, wire::HEADER, &hello).expect("a right hello");
            server.read_client_finish(bytes).is_ok()
        }
    }
}
