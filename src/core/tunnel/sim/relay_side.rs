//! The adapter of the simulated relay: accepts carriers, finds sessions, connects upstreams.

use std::{format, sync::OnceLock, vec::Vec};

use super::{
    super::{
        Carrier, Ending,
        message::{Control, Open, Reset, Resume},
        relay::{FIRST, Input, Options, Origin, Output, Relay},
        upgrade::{self, Request},
    },
    link::Item,
    plan::{Evil, Fixed},
    tcp::Tcp,
    world::{Event, Side, Slot, Wake, World, check_held, without_window},
};
use crate::{codes::Code, config::Config, dial::Candidate, limits};

/// Who opened the sessions.
const OWNER: &str = "ana";

pub(super) fn config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(|| Config::from_vars(|_| None).unwrap())
}

impl World {
    pub(super) fn tell_relay(&mut self, slot: usize, input: Input<'_, Vec<u8>>) {
        if self.slots[slot].done {
            return;
        }
        let now = self.instant();
        self.slots[slot].relay.handle(input, now);
        self.drain_relay(slot);
        let Slot { relay, name, .. } = &self.slots[slot];
        check_held(&relay.duplex);
        let granted = relay.window().max(limits::WINDOW_MIN);
        assert!(relay.duplex.outbound.window().max(relay.duplex.inbound.window()) <= granted, "more than was granted");
        self.sessions.set_detached(name, relay.detached_at());
    }

    fn drain_relay(&mut self, slot: usize) {
        loop {
            match self.slots[slot].relay.poll() {
                Output::Send(carrier, bytes) => {
                    let link = self.slots[slot].links[carrier.0 as usize];
                    let to = &mut self.links[link];
                    to.given += bytes.len() as u64;
                    assert!(to.budget.is_none_or(|budget| to.given <= budget), "{} beyond the budget", to.given);
                    assert!(bytes.len() <= limits::TUNNEL_CHUNK);
                    self.relay_sends(link, Item::Data(bytes));
                }
                Output::Control(carrier, control) => {
                    let link = self.slots[slot].links[carrier.0 as usize];
                    if let Control::Reset(Reset { code }) = control {
                        self.links[link].reset = Some(code);
                    }
                    self.relay_sends(link, Item::Text(control.encode()));
                }
                Output::Close(carrier, code) => {
                    let link = self.slots[slot].links[carrier.0 as usize];
                    self.slots[slot].superseded += u32::from(code == Code::Superseded);
                    self.relay_closes(link, code);
                }
                Output::Connect(candidate, _) => {
                    let at = self.now + self.rng.u64(5..50);
                    self.schedule(at, Event::Connected(slot, candidate));
                }
                Output::Abandon(_) => {}
                Output::Use(candidate) => self.slots[slot].upstream = Some(candidate),
                Output::Read(max) => self.begin_read(Side::Relay(slot), max),
                Output::Write(bytes) => {
                    assert!(self.slots[slot].upstream.is_some());
                    self.begin_write(Side::Relay(slot), &bytes);
                }
                Output::Finish => self.finish(Side::Relay(slot)),
                Output::Widen(asked) => {
                    let asked = asked.min(self.plan.widened);
                    let grant = &mut self.slots[slot].grant;
                    let window = self.pool.widen(grant.as_mut().expect("a tunnel's"), asked);
                    let now = self.instant();
                    self.slots[slot].relay.handle(Input::Widened(window), now);
                }
                Output::CloseUpstream => self.slots[slot].tcp.closed = true,
                Output::Wait(at) => return self.set_wake(Side::Relay(slot), at),
                Output::Done => return self.relay_is_done(slot),
            }
        }
    }

    fn relay_is_done(&mut self, slot: usize) {
        self.note(format!("relay {slot} is done"));
        let Slot { relay, tcp, name, grant, done, links, .. } = &mut self.slots[slot];
        assert_eq!(relay.held(), 0, "the relay holds on to something");
        assert!(tcp.closed, "the upstream is left open");
        *done = true;
        self.sessions.remove(name);
        self.pool.give_back(grant.take().unwrap());
        for link in links {
            let link = &self.links[*link];
            assert!(!link.relay_open || link.relay_closed.is_some(), "a carrier is left open at the end");
        }
    }

    fn relay_sends(&mut self, link: usize, item: Item) {
        assert!(self.links[link].relay_open && self.links[link].relay_closed.is_none(), "{item:?} on a closed carrier");
        self.send(link, false, item);
    }

    fn relay_closes(&mut self, link: usize, code: Code) {
        self.note(format!("relay closes {link}: {code:?}"));
        if !self.links[link].relay_open || self.links[link].relay_closed.replace(code).is_some() {
            return;
        }
        self.send(link, false, Item::Close(code));
        // The answer may never come.
        let at = self.now + 10_000;
        self.schedule(at, Event::RelayLearns(link, Ending::Cut));
    }

    pub(super) fn relay_learns(&mut self, link: usize, ending: Ending) {
        if std::mem::replace(&mut self.links[link].relay_open, false)
            && let Some((slot, carrier)) = self.links[link].relay
        {
            self.note(format!("relay {slot} learns that {link} is closed: {ending:?}"));
            self.tell_relay(slot, Input::CarrierClosed(carrier, ending));
        }
    }

    pub(super) fn candidate_answers(&mut self, slot: usize, candidate: Candidate) {
        let refused = self.rng.u8(..4) == 0 && candidate.0 == 0;
        let input = if refused { Input::Failed(candidate) } else { Input::Opened(candidate) };
        self.tell_relay(slot, input);
    }

    pub(super) fn arrive_up(&mut self, link: usize, item: Item) {
        if self.links[link].up.lost {
            return;
        }
        if let Item::Upgrade(header) = &item {
            return self.accept(link, header, OWNER);
        }
        let (true, Some((slot, carrier))) = (self.links[link].relay_open, self.links[link].relay) else { return };
        match item {
            Item::Data(bytes) => self.tell_relay(slot, Input::Data(carrier, bytes)),
            Item::Text(text) => {
                self.note(format!("relay {slot} gets {text} on {link}"));
                let text = if self.plan.fixed == Some(Fixed::Relay) { without_window(&text) } else { text };
                self.tell_relay(slot, Input::Text(carrier, &text));
            }
            Item::Ping => self.send(link, false, Item::Pong),
            Item::Close(Code::End) => self.relay_learns(link, Ending::Clean),
            Item::Close(_) => self.relay_learns(link, Ending::Cut),
            Item::Accepted | Item::Pong | Item::Upgrade(_) => unreachable!(),
        }
    }

    fn accept(&mut self, link: usize, header: &str, owner: &str) {
        self.links[link].relay_open = true;
        self.send(link, false, Item::Accepted);
        match upgrade::decode(header).expect("our own upgrade") {
            Request::Open(open, early) => self.open(link, open, early),
            Request::Resume(resume) => {
                self.note(format!("resume on {link}: {resume:?}"));
                let Some(&slot) = self.sessions.find(&resume.session, owner) else {
                    self.links[link].reset = Some(Code::Gone);
                    self.relay_sends(link, Item::Text(Control::Reset(Reset { code: Code::Gone }).encode()));
                    return self.relay_closes(link, Code::Gone);
                };
                let carrier = Carrier(self.slots[slot].links.len() as u32);
                self.slots[slot].links.push(link);
                self.links[link].relay = Some((slot, carrier));
                self.links[link].budget = resume.budget;
                self.tell_relay(slot, Input::Resume(carrier, resume));
            }
        }
    }

    fn open(&mut self, link: usize, open: Open, early: Vec<u8>) {
        let slot = self.slots.len();
        let mut random = [0; 16];
        self.rng.fill(&mut random);
        let name = self.sessions.name(random);
        let grant = self.pool.grant(OWNER, open.window.min(self.plan.granted)).unwrap();
        self.links[link].relay = Some((slot, FIRST));
        self.links[link].budget = open.budget;
        let origin = Origin { kind: open.route, routing_info: None, client: None, preferred: None };
        let session = self.plan.sessions.then(|| name.clone());
        let options = Options { origin, open, early, window: grant.window(), session };
        let grant = Some(grant);
        let relay = Relay::new(config(), options, self.instant());
        let tcp = Tcp::new(self.plan.upstream.clone(), false);
        let wake = Wake::default();
        let links = std::vec![link];
        self.sessions.insert(name.clone(), OWNER, slot);
        self.slots.push(Slot { relay, tcp, name, grant, links, upstream: None, done: false, wake, superseded: 0 });
        self.drain_relay(slot);
    }

    pub(super) fn end_relays(&mut self, code: Code) {
        for slot in 0..self.slots.len() {
            self.tell_relay(slot, Input::End(code));
        }
    }

    /// A resume that must get nowhere.
    pub(super) fn try_evil(&mut self, evil: Evil) {
        let Some(slot) = self.slots.last() else { return };
        let mut resume = Resume {
            session: slot.name.clone(),
            attach: u64::MAX / 2,
            received: 0,
            window: 1 << 20,
            budget: None,
            packets: None,
        };
        let mut owner = OWNER;
        match evil {
            Evil::Forged => resume.session = format!("0.{}", "A".repeat(22)),
            Evil::Foreign => owner = "eve",
            Evil::Stale => resume.attach = 0,
            Evil::WrongReceived => resume.received = u64::MAX,
        }
        let link = self.link(true);
        let header = upgrade::encode(&Control::Resume(resume), &[]);
        self.accept(link, &header, owner);
        let code = self.links[link].reset.expect("it is refused");
        // Its own client learns why a stream failed.
        let told = evil == Evil::WrongReceived || code == Code::Gone;
        assert!(told && self.links[link].relay_closed == Some(code), "{evil:?}: {code:?}");
    }
}
