//! Drives the core's tunnel with the WebSockets that its client attaches, one after the other, and the upstream's TCP
//! connections.
//!
//! The same in the plain Worker and in a Durable Object; only there it is told of further WebSockets. It decides nothing.

use std::rc::Rc;

use js_sys::JsString;
use pasarela_core::{
    chunk::{Chunk, Moved},
    codes::Code,
    dial::Candidate,
    limits,
    tunnel::{
        Carrier, Ending,
        message::{Control, Reset, Resume},
        relay::{FIRST, Input, Output, Relay},
        upgrade,
    },
};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};

use crate::{
    alarm::{Alarm, now},
    bytes::Bytes,
    cpu,
    pipe::{BACKLOG_POLL, CROWDED},
    platform::{self, CloseEvent, MessageEvent, ServerSocket},
    stream::{Events, Handler, backlog_allowed, held_by_runtime},
    upgrade as websocket,
    upstream::{self, Upstream},
};

/// Numbers of the events after `START`; the upstream has its own, and those of carriers follow in pairs.
mod event {
    pub(super) const TIMER: u32 = 1;
    pub(super) const RESUME: u32 = 2;
    const _: () = assert!(RESUME < super::upstream::FIRST);
    pub(super) const CARRIERS: u32 = super::upstream::END;
}

/// The code of a WebSocket that ended without a close frame (RFC 6455 section 7.1.5).
const ABNORMAL: u16 = 1006;

/// What our own code tells a tunnel.
pub(crate) enum Note {
    /// A client, let in, goes on with it over this WebSocket.
    Resume(ServerSocket, Resume),
    /// It is to end.
    End(Code),
}

/// What goes with a tunnel for as long as it lives.
pub(crate) trait Keeper {
    /// Which candidate won.
    fn won(&self, winner: Candidate);

    /// How the tunnel stands now, each time that this changes.
    fn stands(&self, now: Standing);

    /// So much went through it so far.
    fn moved(&self, moved: Moved);

    /// A larger window is asked for; the one that it has now, if it has one, in bytes.
    fn widen(&self, asked: u32) -> u32;
}

/// How a tunnel stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// It has a carrier.
    pub(crate) attached: bool,
    /// So many connections of its upstream are being established.
    pub(crate) dialling: usize,
}

/// One tunnel under way.
pub(crate) struct Driver<K> {
    relay: Relay<'static, Bytes>,
    carriers: Vec<(Carrier, ServerSocket)>,
    next_carrier: u32,
    upstream: Upstream,
    alarm: Alarm,
    /// The runtime copies what it sends, and nothing is kept to be said again.
    copied: bool,
    events: Events,
    stood: Standing,
    /// Those that are closed, and for whose client the runtime still holds something.
    closed: Vec<(Carrier, ServerSocket)>,
    /// Bytes that the runtime held for the client when it was looked at last, on all of these.
    backlog: f64,
    backlog_poll: f64,
    /// So much is to be read once the client has taken enough.
    wanted: Option<usize>,
    keeper: K,
}

impl<K: Keeper> Driver<K> {
    /// Takes over the accepted WebSocket that brought `open`. With `keeps`, the tunnel may be continued.
    pub(crate) fn new(
        events: Events,
        first: ServerSocket,
        relay: Relay<'static, Bytes>,
        keeps: bool,
        keeper: K,
    ) -> Self {
        let mut driver = Self {
            copied: !keeps && first.buffered_amount().is_some(),
            carriers: Vec::new(),
            next_carrier: FIRST.0,
            upstream: Upstream::new(&events),
            alarm: Alarm::new(events.listener(event::TIMER)),
            events,
            stood: Standing { attached: true, dialling: 0 },
            closed: Vec::new(),
            backlog: 0.0,
            backlog_poll: BACKLOG_POLL.0,
            wanted: None,
            relay,
            keeper,
        };
        driver.add_carrier(first);
        driver
    }

    fn add_carrier(&mut self, socket: ServerSocket) -> Carrier {
        let carrier = Carrier(self.next_carrier);
        self.next_carrier += 1;
        let number = event::CARRIERS + 2 * carrier.0;
        self.events.hold(&socket);
        socket.add_event_listener("message", &self.events.listener(number));
        let closed = self.events.listener(number + 1);
        socket.add_event_listener("close", &closed);
        socket.add_event_listener("error", &closed);
        self.carriers.push((carrier, socket));
        carrier
    }

    fn carrier(&self, carrier: Carrier) -> Option<&ServerSocket> {
        self.carriers.iter().find(|(known, _)| *known == carrier).map(|(_, socket)| socket)
    }

    /// Runs the core until it waits; false once the tunnel is over.
    fn drain(&mut self) -> bool {
        loop {
            match self.relay.poll() {
                Output::Send(carrier, bytes) => self.send(carrier, bytes),
                // What a closed one throws is told by its close event.
                Output::Control(carrier, control) => {
                    drop(self.carrier(carrier).map(|socket| socket.send_text(&control.encode())));
                }
                Output::Close(carrier, code) => self.close(carrier, code),
                Output::Connect(candidate, to) => {
                    if !self.upstream.connect(candidate, &to) {
                        self.relay.handle(Input::Failed(candidate), now());
                    }
                }
                Output::Abandon(loser) => self.upstream.close(loser),
                Output::Use(winner) => {
                    self.keeper.won(winner);
                    if !self.upstream.take(winner) {
                        self.relay.handle(Input::UpstreamFailed, now());
                    }
                }
                Output::Read(max) => {
                    self.wanted = Some(max);
                    self.read();
                }
                Output::Write(bytes) => self.upstream.write(bytes),
                Output::Finish => self.upstream.finish(),
                Output::Widen(asked) => {
                    let window = self.keeper.widen(asked);
                    self.relay.handle(Input::Widened(window), now());
                }
                Output::CloseUpstream => self.upstream.close_all(),
                Output::Wait(deadline) => {
                    self.alarm.arm(deadline);
                    return true;
                }
                Output::Done => return false,
            }
        }
    }

    /// Closes a carrier and lets go of it: the close event of one whose client does not read may never come.
    fn close(&mut self, carrier: Carrier, code: Code) {
        for (_, socket) in self.carriers.extract_if(.., |(known, _)| *known == carrier) {
            drop(socket.close(code.number(), code.token()));
            self.events.release(&socket);
            self.closed.push((carrier, socket));
        }
        self.look();
    }

    /// Looks at what the runtime holds for the client; how much of it on the newest carrier.
    fn look(&mut self) -> f64 {
        let waiting = |socket: &ServerSocket| socket.buffered_amount().unwrap_or(0.0);
        self.closed.retain(|(_, socket)| waiting(socket) > 0.0);
        let mut carriers = self.carriers.iter().rev().map(|(_, socket)| waiting(socket));
        let newest = carriers.next().unwrap_or(0.0);
        let others: f64 = carriers.chain(self.closed.iter().map(|(_, socket)| waiting(socket))).sum();
        self.backlog = newest + others;
        newest
    }

    /// Reads what is wanted, unless the client has too much to catch up on: what he acknowledges is but his word.
    fn read(&mut self) {
        let Some(max) = self.wanted else { return };
        let newest = self.look();
        let allowed = backlog_allowed();
        // What lies on a carrier that led nowhere is no reason to give the next one nothing.
        let too_much = newest > 0.0 && self.backlog > f64::from(allowed);
        // Where many hold much, what is not acknowledged waits here and counts as well.
        let crowded = allowed < CROWDED && self.relay.held() > CROWDED as usize;
        if too_much || crowded {
            let resume = self.events.listener(event::RESUME);
            platform::set_timeout(&resume, self.backlog_poll);
            self.backlog_poll = (self.backlog_poll * 2.0).min(BACKLOG_POLL.1);
            return;
        }
        self.wanted = None;
        self.backlog_poll = BACKLOG_POLL.0;
        self.upstream.read(max.min(allowed.max(CROWDED) as usize));
    }

    fn send(&mut self, carrier: Carrier, bytes: Bytes) {
        let Some(socket) = self.carrier(carrier).filter(|socket| socket.send(&bytes.0).is_ok()) else { return };
        let socket_holds = socket.buffered_amount().unwrap_or(0.0);
        self.backlog = self.backlog.max(socket_holds);
        if self.copied {
            bytes.discard();
        }
        // What waits to be sent is not acknowledged by an honest client, and beyond a window he gets nothing.
        if socket_holds > f64::from(2 * self.relay.window()) {
            self.relay.handle(Input::End(Code::Flood), now());
        }
    }

    fn upstream_event(&mut self, number: u32, value: JsValue) -> Option<Input<'static, Bytes>> {
        match number {
            event::TIMER => {
                self.alarm.rang();
                return Some(Input::Timer);
            }
            event::RESUME => {
                self.read();
                return None;
            }
            _ => {}
        }
        Some(match self.upstream.event(number, value)? {
            upstream::Event::Opened(candidate) => Input::Opened(candidate),
            upstream::Event::Failed(candidate) => Input::Failed(candidate),
            upstream::Event::Read(bytes) => Input::Read(bytes),
            upstream::Event::End => Input::ReadEnd,
            upstream::Event::Broken => Input::UpstreamFailed,
            upstream::Event::Written => Input::Written,
        })
    }

    fn carrier_event(&mut self, offset: u32, value: &JsValue) {
        let carrier = Carrier(offset / 2);
        if offset % 2 == 1 {
            let code = value.unchecked_ref::<CloseEvent>().code().filter(|code| *code != ABNORMAL);
            let ending = Ending::of(code, self.carrier(carrier).is_none());
            // An older runtime counts a socket that its client has left as open until we close it, too.
            self.close(carrier, Code::End);
            self.closed.retain(|(known, _)| *known != carrier);
            return self.relay.handle(Input::CarrierClosed(carrier, ending), now());
        }
        let data = value.unchecked_ref::<MessageEvent>().data();
        match platform::binary(&data) {
            Some(bytes) => self.relay.handle(Input::Data(carrier, Bytes(bytes)), now()),
            None => {
                let text = control_text(&data);
                self.relay.handle(Input::Text(carrier, &text), now());
            }
        }
    }

    /// What follows every event.
    fn after(&mut self) -> bool {
        if cpu::take_warning() {
            // The kill that follows would end every stream of the isolate, not only this one.
            self.relay.handle(Input::End(Code::Cpu), now());
        }
        let mut goes_on = self.drain();
        if goes_on && self.upstream.is_broken() {
            self.relay.handle(Input::UpstreamFailed, now());
            goes_on = self.drain();
        }
        if self.backlog > 0.0 {
            // What waited when it was sent may be gone since.
            self.look();
        }
        self.keeper.moved(self.relay.moved());
        let stands = Standing { attached: self.relay.detached_at().is_none(), dialling: self.upstream.dialling() };
        if stands != self.stood {
            self.stood = stands;
            self.keeper.stands(stands);
        }
        goes_on
    }
}

impl<K: Keeper> Handler for Driver<K> {
    type Note = Note;

    fn event(&mut self, number: u32, value: JsValue) -> bool {
        match number.checked_sub(event::CARRIERS) {
            Some(offset) => self.carrier_event(offset, &value),
            None => {
                if let Some(input) = self.upstream_event(number, value) {
                    self.relay.handle(input, now());
                }
            }
        }
        self.after()
    }

    fn note(&mut self, note: Note) -> bool {
        match note {
            Note::Resume(socket, resume) => {
                let carrier = self.add_carrier(socket);
                self.relay.handle(Input::Resume(carrier, resume), now());
            }
            Note::End(code) => self.relay.handle(Input::End(code), now()),
        }
        self.after()
    }

    fn held(&self) -> usize {
        self.relay.held() + held_by_runtime(self.backlog)
    }

    fn shed(&mut self) {
        self.relay.handle(Input::End(Code::Queue), now());
    }

    fn unsent(&mut self) -> usize {
        self.look();
        held_by_runtime(self.backlog)
    }
}

/// A text message, as much of it as tells that it is too long: more would never leave Wasm's memory.
fn control_text(data: &JsValue) -> String {
    let Some(text) = data.dyn_ref::<JsString>() else { return String::new() };
    let most = limits::CONTROL as u32 + 1;
    String::from(if text.length() > most { text.substring(0, most) } else { text.clone() })
}

/// The client's `Sec-WebSocket-Protocol` header.
pub(crate) fn offer(request: &Request) -> String {
    request.headers().get("sec-websocket-protocol").ok().flatten().unwrap_or_default()
}

/// Accepts the WebSocket of a client that sent this offer.
pub(crate) fn accept(offer: &str) -> Result<(ServerSocket, Response), JsValue> {
    websocket::accept_as(upgrade::is_offered(offer).then_some(upgrade::PROTOCOL))
}

/// Tells the client why there is no tunnel.
pub(crate) fn refuse(offer: &str, code: Code) -> Result<Response, JsValue> {
    let (server, response) = accept(offer)?;
    server.send_text(&Control::Reset(Reset { code }).encode())?;
    server.close(code.number(), code.token())?;
    Ok(response)
}

/// Closes this carrier, and says nothing about the tunnel that it asked for.
pub(crate) fn turn_away(offer: &str, code: Code) -> Result<Response, JsValue> {
    let (server, response) = accept(offer)?;
    server.close(code.number(), code.token())?;
    Ok(response)
}

/// The stream that carries a tunnel, to tell it something.
pub(crate) type Handle<K> = Rc<crate::stream::Stream<Driver<K>>>;
