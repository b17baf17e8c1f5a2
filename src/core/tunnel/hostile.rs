//! Either end of a tunnel against a peer that says anything at any time: no panic, no limit exceeded, nothing after the end.
//!
//! The adapter's side of the contract is kept: reads and writes are answered once, and within their sizes.

#![allow(clippy::wildcard_enum_match_arm)]

use alloc::{format, string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::{
    Carrier, Ending,
    client::{self, Client, Timing},
    duplex::Duplex,
    message::{Ack, Budget, Control, Fin, Open, Opened, Reset, Resume, Resumed},
    relay::{self, FIRST, Origin, Relay},
};
use crate::{codes::Code, config::Config, dial::Candidate, limits, route::Kind, time::Instant};

const WINDOW: u32 = limits::WINDOW_MIN;

/// The most that one read brings.
const PIECE: u64 = 70_000;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Data(u32, usize),
    Text(u32, String),
    Many(u32, usize),
    Resume(u32, Resume),
    Closed(u32, bool),
    Begun(u32),
    Read(usize),
    ReadEnd,
    Broken,
    Written,
    Pong(u32),
    Wait(u64),
    Rotate,
    End,
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..200_000u64, 2 => 0..10u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn window() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(WINDOW), any::<u32>()]
}

fn resume() -> impl Strategy<Value = Resume> {
    (number(), number(), window(), prop::option::of(number())).prop_map(|(attach, received, window, budget)| Resume {
        session: "0.x".into(),
        attach,
        received,
        window,
        budget,
        packets: None,
    })
}

fn control() -> impl Strategy<Value = String> {
    prop_oneof![
        (number(), any::<bool>(), prop::option::of(window())).prop_map(|(n, fin, window)| Control::Ack(Ack {
            n,
            fin,
            window
        })
        .encode()),
        number().prop_map(|n| Control::Fin(Fin { n }).encode()),
        number().prop_map(|n| Control::Budget(Budget { n }).encode()),
        (window(), any::<bool>()).prop_map(|(window, kept)| {
            let session = kept.then(|| "0.x".into());
            Control::Opened(Opened { window, session, features: vec![] }).encode()
        }),
        (number(), window(), prop::option::of(number()))
            .prop_map(|(received, window, from)| Control::Resumed(Resumed { received, window, from }).encode()),
        resume().prop_map(|resume| Control::Resume(resume).encode()),
        window()
            .prop_map(|window| Control::Open(Open { route: Kind::Chat, window, budget: None, packets: None }).encode()),
        Just(Control::Reset(Reset { code: Code::Busy }).encode()),
        "\\PC{0,40}",
        (0..10_000usize).prop_map(|len| "x".repeat(len)),
        Just(String::from(r#"{"x-later":1}"#)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let carrier = || 0..5u32;
    let size = prop_oneof![4 => 0..5000usize, 2 => 0..70_000usize, 1 => Just(limits::TUNNEL_CHUNK + 1)];
    prop_oneof![
        6 => (carrier(), size).prop_map(|(carrier, size)| Step::Data(carrier, size)),
        6 => (carrier(), control()).prop_map(|(carrier, text)| Step::Text(carrier, text)),
        1 => (carrier(), 0..5000usize).prop_map(|(carrier, count)| Step::Many(carrier, count)),
        2 => (carrier(), resume()).prop_map(|(carrier, resume)| Step::Resume(carrier, resume)),
        1 => (carrier(), any::<bool>()).prop_map(|(carrier, clean)| Step::Closed(carrier, clean)),
        3 => carrier().prop_map(Step::Begun),
        4 => (1..PIECE as usize).prop_map(Step::Read),
        6 => Just(Step::Written),
        1 => carrier().prop_map(Step::Pong),
        2 => prop_oneof![0..100u64, 0..200_000u64].prop_map(Step::Wait),
        1 => Just(Step::ReadEnd),
        1 => Just(Step::Rotate),
        1 => prop_oneof![9 => Just(Step::Rotate), 1 => Just(Step::End), 1 => Just(Step::Broken)],
    ]
}

/// The adapter's TCP connection.
#[derive(Debug, Default)]
struct Tcp {
    reading: Option<usize>,
    writing: bool,
    ended: bool,
}

impl Tcp {
    fn read(&mut self, len: usize) -> Option<Vec<u8>> {
        self.reading.take().map(|max| vec![b'x'; len.min(max)])
    }

    fn asked(&mut self, max: usize) {
        assert!(max > 0 && !self.ended && self.reading.replace(max).is_none());
    }

    fn given(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty() && !core::mem::replace(&mut self.writing, true));
    }
}

fn ending(clean: bool) -> Ending {
    if clean { Ending::Clean } else { Ending::Cut }
}

fn check(duplex: &Duplex<Vec<u8>>, window_max: u32, more: u64) {
    let window = duplex.inbound.window();
    assert!(window <= window_max && duplex.inbound.held() <= window as usize);
    // A piece of which the peer acknowledged a part is kept whole.
    assert!(duplex.outbound.held() <= u64::from(WINDOW) + more + PIECE);
    assert!(duplex.inbound.chunks() <= 1025 && duplex.outbound.pieces() <= limits::IN_FLIGHT_MESSAGES + 60);
}

fn relay_input(step: Step, tcp: &mut Tcp, relay: &mut Relay<'_, Vec<u8>>, now: Instant) {
    let input = match step {
        Step::Data(carrier, len) => relay::Input::Data(Carrier(carrier), vec![b'x'; len]),
        Step::Text(carrier, text) => return relay.handle(relay::Input::Text(Carrier(carrier), &text), now),
        Step::Resume(carrier, resume) => relay::Input::Resume(Carrier(carrier), resume),
        Step::Closed(carrier, clean) => relay::Input::CarrierClosed(Carrier(carrier), ending(clean)),
        Step::Begun(candidate) => relay::Input::Opened(Candidate(candidate as usize)),
        Step::Read(len) => match tcp.read(len) {
            Some(bytes) => relay::Input::Read(bytes),
            None => return,
        },
        Step::ReadEnd if tcp.reading.take().is_some() => {
            tcp.ended = true;
            relay::Input::ReadEnd
        }
        Step::Broken if tcp.reading.take().is_some() => relay::Input::UpstreamFailed,
        Step::Written if core::mem::take(&mut tcp.writing) => relay::Input::Written,
        Step::Wait(_) => relay::Input::Timer,
        Step::End => relay::Input::End(Code::Cpu),
        _ => return,
    };
    relay.handle(input, now);
}

fn drain_relay(relay: &mut Relay<'_, Vec<u8>>, tcp: &mut Tcp, done: &mut bool) {
    loop {
        let output = relay.poll();
        let refusal = matches!(output, relay::Output::Control(..) | relay::Output::Close(..));
        let after = refusal || matches!(output, relay::Output::Abandon(_) | relay::Output::Done);
        assert!(!*done || after, "{output:?} after the end");
        match output {
            relay::Output::Send(_, bytes) => assert!(bytes.len() <= limits::TUNNEL_CHUNK && !bytes.is_empty()),
            relay::Output::Read(max) => tcp.asked(max),
            relay::Output::Write(bytes) => tcp.given(&bytes),
            relay::Output::Wait(_) => return,
            relay::Output::Done => {
                assert_eq!(relay.held(), 0);
                *done = true;
                return;
            }
            _ => {}
        }
    }
}

fn client_input(step: Step, tcp: &mut Tcp, client: &mut Client<Vec<u8>>, begun: &mut u32, now: Instant) {
    let input = match step {
        Step::Data(carrier, len) => client::Input::Data(Carrier(carrier), vec![b'x'; len]),
        Step::Text(carrier, text) => return client.handle(client::Input::Text(Carrier(carrier), &text), now),
        Step::Closed(carrier, clean) => client::Input::CarrierClosed(Carrier(carrier), ending(clean)),
        // Dialled, then upgraded.
        Step::Begun(carrier) => {
            *begun ^= 1 << carrier;
            let carrier = Carrier(carrier);
            if *begun & (1 << carrier.0) == 0 {
                client::Input::Upgraded(carrier)
            } else {
                client::Input::Dialled(carrier)
            }
        }
        Step::Read(len) => match tcp.read(len) {
            Some(bytes) => client::Input::Read(bytes),
            None => return,
        },
        Step::ReadEnd if tcp.reading.take().is_some() => {
            tcp.ended = true;
            client::Input::ReadEnd
        }
        Step::Broken if tcp.reading.take().is_some() => client::Input::TcpFailed,
        Step::Written if core::mem::take(&mut tcp.writing) => client::Input::Written,
        Step::Pong(carrier) => client::Input::Pong(Carrier(carrier)),
        Step::Wait(_) => client::Input::Timer,
        Step::Rotate => client::Input::Rotate,
        Step::End => client::Input::End(Code::Busy),
        _ => return,
    };
    client.handle(input, now);
}

fn drain_client(client: &mut Client<Vec<u8>>, tcp: &mut Tcp, done: &mut bool) {
    loop {
        let output = client.poll();
        assert!(!*done || output == client::Output::Done, "{output:?} after the end");
        match output {
            client::Output::Send(_, bytes) => assert!(bytes.len() <= limits::TUNNEL_CHUNK && !bytes.is_empty()),
            client::Output::Read(max) => tcp.asked(max),
            client::Output::Write(bytes) => tcp.given(&bytes),
            client::Output::Wait(_) => return,
            client::Output::Done => {
                assert_eq!(client.held(), 0);
                *done = true;
                return;
            }
            _ => {}
        }
    }
}

/// What a step stands for, one by one, and how much later it happens.
fn expand(step: Step) -> (u64, Vec<Step>) {
    match step {
        Step::Many(carrier, count) => (0, vec![Step::Data(carrier, 1); count]),
        Step::Wait(millis) => (millis, vec![step]),
        step => (1, vec![step]),
    }
}

fn relay<'a>(config: &'a Config, open: &Open) -> Relay<'a, Vec<u8>> {
    let origin = Origin { kind: Kind::Chat, routing_info: None, client: None, preferred: None };
    let session = Some("0.x".into());
    let early = b"WA\x06\x03".to_vec();
    let options = relay::Options { origin, open: open.clone(), early, window: WINDOW, session };
    Relay::new(config, options, Instant::from_millis(0))
}

proptest! {
    #[test]
    fn a_relay_survives_any_client(
        steps in prop::collection::vec(step(), 0..60),
        opened in prop::bool::weighted(0.9),
        budget in prop::option::of(number()),
    ) {
        let config = Config::from_vars(|_| None).unwrap();
        let mut relay = relay(&config, &Open { route: Kind::Chat, window: WINDOW, budget, packets: None });
        let (mut tcp, mut now, mut done) = (Tcp::default(), Instant::from_millis(0), false);
        drain_relay(&mut relay, &mut tcp, &mut done);
        let begin = opened.then_some(Step::Begun(0));
        for step in begin.into_iter().chain(steps) {
            let (later, steps) = expand(step);
            now = now + core::time::Duration::from_millis(later);
            for step in steps {
                relay_input(step, &mut tcp, &mut relay, now);
                drain_relay(&mut relay, &mut tcp, &mut done);
                check(&relay.duplex, WINDOW, 0);
            }
        }
    }

    #[test]
    fn a_client_survives_any_relay(
        steps in prop::collection::vec(step(), 0..60),
        opened in prop::bool::weighted(0.9),
        budget in prop::option::of(number()),
    ) {
        let timing = Timing::DEFAULT;
        let options = client::Options { route: Kind::Chat, window: WINDOW, budget, packets: None, early: true, timing, seed: 1 };
        let mut client = Client::new(options, Instant::from_millis(0));
        let (mut tcp, mut now, mut done, mut begun) = (Tcp::default(), Instant::from_millis(0), false, 0);
        drain_client(&mut client, &mut tcp, &mut done);
        let answer = Opened { window: WINDOW, session: Some("0.x".into()), features: vec![] };
        let begin = [Step::Begun(0), Step::Begun(0), Step::Text(0, Control::Opened(answer).encode())];
        for step in begin.into_iter().take(if opened { 3 } else { 0 }).chain(steps) {
            let (later, steps) = expand(step);
            now = now + core::time::Duration::from_millis(later);
            for step in steps {
                client_input(step, &mut tcp, &mut client, &mut begun, now);
                drain_client(&mut client, &mut tcp, &mut done);
                // The window that the relay announces may be larger than ours, which grows with what comes.
                check(&client.duplex, limits::WINDOW_MAX, u64::from(limits::WINDOW_MAX - WINDOW));
            }
        }
    }
}

#[test]
fn too_many_small_messages_are_a_flood() {
    let config = Config::from_vars(|_| None).unwrap();
    let mut relay = relay(&config, &Open { route: Kind::Chat, window: WINDOW, budget: None, packets: None });
    let (mut tcp, now, mut done) = (Tcp::default(), Instant::from_millis(0), false);
    drain_relay(&mut relay, &mut tcp, &mut done);
    relay.handle(relay::Input::Opened(Candidate(0)), now);
    drain_relay(&mut relay, &mut tcp, &mut done);
    // The early bytes are one of them.
    for _ in 1..limits::UNDELIVERED_MESSAGES {
        relay.handle(relay::Input::Data(FIRST, vec![b'x']), now);
        drain_relay(&mut relay, &mut tcp, &mut done);
        check(&relay.duplex, WINDOW, 0);
    }
    assert!(relay.held() > 0);
    relay.handle(relay::Input::Data(FIRST, vec![b'x']), now);
    let text = format!("{:?}", (relay.poll(), relay.poll()));
    assert!(text.contains("Flood"), "{text}");
    assert_eq!(relay.held(), 0);
}

#[test]
fn a_budget_is_kept_to_and_may_be_raised_but_not_lowered_nor_by_another_carrier() {
    let config = Config::from_vars(|_| None).unwrap();
    let mut relay = relay(&config, &Open { route: Kind::Chat, window: WINDOW, budget: Some(10_000), packets: None });
    let now = Instant::from_millis(0);
    let mut step = |input: relay::Input<'_, Vec<u8>>| {
        relay.handle(input, now);
        let mut sent = 0;
        loop {
            match relay.poll() {
                relay::Output::Send(_, bytes) => sent += bytes.len(),
                relay::Output::Wait(_) => return sent,
                _ => {}
            }
        }
    };
    step(relay::Input::Opened(Candidate(0)));
    assert_eq!(step(relay::Input::Read(vec![1; 40_000])), 10_000);
    for (carrier, n, sent) in [(0, 15_000, 5000), (0, 12_000, 0), (1, 40_000, 0), (0, 15_001, 1), (0, u64::MAX, 24_999)]
    {
        let text = Control::Budget(Budget { n }).encode();
        assert_eq!(step(relay::Input::Text(Carrier(carrier), &text)), sent, "{n}");
    }
}
