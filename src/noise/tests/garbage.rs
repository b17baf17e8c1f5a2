//! Random and altered bytes reach every decoder without a panic.

use pasarela_noise::{Initiator, Responder, ResponderKeys, verify, wire, xeddsa};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any, proptest},
};

use crate::{CLIENT_EPHEMERAL, SERVER, SERVER_EPHEMERAL, respond};

/// Gives `bytes` to every decoder as what it expects; what they answer is other tests' matter.
fn feed_all(bytes: &[u8]) {
    let _ = verify(&[1; 32], bytes, &[2; 32], 3);
    let _ = wire::decode_frame(bytes);
    let (client, hello) = Initiator::new(CLIENT_EPHEMERAL);
    let _ = client.read_server_hello(bytes);
    let keys = ResponderKeys { ephemeral: SERVER_EPHEMERAL, static_secret: SERVER, chain: bytes };
    let _ = Responder::answer(&keys, wire::HEADER, bytes);
    let (server, _) = respond(&hello);
    let _ = server.read_client_finish(bytes);
}

proptest! {
    // Every case is a dozen curve operations.
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..512)) {
        feed_all(&bytes);
    }

    #[test]
    fn almost_a_message(kind in 0..8u8, inner in vec(any::<u8>(), 0..120)) {
        let mut bytes = vec![kind << 3 | 2, u8::try_from(inner.len()).expect("below 120")];
        bytes.extend(&inner);
        feed_all(&bytes);
    }

    #[test]
    fn altered_chain(at in any::<usize>(), to in any::<u8>(), cut in any::<usize>()) {
        let mut bytes = crate::chain();
        let len = bytes.len();
        bytes[at % len] = to;
        bytes.truncate(cut % (len + 1));
        feed_all(&bytes);
    }

    #[test]
    fn random_signatures_never_hold(
        key in any::<[u8; 32]>(), first in any::<[u8; 32]>(), second in any::<[u8; 32]>()
    ) {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&first);
        signature[32..].copy_from_slice(&second);
        assert!(!xeddsa::verify(&key, b"message", &signature));
    }
}
