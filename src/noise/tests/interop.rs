//! Against `wacore-noise` and `wacore-libsignal`, written by others.
//!
//! `wacore-noise` has no public responder, so the server that our initiator meets is put together
//! here from its primitives, by the recipe of its own tests.

use pasarela_noise::{Initiator, public_key, wire, xeddsa};
use proptest::prelude::{ProptestConfig, any, proptest};
use rand::{SeedableRng, rngs::StdRng};
use wacore_libsignal::protocol::{KeyPair, PrivateKey, PublicKey};
use wacore_noise::{HandshakeUtils, NoiseHandshake, XxHandshakeState};

use crate::{CLIENT, CLIENT_EPHEMERAL, ROOT, SERVER, SERVER_EPHEMERAL, assert_holds, respond};

const PATTERN: &str = "Noise_XX_25519_AESGCM_SHA256\0\0\0\0";

fn pair(secret: [u8; 32]) -> KeyPair {
    KeyPair::from_public_and_private(
        PublicKey::from_djb_public_key_bytes(&public_key(&secret)).expect("32 bytes").serialize().as_slice(),
        &secret,
    )
    .expect("a pair")
}

#[test]
fn their_initiator_reaches_our_responder() {
    let mut client = XxHandshakeState::new(pair(CLIENT), b"payload".to_vec(), &wire::HEADER).expect("a new handshake");
    let hello = client.build_client_hello().expect("their hello");
    let (server, answer) = respond(&hello);
    let finish = client.read_server_hello_and_build_client_finish(&answer).expect("our hello is right for them");
    let mut server = server.read_client_finish(&finish).expect("their finish is right for us");
    assert_eq!(server.client_static, public_key(&CLIENT));
    assert_eq!(server.payload, b"payload");

    let client = client.finish().expect("complete");
    for counter in 0..3 {
        let there = client.write_cipher.encrypt_with_counter(counter, b"there");
        assert_eq!(server.transport.decrypt(&there.expect("encrypts")), Ok(b"there".to_vec()));
        let mut back = server.transport.encrypt(b"back").expect("counter left");
        let opened = client.read_cipher.decrypt_in_place_with_counter(counter, &mut back);
        opened.expect("decrypts");
        assert_eq!(back, b"back");
    }
}

#[test]
fn our_initiator_reaches_their_primitives() {
    let (client, hello) = Initiator::new(CLIENT_EPHEMERAL);
    assert_eq!(hello[..4], [0x12, 34, 0x0a, 32]);
    let client_ephemeral = &hello[4..];

    let mut noise = NoiseHandshake::new(PATTERN, &wire::HEADER).expect("a new handshake");
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public_key(&SERVER_EPHEMERAL));
    noise.mix_shared_secret(&SERVER_EPHEMERAL, client_ephemeral).expect("ee");
    let sealed_static = noise.encrypt(&public_key(&SERVER)).expect("static");
    noise.mix_shared_secret(&SERVER, client_ephemeral).expect("es");
    let sealed_chain = noise.encrypt(&crate::chain()).expect("chain");

    let mut body = Vec::new();
    put(&mut body, 0x0a, &public_key(&SERVER_EPHEMERAL));
    put(&mut body, 0x12, &sealed_static);
    put(&mut body, 0x1a, &sealed_chain);
    let mut answer = Vec::new();
    put(&mut answer, 0x1a, &body);

    let answer = client.read_server_hello(&answer).expect("their hello is right for us");
    assert_holds(answer.server_static(), answer.chain());
    let (finish, mut client) = answer.finish(&CLIENT, b"payload").expect("sound keys");

    let (static_field, payload_field) = client_finish(&finish);
    let client_static = noise.decrypt(static_field).expect("static");
    assert_eq!(client_static, public_key(&CLIENT));
    noise.mix_shared_secret(&SERVER_EPHEMERAL, &client_static).expect("se");
    assert_eq!(noise.decrypt(payload_field).expect("payload"), b"payload");

    // `finish` names the keys from the initiator's side.
    let (from_client, to_client) = noise.finish().expect("complete");
    let mut there = client.encrypt(b"there").expect("counter left");
    let opened = from_client.decrypt_in_place_with_counter(0, &mut there);
    opened.expect("decrypts");
    let back = to_client.encrypt_with_counter(0, b"back");
    assert_eq!(client.decrypt(&back.expect("encrypts")), Ok(b"back".to_vec()));
}

#[test]
fn their_reading_of_our_chain_is_ours() {
    let chain = crate::chain();
    let key = public_key(&SERVER);
    // Their root is compiled in, therefore without signatures; those are compared below.
    let theirs = HandshakeUtils::verify_server_cert(&chain, &key).expect("well formed");
    let ours = pasarela_noise::verify(&key, &chain, &public_key(&ROOT), 1_500).expect("holds");
    assert_eq!(theirs.leaf_key, ours.leaf.key);
    assert_eq!(theirs.intermediate_key, ours.intermediate.key);
    assert_eq!(theirs.leaf_not_after, i64::try_from(ours.leaf.not_after).expect("small"));
    assert!(HandshakeUtils::verify_server_cert(&chain, &public_key(&CLIENT)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn signatures_hold_on_both_sides(
        secret in any::<[u8; 32]>(), message in any::<Vec<u8>>(), seed in any::<u64>(), flip in 0..512usize,
    ) {
        let theirs = PrivateKey::deserialize(&secret).expect("32 bytes");
        let public = theirs.public_key().expect("derives");
        let mut rng = StdRng::seed_from_u64(seed);
        let by_them: [u8; 64] =
            theirs.calculate_signature(&message, &mut rng).expect("signs").as_ref().try_into().expect("64 bytes");
        let by_us = xeddsa::sign(&secret, &message, &[7; 64]);
        assert!(xeddsa::verify(&public_key(&secret), &message, &by_them));
        assert!(public.verify_signature(&message, &by_us));

        let mut altered = by_us;
        altered[flip / 8] ^= 1 << (flip % 8);
        assert!(!xeddsa::verify(&public_key(&secret), &message, &altered));
        assert!(!public.verify_signature(&message, &altered));
    }
}

/// Appends a protobuf field of bytes, independently of our own encoder.
fn put(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(u8::try_from(len & 0x7f).expect("seven bits") | 0x80);
        len >>= 7;
    }
    out.push(u8::try_from(len).expect("seven bits"));
    out.extend(bytes);
}

/// The two fields of a client finish whose parts are all shorter than 128 bytes.
fn client_finish(message: &[u8]) -> (&[u8], &[u8]) {
    let body = &message[2..];
    let (first, second) = body.split_at(2 + usize::from(body[1]));
    (&first[2..], &second[2..])
}
