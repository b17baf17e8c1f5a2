//! One of the core's hot functions, so many times: `micro NAME TIMES`. Without arguments, the names.
//!
//! It measures nothing: `cargo xtask bench micro` runs it under valgrind and counts instructions. What it runs twice, with
//! different numbers of times, begins alike, so that the difference is the function's own.

mod span;
mod opened;

use std::{hint::black_box, process::ExitCode};

use opened::{relay, step};
use pasarela_core::{
    config::Config,
    dial::Candidate,
    frame::Frames,
    limits,
    pipe::{self, Origin, Pipe},
    route::Kind,
    sniff::{Sniff, sniff},
    time::Instant,
    tunnel::{
        Carrier,
        client::{self, Client, Timing},
        message::{Ack, Control, Opened},
        relay::{FIRST, Input},
    },
};
use span::Span;

/// What an adapter moves at once when much comes, in bytes.
const MUCH: usize = 64 << 10;

/// A message of a chat, in bytes.
const LITTLE: usize = 128;

/// A hot function, so many times.
type Work = fn(u64);

const ALL: [(&str, Work); 13] = [
    ("route-of-a-key", route),
    ("sniff-chat", sniff_chat),
    ("sniff-tls-hello", sniff_hello),
    ("frames-16-in-one-read", frames),
    ("pipe-open", pipe_open),
    ("pipe-down", pipe_down),
    ("pipe-up", pipe_up),
    ("tunnel-down-64k", tunnel_down),
    ("tunnel-up-64k", tunnel_up),
    ("tunnel-echo-128", tunnel_echo),
    ("client-down-64k", client_down),
    ("client-up-64k", client_up),
    ("control-ack-there-and-back", control),
];

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [name, times] = words.as_slice() else {
        for (name, _) in ALL {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let work = ALL.iter().find(|(known, _)| known == name);
    let (Some((_, work)), Ok(times)) = (work, times.parse()) else { return ExitCode::FAILURE };
    work(times);
    ExitCode::SUCCESS
}

fn config(keys: &str) -> Config {
    let of = |name: &str| (name == "RELAY_KEYS" && !keys.is_empty()).then(|| keys.to_owned());
    Config::from_vars(of).expect("it is a configuration")
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn route(times: u64) {
    let keys: Vec<_> = (0..8).map(|n| format!("name{n}=0123456789abcdef{n}")).collect();
    let config = config(&keys.join(" "));
    for _ in 0..times {
        black_box(config.judge("GET", black_box("/0123456789abcdef5/pipe/chat"), true));
    }
}

fn sniff_chat(times: u64) {
    for _ in 0..times {
        black_box(sniff(black_box(b"WA\x06\x03\0\0\x24")));
    }
}

fn sniff_hello(times: u64) {
    let hello = hello("mmg.whatsapp.net");
    assert!(matches!(sniff(&hello), Sniff::Tls { name: Some(_) }), "it is no hello");
    for _ in 0..times {
        black_box(sniff(black_box(&hello)));
    }
}

/// A ClientHello that asks for this name, with a few bytes of other extensions before it (RFC 8446, section 4.1.2).
fn hello(name: &str) -> Vec<u8> {
    let with_length = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes()[..], bytes].concat();
    let name = with_length(&[&[0][..], &with_length(name.as_bytes())].concat());
    let extensions = [&[0xff, 0x01, 0, 1, 0][..], &[0, 0], &with_length(&name)].concat();
    let body =
        [&[3, 3][..], &[7; 32], &[0], &with_length(&[0x13, 1, 0x13, 2]), &[1, 0], &with_length(&extensions)].concat();
    let message = [&[1, 0][..], &with_length(&body)].concat();
    [&[22, 3, 1][..], &with_length(&message)].concat()
}

/// A span's bytes are zeros, which are the headers of empty frames.
fn frames(times: u64) {
    let mut frames = Frames::new();
    for _ in 0..times {
        frames.handle(black_box(Span { from: 4, len: 16 * 3 }));
        while let Some(message) = frames.poll() {
            black_box(message);
        }
    }
}

fn origin() -> Origin {
    Origin { kind: Kind::Chat, routing_info: None, client: None, preferred: None }
}

fn pipe_step(pipe: &mut Pipe<'_, Span>, input: pipe::Input<Span>) {
    pipe.handle(input, at(1));
    while !matches!(black_box(pipe.poll()), pipe::Output::Wait(_) | pipe::Output::Done) {}
}

/// A pipe whose upstream is open and has taken the first bytes.
fn pipe(config: &Config) -> Pipe<'_, Span> {
    let mut pipe = Pipe::new(config, origin(), false, at(0));
    pipe_step(&mut pipe, pipe::Input::Message(Span { from: 0, len: 4 }));
    pipe_step(&mut pipe, pipe::Input::Opened(Candidate(0)));
    pipe_step(&mut pipe, pipe::Input::Written);
    pipe
}

fn pipe_open(times: u64) {
    let config = config("");
    for _ in 0..times {
        black_box(pipe(&config));
    }
}

fn pipe_down(times: u64) {
    let config = config("");
    let mut pipe = pipe(&config);
    for _ in 0..times {
        pipe_step(&mut pipe, pipe::Input::Read(Span { from: 4, len: MUCH }));
    }
}

fn pipe_up(times: u64) {
    let config = config("");
    let mut pipe = pipe(&config);
    for _ in 0..times {
        pipe_step(&mut pipe, pipe::Input::Message(Span { from: 4, len: MUCH }));
        pipe_step(&mut pipe, pipe::Input::Written);
    }
}

/// With the client's acknowledgement for each.
fn tunnel_down(times: u64) {
    let config = config("");
    let mut relay = relay(&config);
    for n in 1..=times {
        step(&mut relay, Input::Read(Span { from: 4, len: MUCH }));
        let n = n * MUCH as u64;
        step(&mut relay, Input::Text(FIRST, &format!(r#"{{"ack":{{"n":{n}}}}}"#)));
    }
}

/// With the relay's acknowledgement for each.
fn tunnel_up(times: u64) {
    let config = config("");
    let mut relay = relay(&config);
    for _ in 0..times {
        step(&mut relay, Input::Data(FIRST, Span { from: 4, len: MUCH }));
        step(&mut relay, Input::Written);
    }
}

/// A message there and one back, with the acknowledgements that become due.
fn tunnel_echo(times: u64) {
    let config = config("");
    let mut relay = relay(&config);
    for n in 1..=times {
        step(&mut relay, Input::Data(FIRST, Span { from: 4, len: LITTLE }));
        step(&mut relay, Input::Written);
        step(&mut relay, Input::Read(Span { from: 4, len: LITTLE }));
        let n = n * LITTLE as u64;
        if n.is_multiple_of(MUCH as u64) {
            step(&mut relay, Input::Text(FIRST, &format!(r#"{{"ack":{{"n":{n}}}}}"#)));
        }
    }
}

/// Hands in one input; the carrier that is to be dialled, if one is.
fn client_step(client: &mut Client<Span>, input: Option<client::Input<'_, Span>>) -> Option<Carrier> {
    if let Some(input) = input {
        client.handle(input, at(1));
    }
    let mut dialled = None;
    loop {
        let output = black_box(client.poll());
        if let client::Output::Dial(carrier) = output {
            dialled = Some(carrier);
        } else if matches!(output, client::Output::Wait(_) | client::Output::Done) {
            return dialled;
        }
    }
}

/// The client's end of a tunnel that is open.
fn client() -> (Client<Span>, Carrier) {
    let window = limits::WINDOW_MAX;
    let options = client::Options {
        route: Kind::Chat,
        window,
        budget: None,
        packets: None,
        early: true,
        timing: Timing::DEFAULT,
        seed: 1,
    };
    let mut client = Client::new(options, at(0));
    let carrier = client_step(&mut client, None).expect("it dials");
    let opened = Control::Opened(Opened { window, session: None, features: Vec::new() }).encode();
    let inputs =
        [client::Input::Dialled(carrier), client::Input::Upgraded(carrier), client::Input::Text(carrier, &opened)];
    for input in inputs {
        client_step(&mut client, Some(input));
    }
    (client, carrier)
}

/// With its acknowledgement for each.
fn client_down(times: u64) {
    let (mut client, carrier) = client();
    for _ in 0..times {
        client_step(&mut client, Some(client::Input::Data(carrier, Span { from: 4, len: MUCH })));
        client_step(&mut client, Some(client::Input::Written));
    }
}

/// With the relay's acknowledgement for each.
fn client_up(times: u64) {
    let (mut client, carrier) = client();
    for n in 1..=times {
        client_step(&mut client, Some(client::Input::Read(Span { from: 4, len: MUCH })));
        let n = n * MUCH as u64;
        client_step(&mut client, Some(client::Input::Text(carrier, &format!(r#"{{"ack":{{"n":{n}}}}}"#))));
    }
}

fn control(times: u64) {
    for n in 0..times {
        let text = Control::Ack(Ack { n: black_box(n + (1 << 30)), fin: false, window: None }).encode();
        let _ = black_box(Control::decode(black_box(&text)));
    }
}
