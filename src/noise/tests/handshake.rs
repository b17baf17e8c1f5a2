//! Our two sides with each other.

use pasarela_noise::{HandshakeError, Initiator, Responder, ResponderKeys, public_key, wire};

use crate::{CLIENT, CLIENT_EPHEMERAL, SERVER, SERVER_EPHEMERAL, assert_holds, respond};

#[test]
fn both_sides_agree_on_everything() {
    let (client, hello) = Initiator::new(CLIENT_EPHEMERAL);
    let (server, answer) = respond(&hello);
    let answer = client.read_server_hello(&answer).expect("our own");
    assert_eq!(answer.server_static(), &public_key(&SERVER));
    assert_holds(answer.server_static(), answer.chain());

    let (finish, mut client) = answer.finish(&CLIENT, b"payload").expect("sound keys");
    let mut server = server.read_client_finish(&finish).expect("our own");
    assert_eq!(server.client_static, public_key(&CLIENT));
    assert_eq!(server.payload, b"payload");

    for n in 0..3u8 {
        let there = client.encrypt(&[n; 100]).expect("counter left");
        assert_eq!(server.transport.decrypt(&there), Ok(vec![n; 100]));
        let back = server.transport.encrypt(&[]).expect("counter left");
        assert_eq!(client.decrypt(&back), Ok(vec![]));
    }
    assert_eq!((client.sender.count(), client.receiver.count()), (3, 3));
}

#[test]
fn a_frame_doubled_lost_or_altered_does_not_decrypt() {
    let (client, hello) = Initiator::new(CLIENT_EPHEMERAL);
    let (server, answer) = respond(&hello);
    let answer = client.read_server_hello(&answer).expect("our own");
    let (finish, mut client) = answer.finish(&CLIENT, b"").expect("sound keys");
    let mut server = server.read_client_finish(&finish).expect("our own");
    let first = client.encrypt(b"first").expect("counter left");
    let second = client.encrypt(b"second").expect("counter left");
    let mut decrypt = |body: &[u8]| server.transport.decrypt(body).is_ok();

    assert!(!decrypt(&second), "lost");
    assert!(!decrypt(&first[..first.len() - 1]), "cut");
    assert!(!decrypt(&[]), "empty");
    assert!(decrypt(&first), "right after all that");
    assert!(!decrypt(&first), "doubled");
    assert!(decrypt(&second));
}

#[test]
fn no_bit_of_a_message_may_change() {
    let (_, hello) = Initiator::new(CLIENT_EPHEMERAL);
    let (_, answer) = respond(&hello);
    // From the ephemeral key on: every byte is hashed, encrypted, or a length that no longer fits.
    for at in 8..answer.len() {
        let (client, _) = Initiator::new(CLIENT_EPHEMERAL);
        let mut altered = answer.clone();
        altered[at] ^= 1;
        assert!(client.read_server_hello(&altered).is_err(), "byte {at}");
    }
}

#[test]
fn the_header_is_part_of_the_transcript() {
    let (client, hello) = Initiator::new(CLIENT_EPHEMERAL);
    let keys = ResponderKeys { ephemeral: SERVER_EPHEMERAL, static_secret: SERVER, chain: b"" };
    let (_, answer) = Responder::answer(&keys, *b"WA\x05\x03", &hello).expect("a right hello");
    let refused = client.read_server_hello(&answer).map(drop);
    assert_eq!(refused, Err(HandshakeError::Decrypt));
}

#[test]
fn keys_of_small_order_and_messages_out_of_turn_are_refused() {
    let answer = |hello: &[u8]| {
        let keys = ResponderKeys { ephemeral: SERVER_EPHEMERAL, static_secret: SERVER, chain: b"" };
        Responder::answer(&keys, wire::HEADER, hello).map(drop)
    };
    let mut zero = vec![0x12, 34, 0x0a, 32];
    zero.extend([0; 32]);
    assert_eq!(answer(&zero), Err(HandshakeError::BadKey));
    assert_eq!(answer(&[0x12, 3, 0x0a, 1, 7]), Err(HandshakeError::BadKey), "one byte");
    assert_eq!(answer(&[]), Err(HandshakeError::Malformed));
    assert_eq!(answer(&[0x1a, 0]), Err(HandshakeError::Malformed), "a server hello");
    assert_eq!(answer(&vec![0; 1 << 17]), Err(HandshakeError::TooLong));
}
