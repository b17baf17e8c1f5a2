//! A relay's end of a tunnel in the steady state, and one step of it, for whoever counts what a step costs.

use pasarela_core::{
    config::Config,
    dial::Candidate,
    limits,
    route::Kind,
    time::Instant,
    tunnel::{
        message::Open,
        relay::{Input, Options, Origin, Output, Relay},
    },
};

use crate::span::Span;

/// The relay's end of a tunnel whose upstream is open.
pub(crate) fn relay(config: &Config) -> Relay<'_, Span> {
    let window = limits::WINDOW_MAX;
    let options = Options {
        origin: Origin { kind: Kind::Chat, routing_info: None, client: None, preferred: None },
        open: Open { route: Kind::Chat, window, budget: None, packets: None },
        early: b"WA\x06\x03".to_vec(),
        window,
        session: Some("0.AAAAAAAAAAAAAAAAAAAAAA".into()),
    };
    let mut relay = Relay::new(config, options, Instant::from_millis(0));
    step(&mut relay, Input::Opened(Candidate(0)));
    step(&mut relay, Input::Written);
    relay
}

/// Hands in one input; returns how many messages, writes and acknowledgements come of it. These are encoded, as an
/// adapter does.
pub(crate) fn step(relay: &mut Relay<'_, Span>, input: Input<'_, Span>) -> (u64, u64, u64) {
    relay.handle(input, Instant::from_millis(1));
    let (mut sent, mut written, mut acks) = (0, 0, 0);
    loop {
        match relay.poll() {
            Output::Send(..) => sent += 1,
            Output::Write(_) => written += 1,
            Output::Control(_, control) => acks += u64::from(!control.encode().is_empty()),
            Output::Wait(_) => return (sent, written, acks),
            Output::Close(..)
            | Output::Connect(..)
            | Output::Abandon(_)
            | Output::Use(_)
            | Output::Read(_)
            | Output::Finish
            | Output::Widen(_)
            | Output::CloseUpstream
            | Output::Done => {}
        }
    }
}
