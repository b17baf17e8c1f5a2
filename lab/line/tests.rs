//! Packets arrive when they should, or not at all.

use super::*;
use crate::testing::{OTHER_SERVER, Talk, second};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn line(name: &str) -> Line {
    Line::new(find(name).unwrap(), 3)
}

fn all(line: &mut Line) -> Vec<(Duration, Direction, usize)> {
    let mut taken = Vec::new();
    while let Some(next) = line.next() {
        assert!(line.take(next.saturating_sub(Duration::from_nanos(1))).is_none());
        let (direction, packet) = line.take(next).unwrap();
        taken.push((next, direction, packet.len()));
    }
    taken
}

#[test]
fn every_line_has_a_name_of_its_own() {
    for conditions in LINES {
        assert_eq!(find(conditions.name), Some(conditions));
    }
    assert_eq!(LINES.len(), 8);
}

#[test]
fn a_good_line_only_delays() {
    let mut line = line("good");
    line.push(vec![0; 1500], Direction::Up, MS(0));
    line.push(vec![0; 10], Direction::Down, MS(1));
    line.push(vec![0; 20], Direction::Up, MS(1));
    let wanted = [(MS(50), Direction::Up, 1500), (MS(51), Direction::Up, 20), (MS(51), Direction::Down, 10)];
    assert_eq!(all(&mut line), wanted);
    assert!(line.take(second(9)).is_none());
}

#[test]
fn a_slow_way_sends_one_packet_after_the_other_and_drops_what_the_queue_cannot_hold() {
    let mut line = line("slow-up");
    for _ in 0..100 {
        line.push(vec![0; 1000], Direction::Up, MS(0));
    }
    line.push(vec![0; 1000], Direction::Down, MS(0));
    let taken = all(&mut line);
    assert_eq!(taken[0], (MS(50), Direction::Down, 1000));
    assert_eq!((taken[1].0, taken[2].0), (MS(175), MS(300)));
    assert_eq!(taken.len(), 1 + 64 * 1024 / 1000);
}

#[test]
fn a_lossy_line_loses_its_share_and_the_same_with_the_same_seed() {
    let run = |seed| {
        let mut line = Line::new(find("far-lossy").unwrap(), seed);
        for size in 1..=1400 {
            line.push(vec![0; size], Direction::Up, MS(0));
        }
        all(&mut line)
    };
    let lost = 1400 - run(1).len();
    assert!((40..=100).contains(&lost), "{lost}");
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_packet_that_is_too_large_vanishes() {
    let mut line = line("narrow");
    line.push(vec![0; 1281], Direction::Down, MS(0));
    line.push(vec![0; 1280], Direction::Down, MS(0));
    assert_eq!(all(&mut line).len(), 1);
}

#[test]
fn nothing_passes_in_the_dark_counted_from_the_first_packet() {
    let mut line = line("dark");
    // The first one at 5 s, so it is dark from 15 s to 25 s. The last but one of these is under way when it begins.
    for at in [5000, 14_949, 14_950, 15_000, 24_999, 25_000] {
        line.push(vec![0; 100], Direction::Up, MS(at));
    }
    let arrived: Vec<_> = all(&mut line).into_iter().map(|(at, ..)| at).collect();
    assert_eq!(arrived, [MS(5050), MS(14_999), MS(25_050)]);
}

#[test]
fn a_nat_forgets_a_silent_flow_until_a_new_syn() {
    let (mut line, mut talk) = (line("forgetful-nat"), Talk::new(OTHER_SERVER, 4000));
    let passes = |line: &mut Line, packet: Vec<u8>, direction, at| {
        line.push(packet, direction, at);
        !all(line).is_empty()
    };
    assert!(!passes(&mut line, talk.down(b"unasked"), Direction::Down, second(0)));
    assert!(passes(&mut line, talk.syn(), Direction::Up, second(0)));
    assert!(passes(&mut line, talk.syn_ack(), Direction::Down, second(1)));
    assert!(passes(&mut line, talk.up(b"a"), Direction::Up, second(31) - MS(1)));
    assert!(!passes(&mut line, talk.down(b"b"), Direction::Down, second(61) - MS(1)));
    assert!(!passes(&mut line, talk.up(b"c"), Direction::Up, second(62)));
    assert!(passes(&mut line, talk.syn(), Direction::Up, second(63)));
    assert!(passes(&mut line, talk.down(b"d"), Direction::Down, second(64)));
}

#[test]
fn a_datagram_of_the_clients_opens_the_way_again() {
    let (mut line, talk) = (line("forgetful-nat"), Talk::between("10.0.0.2", 5000, OTHER_SERVER, 443));
    for (direction, at, arrives) in [
        (Direction::Up, 0, true),
        (Direction::Down, 29, true),
        (Direction::Down, 59, false),
        (Direction::Up, 60, true),
        (Direction::Down, 61, true),
    ] {
        line.push(talk.udp(direction, b"data"), direction, second(at));
        assert_eq!(all(&mut line).len(), usize::from(arrives), "{at}");
    }
}
