//! The adapter of the simulated client: dials carriers, sends, and tells the machine what comes.

use std::{format, vec::Vec};

use super::{
    super::{
        Carrier, Ending,
        client::{Input, Output},
        message::{Budget, Control},
    },
    link::{Fate, Item},
    plan::Fixed,
    world::{Event, Side, World, check_held, without_window},
};

impl World {
    pub(super) fn tell_client(&mut self, input: Input<'_, Vec<u8>>) {
        if self.client_done {
            return;
        }
        let now = self.instant();
        self.client.handle(input, now);
        self.drain_client();
        check_held(&self.client.duplex);
    }

    pub(super) fn drain_client(&mut self) {
        loop {
            match self.client.poll() {
                Output::Dial(carrier) => self.dial(carrier),
                Output::Upgrade(carrier, header) => self.upgrade(carrier, header),
                Output::Send(carrier, bytes) => self.client_sends(carrier, Item::Data(bytes)),
                Output::Control(carrier, control) => {
                    if let Control::Budget(Budget { n }) = control {
                        self.links[self.numbered[carrier.0 as usize]].budget = Some(n);
                    }
                    self.client_sends(carrier, Item::Text(control.encode()));
                }
                Output::Ping(carrier) => {
                    self.pings += 1;
                    self.client_sends(carrier, Item::Ping);
                }
                Output::Close(carrier, code) => self.client_closes(carrier, Item::Close(code)),
                Output::Connected => {
                    let link = self.looking_at.expect("connected by nothing");
                    let (slot, _) = self.links[link].relay.unwrap();
                    assert!(self.connected.replace(slot).is_none(), "connected twice");
                }
                Output::Frozen => self.note("the client sees that carriers are frozen".into()),
                Output::Read(max) => self.begin_read(Side::Client, max),
                Output::Write(bytes) => {
                    self.begin_write(Side::Client, &bytes);
                    self.progress.push((self.now, self.local.taken));
                }
                Output::Finish => self.finish(Side::Client),
                Output::Abort(code) => {
                    assert!(self.aborted.replace(code).is_none(), "aborted twice");
                    self.note(format!("client aborts: {code:?}"));
                    self.local.closed = true;
                }
                Output::Wait(at) => {
                    assert!(at.as_millis() < u64::MAX, "it waits for nothing");
                    return self.set_wake(Side::Client, at);
                }
                Output::Done => return self.client_is_done(),
            }
        }
    }

    fn client_is_done(&mut self) {
        self.note("client is done".into());
        assert_eq!(self.client.held(), 0, "the client holds on to something");
        self.client_done = true;
        self.local.closed = true;
        for link in self.numbered.clone() {
            let carrier = &self.links[link];
            assert!(!carrier.client_open || carrier.client_closed, "carrier {link} is left open at the end");
        }
    }

    fn dial(&mut self, carrier: Carrier) {
        assert_eq!(carrier.0 as usize, self.numbered.len(), "carriers are numbered in order");
        let link = self.link(false);
        self.numbered.push(link);
        let (fate, round_trip) = (self.links[link].fate, self.links[link].round_trip());
        self.note(format!("dial {carrier:?}: {fate:?}"));
        match fate {
            Fate::Unreachable { told: true } => {
                let at = self.now + self.rng.u64(..=2 * round_trip);
                self.schedule(at, Event::ClientLearns(link, Ending::Cut));
            }
            Fate::Unreachable { told: false } => {}
            // TCP, and TLS.
            _ => self.schedule(self.now + 2 * round_trip, Event::Dialled(link)),
        }
    }

    pub(super) fn dialled(&mut self, link: usize) {
        if self.links[link].client_open && !self.links[link].client_closed {
            self.tell_client(Input::Dialled(self.carrier(link)));
        }
    }

    fn upgrade(&mut self, carrier: Carrier, header: std::string::String) {
        let link = self.numbered[carrier.0 as usize];
        self.note(format!("upgrade {carrier:?}"));
        match self.links[link].fate {
            Fate::Unanswered { told: true } => {
                let at = self.now + self.links[link].round_trip();
                self.schedule(at, Event::ClientLearns(link, Ending::Cut));
            }
            Fate::Unanswered { told: false } => {}
            _ => self.client_sends(carrier, Item::Upgrade(header)),
        }
    }

    fn client_sends(&mut self, carrier: Carrier, item: Item) {
        let link = self.numbered[carrier.0 as usize];
        assert!(self.links[link].client_open && !self.links[link].client_closed, "{item:?} on closed {carrier:?}");
        self.send(link, true, item);
    }

    fn client_closes(&mut self, carrier: Carrier, close: Item) {
        let link = self.numbered[carrier.0 as usize];
        self.note(format!("client closes {carrier:?}: {close:?}"));
        if std::mem::replace(&mut self.links[link].client_closed, true) {
            return;
        }
        if self.links[link].relay.is_some() {
            self.send(link, true, close);
        }
        let ending = if self.links[link].up.cut { Ending::Cut } else { Ending::Clean };
        let at = self.now + self.rng.u64(..=2 * self.links[link].round_trip());
        self.schedule(at, Event::ClientLearns(link, ending));
    }

    pub(super) fn client_learns(&mut self, link: usize, ending: Ending) {
        if std::mem::replace(&mut self.links[link].client_open, false) && !self.links[link].evil {
            self.note(format!("client learns that {link} is closed: {ending:?}"));
            self.tell_client(Input::CarrierClosed(self.carrier(link), ending));
        }
    }

    pub(super) fn carrier(&self, link: usize) -> Carrier {
        Carrier(self.numbered.iter().position(|number| *number == link).unwrap() as u32)
    }

    pub(super) fn arrive_down(&mut self, link: usize, item: Item) {
        if self.links[link].down.lost || !self.links[link].client_open {
            return;
        }
        if self.links[link].evil {
            return;
        }
        let carrier = self.carrier(link);
        self.looking_at = Some(link);
        match item {
            Item::Accepted => self.tell_client(Input::Upgraded(carrier)),
            Item::Data(bytes) => self.tell_client(Input::Data(carrier, bytes)),
            Item::Text(text) => {
                self.note(format!("client gets {text} on {carrier:?}"));
                let text = if self.plan.fixed == Some(Fixed::Client) { without_window(&text) } else { text };
                self.tell_client(Input::Text(carrier, &text));
            }
            Item::Pong => self.tell_client(Input::Pong(carrier)),
            Item::Close(_) => {
                self.client_learns(link, Ending::Clean);
                let at = self.now + self.links[link].up.latency();
                self.schedule(at, Event::RelayLearns(link, Ending::Clean));
            }
            Item::Ping | Item::Upgrade(_) => unreachable!(),
        }
    }
}
