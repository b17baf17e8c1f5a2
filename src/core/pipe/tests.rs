//! The pipe driven through whole streams by hand and by chance; no socket and no clock.

#![allow(clippy::wildcard_enum_match_arm)]

use super::*;
use crate::route::Kind;
use alloc::string::ToString;
use proptest::prelude::*;

const HELLO: &[u8] = b"WA\x06\x03";

fn config(vars: &'static [(&str, &str)]) -> Config {
    Config::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())).unwrap()
}

fn origin() -> Origin {
    Origin { kind: Kind::Chat, routing_info: None, client: None, preferred: None }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Hands in one input and returns every output up to the wait.
fn step(pipe: &mut Pipe<'_, Vec<u8>>, input: Input<Vec<u8>>, now: u64) -> Vec<Output<Vec<u8>>> {
    pipe.handle(input, at(now));
    let mut outputs = Vec::new();
    loop {
        match pipe.poll() {
            Output::Wait(_) => return outputs,
            Output::Done => {
                outputs.push(Output::Done);
                return outputs;
            }
            output => outputs.push(output),
        }
    }
}

fn message(bytes: &[u8]) -> Input<Vec<u8>> {
    Input::Message(bytes.to_vec())
}

/// A pipe whose upstream is open and has taken the first bytes.
fn opened(config: &Config, framed: bool) -> Pipe<'_, Vec<u8>> {
    let mut pipe = Pipe::new(config, origin(), framed, at(0));
    step(&mut pipe, message(HELLO), 1);
    step(&mut pipe, Input::Opened(Candidate(0)), 2);
    step(&mut pipe, Input::Written, 3);
    pipe
}

#[test]
fn the_first_bytes_are_awaited_then_dialled_then_written() {
    let config = config(&[]);
    let mut pipe = Pipe::new(&config, origin(), false, at(0));
    assert_eq!(step(&mut pipe, message(b"W"), 1), []);
    let connect = Output::Connect(Candidate(0), Authority::new("g.whatsapp.net", 443));
    assert_eq!(step(&mut pipe, message(b"A\x06\x03"), 2), [connect]);
    let expected = [Output::Use(Candidate(0)), Output::Write(HELLO.to_vec()), Output::Read];
    assert_eq!(step(&mut pipe, Input::Opened(Candidate(0)), 3), expected);
}

#[test]
fn the_operators_header_and_the_preamble_precede_the_stream_once() {
    let config = config(&[("PROXY_HEADER", "v1")]);
    let client = Some("192.0.2.7".parse().unwrap());
    let origin = Origin { routing_info: Some(vec![8, 2]), client, ..origin() };
    let mut pipe = Pipe::new(&config, origin.clone(), true, at(0));
    step(&mut pipe, message(HELLO), 1);
    let outputs = step(&mut pipe, Input::Opened(Candidate(0)), 2);
    let head = b"PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\nED\x00\x01\x00\x00\x02\x08\x02";
    assert_eq!(outputs[1], Output::Write([&head[..], HELLO].concat()));

    let mut pipe = Pipe::new(&config, origin, true, at(0));
    step(&mut pipe, message(b"ED\x00\x01\x00\x00\x01\x07WA\x06\x03"), 1);
    let Output::Write(written) = &step(&mut pipe, Input::Opened(Candidate(0)), 2)[1] else { panic!() };
    assert!(written.starts_with(b"PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\nED\x00\x01\x00\x00\x01\x07WA"));
}

#[test]
fn each_refusal_has_its_code() {
    let config = config(&[]);
    for (inputs, code) in [
        (vec![(message(b"GET / "), 1)], Code::Garbage),
        (vec![(Input::Text, 1)], Code::Text),
        (vec![(message(b"W"), 1), (Input::Timer, 10_000)], Code::Silent),
        (vec![(message(&vec![0; limits::UPLOAD_QUEUE + 1]), 1)], Code::TooBig),
        (vec![(message(HELLO), 1), (Input::Timer, 8001)], Code::UpstreamTimeout),
        (vec![(message(HELLO), 1), (Input::End(Code::Cpu), 2)], Code::Cpu),
    ] {
        let mut pipe = Pipe::new(&config, origin(), false, at(0));
        let last = inputs.into_iter().map(|(input, now)| step(&mut pipe, input, now)).last().unwrap();
        assert!(last.ends_with(&[Output::CloseUpstream, Output::CloseClient(code)]), "{code:?}: {last:?}");
        assert_eq!(step(&mut pipe, Input::ClientClosed, 10_500), [Output::Done]);
    }
}

#[test]
fn all_candidates_refusing_ends_with_upstream_refused() {
    let config = config(&[("UPSTREAM_CHAT", "a:1 b:2")]);
    let mut pipe = Pipe::new(&config, origin(), false, at(0));
    step(&mut pipe, message(HELLO), 1);
    step(&mut pipe, Input::Failed(Candidate(0)), 2);
    let outputs = step(&mut pipe, Input::Failed(Candidate(1)), 3);
    assert_eq!(outputs, [Output::CloseUpstream, Output::CloseClient(Code::UpstreamRefused)]);
}

#[test]
fn an_unpaced_client_is_closed_at_the_limit_and_nothing_is_kept() {
    let config = config(&[]);
    let mut pipe = opened(&config, false);
    for _ in 0..16 {
        step(&mut pipe, Input::Message(vec![0; 1 << 20]), 4);
    }
    assert_eq!(pipe.queued(), limits::UPLOAD_QUEUE);
    let outputs = step(&mut pipe, message(b"x"), 5);
    assert_eq!(outputs, [Output::CloseUpstream, Output::CloseClient(Code::Queue)]);
    assert_eq!(pipe.queued(), 0);
}

#[test]
fn a_client_that_leaves_is_flushed_finished_and_drained() {
    let config = config(&[]);
    let mut pipe = opened(&config, false);
    assert_eq!(step(&mut pipe, message(b"a"), 4), [Output::Write(b"a".to_vec())]);
    assert_eq!(step(&mut pipe, message(b"b"), 5), []);
    assert_eq!(step(&mut pipe, Input::ClientClosed, 6), []);
    assert_eq!(step(&mut pipe, Input::Written, 7), [Output::Write(b"b".to_vec())]);
    assert_eq!(step(&mut pipe, Input::Written, 8), [Output::Finish]);
    assert_eq!(step(&mut pipe, Input::Read(b"late".to_vec()), 9), [Output::Read]);
    assert_eq!(step(&mut pipe, Input::Timer, 5007), []);
    assert_eq!(step(&mut pipe, Input::Timer, 5008), [Output::CloseUpstream, Output::Done]);
}

#[test]
fn an_upstream_that_has_much_to_say_is_not_read_to_its_end_for_nobody() {
    let config = config(&[]);
    let mut pipe = opened(&config, false);
    step(&mut pipe, Input::ClientClosed, 10);
    let chunk = 64 << 10;
    let reads = (0..100).take_while(|n| !step(&mut pipe, Input::Read(vec![0; chunk]), 11 + n).is_empty()).count();
    assert_eq!((reads + 1) * chunk, limits::UNHEARD);
    assert_eq!(step(&mut pipe, Input::Timer, 5010), [Output::CloseUpstream, Output::Done]);
}

#[test]
fn a_client_that_leaves_while_candidates_are_raced_is_still_flushed() {
    let config = config(&[]);
    let mut pipe = Pipe::new(&config, origin(), false, at(0));
    step(&mut pipe, message(HELLO), 1);
    assert_eq!(step(&mut pipe, Input::ClientClosed, 2), []);
    let expected = [Output::Use(Candidate(0)), Output::Write(HELLO.to_vec()), Output::Read];
    assert_eq!(step(&mut pipe, Input::Opened(Candidate(0)), 3), expected);
    assert_eq!(step(&mut pipe, Input::Written, 4), [Output::Finish]);
    assert_eq!(step(&mut pipe, Input::UpstreamEnd, 5), [Output::CloseUpstream, Output::Done]);

    let mut pipe = Pipe::new(&config, origin(), false, at(0));
    step(&mut pipe, message(HELLO), 1);
    step(&mut pipe, Input::ClientClosed, 2);
    assert!(step(&mut pipe, Input::Timer, 8001).ends_with(&[Output::CloseUpstream, Output::Done]));
}

#[test]
fn the_upstreams_end_closes_with_1000_and_inside_a_frame_with_1011() {
    let config = config(&[]);
    for (bytes, code) in [(&b"\0\0\x01x"[..], Code::End), (b"\0\0\x02x", Code::UpstreamReset)] {
        let mut pipe = opened(&config, true);
        step(&mut pipe, Input::Read(bytes.to_vec()), 4);
        let outputs = step(&mut pipe, Input::UpstreamEnd, 5);
        assert_eq!(outputs, [Output::CloseUpstream, Output::CloseClient(code)]);
    }
}

#[test]
fn only_silence_both_ways_is_idle_and_it_wakes_no_more_than_once_for_it() {
    let config = config(&[]);
    let mut pipe = opened(&config, false);
    step(&mut pipe, Input::Read(b"x".to_vec()), 100_000);
    assert_eq!(step(&mut pipe, Input::Timer, 200_003), []);
    assert_eq!(pipe.poll(), Output::Wait(at(300_000)));
    let outputs = step(&mut pipe, Input::Timer, 300_000);
    assert_eq!(outputs, [Output::CloseUpstream, Output::CloseClient(Code::Idle)]);
}

#[test]
fn a_candidate_that_answers_too_late_is_abandoned() {
    let config = config(&[]);
    let mut pipe = opened(&config, false);
    assert_eq!(step(&mut pipe, Input::Opened(Candidate(1)), 4), [Output::Abandon(Candidate(1))]);
}

fn any_input() -> impl Strategy<Value = Input<Vec<u8>>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => bytes.clone().prop_map(Input::Message),
        4 => bytes.prop_map(Input::Read),
        4 => Just(Input::Written),
        1 => Just(Input::Timer),
        1 => (0usize..8).prop_map(|index| Input::Opened(Candidate(index))),
        1 => (0usize..8).prop_map(|index| Input::Failed(Candidate(index))),
        1 => Just(Input::Text),
        1 => Just(Input::End(Code::Cpu)),
        1 => Just(Input::ClientClosed),
        1 => Just(Input::UpstreamEnd),
        1 => Just(Input::UpstreamFailed),
    ]
}

proptest! {
    #[test]
    fn uploads_arrive_whole_and_in_order_whatever_the_cuts(
        sizes in prop::collection::vec(1usize..9000, 1..1500),
        write_every in 1usize..700,
    ) {
        let config = config(&[]);
        let mut pipe = opened(&config, false);
        let (mut sent, mut arrived, mut next) = (Vec::new(), Vec::new(), 0u8);
        let mut take = |outputs: Vec<Output<Vec<u8>>>| {
            for output in outputs {
                if let Output::Write(bytes) = output {
                    assert!(bytes.len() <= limits::WRITE_BATCH);
                    arrived.extend(bytes);
                }
            }
        };
        for (index, size) in sizes.into_iter().enumerate() {
            next = next.wrapping_mul(5).wrapping_add(17);
            sent.extend(core::iter::repeat_n(next, size));
            take(step(&mut pipe, Input::Message(vec![next; size]), 4));
            if index % write_every == 0 {
                take(step(&mut pipe, Input::Written, 5));
            }
        }
        while pipe.queued() > 0 {
            take(step(&mut pipe, Input::Written, 6));
        }
        prop_assert_eq!(arrived, sent);
    }

    #[test]
    fn no_sequence_of_inputs_panics_and_nothing_follows_the_end(
        inputs in prop::collection::vec(any_input(), 0..60),
        framed in any::<bool>(),
        open in any::<bool>(),
    ) {
        let config = config(&[]);
        let mut pipe = if open { opened(&config, framed) } else { Pipe::new(&config, origin(), framed, at(0)) };
        let mut closed = false;
        for (index, input) in inputs.into_iter().enumerate() {
            for output in step(&mut pipe, input, 10 + 100 * index as u64) {
                if closed {
                    prop_assert!(matches!(output, Output::Done | Output::Abandon(_)), "{output:?}");
                }
                closed |= matches!(output, Output::CloseClient(_) | Output::Done);
            }
        }
    }
}
