//! Three-byte frames and the bytes before the first.

use pasarela_noise::{Initiator, wire};

#[test]
fn frames_come_back_as_they_went() {
    let mut out = Vec::new();
    for len in [0, 1, 255, 256, 65_536] {
        wire::encode_frame(&vec![7; len], &mut out).expect("fits");
    }
    let mut rest = out.as_slice();
    for len in [0, 1, 255, 256, 65_536] {
        assert_eq!(wire::decode_frame(&rest[..2.min(rest.len())]), None);
        let (body, behind) = wire::decode_frame(rest).expect("complete");
        assert_eq!(body.len(), len);
        rest = behind;
    }
    assert!(rest.is_empty());
}

#[test]
fn a_body_too_long_for_its_length_is_refused() {
    assert_eq!(wire::frame_header(wire::MAX_FRAME), Ok([0xff; 3]));
    assert_eq!(wire::frame_header(wire::MAX_FRAME + 1), Err(wire::FrameTooLong));
}

#[test]
fn the_first_bytes_are_those_of_real_clients() {
    let (_, hello) = Initiator::new([6; 32]);
    let mut first = wire::intro(Some(&[8, 2, 5, 8, 0x12])).expect("short");
    wire::encode_frame(&hello, &mut first).expect("short");
    // Captured from Baileys, but for the key.
    let expected = b"ED\0\x01\0\0\x05\x08\x02\x05\x08\x12WA\x06\x03\0\0\x24\x12\x22\x0a\x20";
    assert_eq!(first.strip_suffix(&hello[4..]), Some(expected.as_slice()));
    assert_eq!(wire::intro(None), Ok(b"WA\x06\x03".to_vec()));
}
