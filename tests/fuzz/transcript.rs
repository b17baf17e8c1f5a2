//! Transcripts: what happens to one end of a tunnel, a line for each event. What is not understood is passed over, so that
//! any text is a transcript.
//!
//! `t CARRIER TEXT` a text message, `d CARRIER BYTES` a data message, `m CARRIER COUNT` so many of one byte,
//! `r CARRIER ATTACH RECEIVED WINDOW [BUDGET]` a resume, `c CARRIER CLEAN` a carrier's end, `o N` a candidate that answers,
//! or a carrier that is dialled and then upgraded, `f N` a candidate that fails, `p CARRIER` a pong, `R BYTES` a read, `E` its
//! end, `B` a broken connection, `W` a write that is done, `w MILLIS` time that passes and a timer, `n` a rotation, `x` the
//! adapter's end. In front of these `b BUDGET` sets the budget.

use std::{collections::BTreeSet, time::Duration};

use pasarela_core::{
    codes::Code,
    config::Config,
    dial::Candidate,
    limits,
    route::Kind,
    time::Instant,
    tunnel::{
        Carrier, Ending,
        client::{self, Client, Timing},
        message::{Control, Open, Resume},
        relay::{self, Origin, Relay},
    },
};

use crate::span::Span;

const WINDOW: u32 = limits::WINDOW_MIN;
/// The most that one read brings; a piece of which a part is acknowledged is kept whole.
const PIECE: usize = 64 << 10;

/// An event, its numbers, and the text behind the first of them.
struct Line<'t> {
    verb: &'t str,
    numbers: [u64; 5],
    given: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn parse(line: &'t str) -> Option<Self> {
        let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let mut numbers = [0; 5];
        let mut given = 0;
        for (number, word) in numbers.iter_mut().zip(rest.split(' ')) {
            let Ok(parsed) = word.parse() else { break };
            *number = parsed;
            given += 1;
        }
        let text = rest.split_once(' ').map_or("", |(_, text)| text);
        (!verb.is_empty()).then_some(Self { verb, numbers, given, text })
    }

    /// One of a few carriers, as there are in a tunnel's life.
    fn carrier(&self) -> Carrier {
        Carrier(u32::try_from(self.numbers[0] % 6).unwrap_or(0))
    }

    fn size(&self, at: usize, most: usize) -> usize {
        usize::try_from(self.numbers[at]).unwrap_or(usize::MAX).min(most)
    }
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split('\n').filter_map(Line::parse).take(2000)
}

fn budget(text: &str) -> Option<u64> {
    lines(text).find(|line| line.verb == "b").map(|line| line.numbers[0])
}

/// The adapter's side of the contract: one read and one write at a time.
#[derive(Default)]
struct Tcp {
    reading: Option<usize>,
    writing: bool,
    ended: bool,
    done: bool,
}

impl Tcp {
    fn read(&mut self, line: &Line<'_>) -> Option<Span> {
        let max = self.reading.take()?;
        Some(Span { from: 0, len: line.size(0, max.min(PIECE)).max(1) })
    }

    fn end(&mut self) -> bool {
        let end = self.reading.take().is_some();
        self.ended |= end;
        end
    }

    fn begin_read(&mut self, max: usize) {
        assert!(max > 0 && max <= limits::WINDOW_MAX as usize && !self.ended && self.reading.replace(max).is_none());
    }

    fn begin_write(&mut self, span: Span) {
        assert!(span.len > 0 && !std::mem::replace(&mut self.writing, true));
    }
}

fn sent(span: Span) {
    assert!(span.len > 0 && span.len <= limits::TUNNEL_CHUNK);
}

fn said(control: &Control) {
    let text = control.encode();
    assert!(text.len() <= limits::CONTROL, "{text}");
    assert_eq!(Control::decode(&text).as_ref(), Ok(&Some(control.clone())));
}

fn ending(line: &Line<'_>) -> Ending {
    if line.numbers[1] == 1 { Ending::Clean } else { Ending::Cut }
}

/// Drives a relay. Whether the client's end of the tunnel was not found at fault.
pub(crate) fn relay(text: &str) -> bool {
    let config = Config::from_vars(|_| None).unwrap();
    let origin = Origin { kind: Kind::Chat, routing_info: None, client: None, preferred: None };
    let open = Open { route: Kind::Chat, window: WINDOW, budget: budget(text), packets: None };
    let early = b"WA\x06\x03".to_vec();
    let options = relay::Options { origin, open, early, window: WINDOW, session: Some("0.AAAA".into()) };
    let mut now = Instant::from_millis(0);
    let mut relay = Relay::new(&config, options, now);
    let (mut tcp, mut at_fault) = (Tcp::default(), false);
    drain_relay(&mut relay, now, &mut tcp, &mut at_fault);
    for line in lines(text) {
        if line.verb == "w" {
            now = now + Duration::from_millis(line.numbers[0].min(1_000_000));
        }
        let times = if line.verb == "m" { line.size(1, 5000) } else { 1 };
        for _ in 0..times {
            let Some(input) = relay_input(&line, &mut tcp) else { break };
            relay.handle(input, now);
            drain_relay(&mut relay, now, &mut tcp, &mut at_fault);
            assert!(relay.held() <= 2 * relay.window() as usize + PIECE, "{} bytes are held", relay.held());
        }
    }
    !at_fault
}

fn relay_input<'t>(line: &Line<'t>, tcp: &mut Tcp) -> Option<relay::Input<'t, Span>> {
    use relay::Input;
    let carrier = line.carrier();
    let candidate = Candidate(line.size(0, 10));
    Some(match line.verb {
        "t" => Input::Text(carrier, line.text),
        "d" => Input::Data(carrier, Span { from: 0, len: line.size(1, 2 << 20) }),
        "m" => Input::Data(carrier, Span { from: 0, len: 1 }),
        "r" => Input::Resume(carrier, resume(line)),
        "c" => Input::CarrierClosed(carrier, ending(line)),
        "o" => Input::Opened(candidate),
        "f" => Input::Failed(candidate),
        "R" => Input::Read(tcp.read(line)?),
        "E" => tcp.end().then_some(Input::ReadEnd)?,
        "B" => tcp.end().then_some(Input::UpstreamFailed)?,
        "W" => std::mem::take(&mut tcp.writing).then_some(Input::Written)?,
        "w" => Input::Timer,
        "x" => Input::End(Code::Cpu),
        _ => return None,
    })
}

fn resume(line: &Line<'_>) -> Resume {
    let [_, attach, received, window, budget] = line.numbers;
    Resume {
        session: "0.AAAA".into(),
        attach,
        received,
        window: u32::try_from(window).unwrap_or(u32::MAX),
        budget: (line.given == 5).then_some(budget),
        packets: (line.given == 5 && !budget.is_multiple_of(2)).then_some(budget % 64),
    }
}

fn drain_relay(relay: &mut Relay<'_, Span>, now: Instant, tcp: &mut Tcp, at_fault: &mut bool) {
    use relay::Output;
    // A finished relay still refuses.
    loop {
        match relay.poll() {
            Output::Send(_, span) => sent(span),
            Output::Control(_, control) => said(&control),
            Output::Close(_, code) => *at_fault |= matches!(code, Code::Protocol | Code::Flood | Code::TooBig),
            Output::Read(max) => tcp.begin_read(max),
            Output::Write(span) => tcp.begin_write(span),
            Output::Connect(..) | Output::Use(_) | Output::Finish | Output::CloseUpstream => assert!(!tcp.done),
            Output::Abandon(_) => {}
            Output::Widen(asked) => {
                assert!(asked > relay.window(), "{asked} is no more");
                relay.handle(relay::Input::Widened(asked.min(limits::WINDOW_MAX)), now);
            }
            Output::Wait(_) => return assert!(!tcp.done),
            Output::Done => {
                assert_eq!(relay.held(), 0);
                tcp.done = true;
                return;
            }
        }
    }
}

/// Drives a client. Whether the relay was not found at fault.
pub(crate) fn client(text: &str) -> bool {
    let timing = Timing::DEFAULT;
    let options = client::Options {
        route: Kind::Chat,
        window: WINDOW,
        budget: budget(text),
        packets: budget(text).filter(|budget| !budget.is_multiple_of(2)).map(|_| 8),
        early: true,
        timing,
        seed: 1,
    };
    let mut now = Instant::from_millis(0);
    let mut client = Client::new(options, now);
    let (mut tcp, mut at_fault, mut dialled) = (Tcp::default(), false, BTreeSet::new());
    drain_client(&mut client, &mut tcp, &mut at_fault);
    for line in lines(text) {
        if line.verb == "w" {
            now = now + Duration::from_millis(line.numbers[0].min(1_000_000));
        }
        let times = if line.verb == "m" { line.size(1, 5000) } else { 1 };
        for _ in 0..times {
            let Some(input) = client_input(&line, &mut tcp, &mut dialled) else { break };
            client.handle(input, now);
            drain_client(&mut client, &mut tcp, &mut at_fault);
            // The relay may grant more than ours.
            let most = (WINDOW + limits::WINDOW_MAX) as usize + PIECE;
            assert!(client.held() <= most, "{} bytes are held", client.held());
        }
    }
    !at_fault
}

fn client_input<'t>(line: &Line<'t>, tcp: &mut Tcp, dialled: &mut BTreeSet<u32>) -> Option<client::Input<'t, Span>> {
    use client::Input;
    let carrier = line.carrier();
    Some(match line.verb {
        "t" => Input::Text(carrier, line.text),
        "d" => Input::Data(carrier, Span { from: 0, len: line.size(1, 2 << 20) }),
        "m" => Input::Data(carrier, Span { from: 0, len: 1 }),
        "c" => Input::CarrierClosed(carrier, ending(line)),
        "o" if dialled.insert(carrier.0) => Input::Dialled(carrier),
        "o" => Input::Upgraded(carrier),
        "p" => Input::Pong(carrier),
        "R" => Input::Read(tcp.read(line)?),
        "E" => tcp.end().then_some(Input::ReadEnd)?,
        "B" => tcp.end().then_some(Input::TcpFailed)?,
        "W" => std::mem::take(&mut tcp.writing).then_some(Input::Written)?,
        "w" => Input::Timer,
        "n" => Input::Rotate,
        "x" => Input::End(Code::Busy),
        _ => return None,
    })
}

fn drain_client(client: &mut Client<Span>, tcp: &mut Tcp, at_fault: &mut bool) {
    use client::Output;
    loop {
        let output = client.poll();
        assert!(!tcp.done || output == Output::Done, "{output:?} after the end");
        match output {
            Output::Send(_, span) => sent(span),
            Output::Control(_, control) => said(&control),
            Output::Abort(code) => *at_fault |= matches!(code, Code::Protocol | Code::Flood | Code::TooBig),
            Output::Read(max) => tcp.begin_read(max),
            Output::Write(span) => tcp.begin_write(span),
            Output::Dial(_) | Output::Upgrade(..) | Output::Ping(_) | Output::Close(..) => {}
            Output::Connected | Output::Frozen | Output::Finish => {}
            Output::Wait(_) => return,
            Output::Done => {
                assert_eq!(client.held(), 0);
                tcp.done = true;
                return;
            }
        }
    }
}
