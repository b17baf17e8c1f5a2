//! Hellos are read as far as they are there, at each depth.

use proptest::prelude::*;

use super::*;
use crate::testing::{ALLOWED, LISTED, Made, chrome, inside_name, plain, record};

#[test]
fn a_whole_hello_is_read_at_every_depth() {
    let bytes = Made { ech: true, ..plain("Relay.EXAMPLE") }.record();
    for depth in [Depth::Segment, Depth::Stream, Depth::Records] {
        let hello = read(&bytes, depth).unwrap();
        let wanted = Hello {
            name: Some(LISTED.to_owned()),
            ech: true,
            chrome: false,
            records: 1,
            segments: 1,
            complete: true,
            length: bytes.len(),
        };
        assert_eq!(hello, wanted);
    }
}

#[test]
fn chromium_is_known_by_grease_together_with_alps() {
    let is_chrome = |made: Made<'_>| read(&made.record(), Depth::Segment).unwrap().chrome;
    assert!(is_chrome(chrome(Some(LISTED))));
    assert!(is_chrome(Made { alps: Some(17_513), ..chrome(None) }));
    assert!(!is_chrome(Made { alps: None, ..chrome(Some(LISTED)) }));
    assert!(!is_chrome(Made { grease: false, ..chrome(Some(LISTED)) }));
}

#[test]
fn a_cut_between_two_records_is_read_only_by_who_puts_records_together() {
    let made = plain(LISTED);
    let at = inside_name(&made.message(), LISTED);
    let bytes = made.two_records(at);
    for depth in [Depth::Segment, Depth::Stream] {
        let hello = read(&bytes, depth).unwrap();
        assert_eq!((hello.name, hello.records, hello.complete, hello.length), (None, 1, false, 5 + at));
    }
    let hello = read(&bytes, Depth::Records).unwrap();
    assert_eq!((hello.name.as_deref(), hello.records, hello.complete), (Some(LISTED), 2, true));
    assert_eq!(hello.length, bytes.len());
}

#[test]
fn what_comes_behind_the_hello_is_not_of_it() {
    let hello = plain(LISTED).record();
    let bytes = [&hello[..], &record(20, &[1]), &record(23, &[0; 53])].concat();
    assert_eq!(read(&bytes, Depth::Records), read(&hello, Depth::Records));
}

#[test]
fn a_name_that_is_cut_off_is_none() {
    let bytes = plain(LISTED).record();
    let cut = &bytes[..inside_name(&bytes, LISTED)];
    let hello = read(cut, Depth::Segment).unwrap();
    assert_eq!((hello.name, hello.complete), (None, false));
    assert_eq!(read(&bytes[1..], Depth::Segment), None);
    assert_eq!(read(&bytes[..5], Depth::Segment), None);
    assert_eq!(read(&Made::default().record(), Depth::Segment).map(|hello| hello.name), Some(None));
}

#[test]
fn a_request_is_told_from_a_finished() {
    let request = |kind, length| records(&record(kind, &vec![0; length])).next().unwrap().is_request();
    assert!(request(23, 54) && !request(23, 53) && !request(23, 69) && !request(22, 54));
    let cut = &record(23, &[0; 90])[..50];
    let read = records(cut).next().unwrap();
    assert!(read.is_request() && !read.is_whole());
    assert_eq!(records(b"GET / HTTP/1.1").count(), 0);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400, at in 1_usize..80) {
        for depth in [Depth::Segment, Depth::Stream, Depth::Records] {
            let _ = read(&bytes, depth);
            let mut hello = plain(ALLOWED).two_records(at);
            hello.truncate(cut);
            let _ = read(&hello, depth);
            for (index, byte) in bytes.iter().enumerate().take(hello.len()).filter(|(index, _)| index % 7 == 0) {
                hello[index] = *byte;
            }
            let _ = read(&hello, depth);
            let body = [&[1, 0, 0, 200][..], &bytes].concat();
            let _ = read(&record(22, &body), depth);
        }
    }
}
