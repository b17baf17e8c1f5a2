//! Streams are put together whatever the order, and packets are counted where they belong.

use proptest::prelude::*;

use super::*;
use crate::testing::{LISTED, OTHER_SERVER, Talk, plain, second};

fn note(flows: &mut Flows, bytes: &[u8], direction: Direction, at: u64) -> FlowKey {
    let packet = Packet::parse(bytes).unwrap();
    let key = FlowKey::of(&packet, direction).unwrap();
    flows.note(key, &packet, direction, second(at));
    key
}

#[test]
fn both_directions_are_one_flow() {
    let (mut flows, mut talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
    note(&mut flows, &talk.syn(), Direction::Up, 0);
    let key = note(&mut flows, &talk.syn_ack(), Direction::Down, 0);
    note(&mut flows, &talk.up(b"question"), Direction::Up, 0);
    note(&mut flows, &talk.down(b"answer"), Direction::Down, 0);
    let flow = flows.get(key).unwrap();
    assert_eq!((flow.packets, flow.client_data, flow.server_data, flow.down_bytes), (4, 1, 1, 6));
    assert_eq!((key.client.port(), key.server.port(), key.is_tcp), (4000, 443, true));
    assert_eq!(flow.stream.bytes(), b"question");
}

#[test]
fn a_syn_with_another_number_begins_the_flow_anew() {
    let (mut flows, mut talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
    let syn = talk.syn();
    note(&mut flows, &syn, Direction::Up, 0);
    note(&mut flows, &talk.up(b"data"), Direction::Up, 0);
    let key = note(&mut flows, &syn, Direction::Up, 0);
    assert_eq!(flows.get(key).unwrap().packets, 3);
    let mut other = syn;
    other[27] ^= 1;
    note(&mut flows, &other, Direction::Up, 0);
    assert_eq!(flows.get(key).unwrap().packets, 1);
}

#[test]
fn the_first_bytes_stand_when_others_come_in_their_place() {
    let (mut flows, talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
    note(&mut flows, &talk.syn(), Direction::Up, 0);
    note(&mut flows, &talk.up_at(3, b"def"), Direction::Up, 0);
    note(&mut flows, &talk.up_at(0, b"abcXXXghi"), Direction::Up, 0);
    let key = note(&mut flows, &talk.up_at(4, b"YYYYYjk"), Direction::Up, 0);
    let stream = &flows.get(key).unwrap().stream;
    assert_eq!(stream.bytes(), b"abcXXXghijk");
}

#[test]
fn a_hello_in_pieces_is_counted_in_pieces() {
    let (mut flows, mut talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
    let hello = plain(LISTED).record();
    note(&mut flows, &talk.syn(), Direction::Up, 0);
    note(&mut flows, &talk.up(&hello[..1]), Direction::Up, 0);
    note(&mut flows, &talk.up(&hello[1..50]), Direction::Up, 0);
    let key = note(&mut flows, &talk.up(&[&hello[50..], b"more"].concat()), Direction::Up, 0);
    let flow = flows.get(key).unwrap();
    let read = flow.hello.as_ref().unwrap();
    assert_eq!((read.segments, read.complete, read.name.as_deref()), (3, true, Some(LISTED)));
    assert!(flow.stream.is_cut(read.length, 50) && !flow.stream.is_cut(read.length, 1));
}

#[test]
fn a_flow_is_over_with_a_fin_or_with_silence() {
    let (mut flows, talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
    let key = note(&mut flows, &talk.syn(), Direction::Up, 0);
    assert!(flows.get(key).unwrap().is_open(second(119)) && !flows.get(key).unwrap().is_open(second(120)));
    note(&mut flows, &talk.fin(), Direction::Up, 1);
    assert!(!flows.get(key).unwrap().is_open(second(2)));
}

#[test]
fn no_more_is_put_together_than_is_kept() {
    let (mut flows, mut talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
    note(&mut flows, &talk.syn(), Direction::Up, 0);
    let key = (0..30).map(|_| note(&mut flows, &talk.up(&[7; 1000]), Direction::Up, 0)).last().unwrap();
    assert_eq!(flows.get(key).unwrap().stream.bytes().len(), STREAM);
}

proptest! {
    #[test]
    fn segments_in_any_order_give_the_stream(
        bytes in prop::collection::vec(any::<u8>(), 1..500),
        cuts in prop::collection::vec((0_usize..500, 1_usize..60), 0..40),
    ) {
        let (mut flows, talk) = (Flows::default(), Talk::new(OTHER_SERVER, 4000));
        note(&mut flows, &talk.syn(), Direction::Up, 0);
        for (start, length) in cuts {
            let start = start % bytes.len();
            let end = bytes.len().min(start + length);
            note(&mut flows, &talk.up_at(start as u32, &bytes[start..end]), Direction::Up, 0);
        }
        let key = note(&mut flows, &talk.up_at(0, &bytes), Direction::Up, 0);
        let stream = &flows.get(key).unwrap().stream;
        prop_assert_eq!(stream.bytes(), &bytes[..]);
        prop_assert_eq!(stream.ends.last(), Some(&bytes.len()));
        prop_assert!(stream.ends.is_sorted());
    }
}
