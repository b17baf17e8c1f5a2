//! The simulated world of one tunnel: its clock, what is to happen when, and both TCP ends.
//!
//! The adapters of the two machines are `client_side` and `relay_side`; they act as the native and the edge ones do.

use std::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    super::{
        Ending,
        client::{self, Client},
        duplex::Duplex,
        message::packets,
        message::{Ack, Control},
        pool::{Grant, Pool},
        relay::Relay,
        sessions::Sessions,
    },
    link::{Fate, Item, Line, Link, Way},
    plan::{Act, Plan},
    tcp::{Brought, Tcp},
};
use crate::{codes::Code, dial::Candidate, limits, route::Kind, time::Instant};

/// Whose something is: the client's, or a relay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Relay(usize),
}

#[derive(Debug)]
pub(super) enum Event {
    Dialled(usize),
    Moved(usize, bool),
    ArriveUp(usize, Item),
    ArriveDown(usize, Item),
    ClientLearns(usize, Ending),
    RelayLearns(usize, Ending),
    Read(Side, bool),
    Written(Side),
    Connected(usize, Candidate),
    Wake(Side, u64),
    Act(Act),
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) rng: fastrand::Rng,
    pub(super) now: u64,
    scheduled: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub(super) client: Client<Vec<u8>>,
    pub(super) client_done: bool,
    client_wake: Wake,
    pub(super) aborted: Option<Code>,
    /// The relay that the client knows to be its own.
    pub(super) connected: Option<usize>,
    /// The carrier whose message the client is looking at.
    pub(super) looking_at: Option<usize>,
    pub(super) local: Tcp,
    pub(super) links: Vec<Link>,
    /// Up, and down.
    lines: [Line; 2],
    /// By the client's number.
    pub(super) numbered: Vec<usize>,
    pub(super) slots: Vec<Slot>,
    pub(super) sessions: Sessions<usize>,
    pub(super) pool: Pool,
    pub(super) log: Vec<(u64, String)>,
    /// When the client's TCP took bytes.
    pub(super) progress: Vec<(u64, u64)>,
    pub(super) pings: u32,
}

/// A tunnel at the relay, with its upstream.
pub(super) struct Slot {
    pub(super) relay: Relay<'static, Vec<u8>>,
    pub(super) tcp: Tcp,
    pub(super) name: String,
    pub(super) grant: Option<Grant>,
    /// By the relay's number.
    pub(super) links: Vec<usize>,
    pub(super) upstream: Option<Candidate>,
    pub(super) done: bool,
    pub(super) wake: Wake,
    pub(super) superseded: u32,
}

/// What a socket takes at once, in bytes, whatever the line.
const SOCKET: u64 = 32 << 10;

/// The one timer of a machine.
#[derive(Debug, Default)]
pub(super) struct Wake {
    generation: u64,
    at: Option<u64>,
    pub(super) fired: u32,
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let mut rng = fastrand::Rng::with_seed(plan.seed);
        let options = client::Options {
            route: Kind::Chat,
            window: plan.window,
            budget: plan.budget,
            packets: plan.packets,
            early: true,
            timing: plan.timing,
            seed: rng.u64(..),
        };
        let mut world = Self {
            client: Client::new(options, Instant::from_millis(0)),
            local: Tcp::new(plan.local.clone(), true),
            rng,
            now: 0,
            scheduled: 0,
            events: BTreeMap::new(),
            client_done: false,
            client_wake: Wake::default(),
            aborted: None,
            connected: None,
            looking_at: None,
            links: Vec::new(),
            lines: [plan.line; 2],
            numbered: Vec::new(),
            slots: Vec::new(),
            sessions: Sessions::new(0),
            pool: Pool::default(),
            log: Vec::new(),
            progress: Vec::new(),
            pings: 0,
            plan,
        };
        for (at, act) in std::mem::take(&mut world.plan.acts) {
            world.schedule(at, Event::Act(act));
        }
        world.drain_client();
        world
    }

    pub(super) fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    pub(super) fn schedule(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at.max(self.now), self.scheduled), event);
    }

    /// Runs until nothing is left to happen, or until `end`.
    pub(super) fn run(&mut self, end: u64) {
        let mut steps = 0u32;
        while let Some((&(at, _), _)) = self.events.first_key_value()
            && at <= end
        {
            let (_, event) = self.events.pop_first().unwrap();
            self.now = at;
            steps += 1;
            assert!(steps < 2_000_000, "it does not end");
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Dialled(link) => self.dialled(link),
            Event::Moved(link, up) => self.moved(link, up),
            Event::ArriveUp(link, item) => self.arrive_up(link, item),
            Event::ArriveDown(link, item) => self.arrive_down(link, item),
            Event::ClientLearns(link, ending) => self.client_learns(link, ending),
            Event::RelayLearns(link, ending) => self.relay_learns(link, ending),
            Event::Read(side, waited) => self.read(side, waited),
            Event::Written(side) => self.written(side),
            Event::Connected(slot, candidate) => self.candidate_answers(slot, candidate),
            Event::Wake(side, generation) => self.wake(side, generation),
            Event::Act(act) => self.act(act),
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Rotate => self.tell_client(client::Input::Rotate),
            Act::EndClient(code) => self.tell_client(client::Input::End(code)),
            Act::EndRelay(code) => self.end_relays(code),
            Act::Evil(evil) => self.try_evil(evil),
        }
    }

    /// A new carrier of the client's, or somebody's.
    pub(super) fn link(&mut self, evil: bool) -> usize {
        let fate = if evil { Fate::Lives } else { (self.plan.fate)(self.numbered.len(), &mut self.rng) };
        let (least, most) = self.plan.latency;
        let [up, down] = [(); 2].map(|()| Way::new(self.rng.u64(least..=most), self.plan.jitter));
        self.links.push(Link { evil, ..Link::new(fate, up, down) });
        self.links.len() - 1
    }

    /// Sends something over a carrier, whatever its fate lets arrive.
    pub(super) fn send(&mut self, link: usize, up: bool, item: Item) {
        let carrier = &mut self.links[link];
        carrier.messages += 1;
        match carrier.fate {
            Fate::DiesAfter(n) if carrier.messages == n => self.kill(link),
            Fate::SilentAfter(n) if carrier.messages >= n => carrier.silence(),
            Fate::SilentAt(at) if self.now >= at => carrier.silence(),
            Fate::SlowAt(at, latency) if self.now >= at => {
                carrier.up.slow_down(latency);
                carrier.down.slow_down(latency);
            }
            _ => {}
        }
        let carrier = &mut self.links[link];
        carrier.packets += packets(usize::try_from(item.wire()).unwrap_or(usize::MAX));
        if self.plan.freeze_packets.is_some_and(|most| carrier.packets > most) {
            // What is on its way arrives.
            (carrier.up.cut, carrier.down.cut) = (true, true);
        }
        let freeze = if up { None } else { self.plan.freeze };
        let round_trip = carrier.round_trip();
        let way = if up { &mut carrier.up } else { &mut carrier.down };
        let line = &mut self.lines[usize::from(!up)];
        let (leaves, lost) = line.carry(item.wire(), round_trip, self.now, &mut self.rng);
        if let Some(at) = way.send(&item, freeze, leaves + lost, &mut self.rng) {
            let latency = way.latency();
            self.schedule(at, if up { Event::ArriveUp(link, item) } else { Event::ArriveDown(link, item) });
            if let Some(rate) = self.plan.line.rate {
                // The client sees its socket take more, or a part of a message come.
                let from = if up { self.now } else { self.now + latency };
                let until = if up { leaves.saturating_sub(SOCKET * 1000 / rate) } else { at };
                let moves: Vec<_> = (from + 1000..until).step_by(1000).collect();
                moves.into_iter().for_each(|at| self.schedule(at, Event::Moved(link, up)));
            }
        }
    }

    fn moved(&mut self, link: usize, up: bool) {
        let carrier = &self.links[link];
        let way = if up { &carrier.up } else { &carrier.down };
        if !way.cut && carrier.client_open && !carrier.client_closed && !carrier.evil {
            let carrier = self.carrier(link);
            self.tell_client(client::Input::Moved(carrier));
        }
    }

    /// A carrier dies: what is on its way may arrive or not, and each end learns it at its own time.
    fn kill(&mut self, link: usize) {
        let (client_lost, relay_lost) = (self.rng.bool(), self.rng.bool());
        let carrier = &mut self.links[link];
        (carrier.up.cut, carrier.down.cut) = (true, true);
        (carrier.up.lost, carrier.down.lost) = (relay_lost, client_lost);
        let soon = 3 * carrier.round_trip() + 1;
        let late = self.plan.late_news;
        let after = |rng: &mut fastrand::Rng, long: u64| if late && rng.u8(..4) == 0 { long } else { soon };
        let (client, relay) = (after(&mut self.rng, 20_000), after(&mut self.rng, 200_000));
        let at = self.now + self.rng.u64(..client);
        self.schedule(at, Event::ClientLearns(link, Ending::Cut));
        let at = self.now + self.rng.u64(..relay);
        self.schedule(at, Event::RelayLearns(link, Ending::Cut));
    }

    pub(super) fn set_wake(&mut self, side: Side, at: Instant) {
        let at = at.as_millis();
        let wake = self.wake_of(side);
        if wake.at != Some(at) {
            wake.at = Some(at);
            wake.generation += 1;
            let generation = wake.generation;
            if at < u64::MAX {
                self.schedule(at, Event::Wake(side, generation));
            }
        }
    }

    pub(super) const fn client_timers(&self) -> u32 {
        self.client_wake.fired
    }

    fn wake_of(&mut self, side: Side) -> &mut Wake {
        match side {
            Side::Client => &mut self.client_wake,
            Side::Relay(slot) => &mut self.slots[slot].wake,
        }
    }

    fn wake(&mut self, side: Side, generation: u64) {
        let wake = self.wake_of(side);
        if wake.generation != generation {
            return;
        }
        wake.at = None;
        wake.fired += 1;
        match side {
            Side::Client => self.tell_client(client::Input::Timer),
            Side::Relay(slot) => self.tell_relay(slot, super::super::relay::Input::Timer),
        }
    }

    fn tcp(&mut self, side: Side) -> &mut Tcp {
        match side {
            Side::Client => &mut self.local,
            Side::Relay(slot) => &mut self.slots[slot].tcp,
        }
    }

    pub(super) fn begin_read(&mut self, side: Side, max: usize) {
        assert!(max > 0 && max <= limits::WINDOW_MAX as usize, "a read of {max}");
        let tcp = self.tcp(side);
        assert!(tcp.reading.replace(max).is_none() && !tcp.ended, "a second read, or one behind the end");
        let habits = tcp.habits.clone();
        let at = self.now + habits.delay(&mut self.rng);
        self.schedule(at, Event::Read(side, false));
    }

    pub(super) fn begin_write(&mut self, side: Side, bytes: &[u8]) {
        self.tcp(side).write(bytes);
        let habits = self.tcp(side).habits.clone();
        let at = self.now + habits.delay(&mut self.rng);
        self.schedule(at, Event::Written(side));
    }

    /// The peer's end: our own may depend on it.
    pub(super) fn finish(&mut self, side: Side) {
        let tcp = self.tcp(side);
        assert!(!tcp.finished && !tcp.writing, "an end said twice, or before what precedes it");
        tcp.finished = true;
        self.schedule(self.now, Event::Read(side, false));
    }

    fn read(&mut self, side: Side, waited: bool) {
        let mut rng = self.rng.clone();
        let tcp = self.tcp(side);
        if tcp.closed {
            return;
        }
        let brought = tcp.read(&mut rng, waited);
        self.rng = rng;
        use super::super::relay::Input as R;
        use client::Input as C;
        match (brought, side) {
            (Brought::Nothing(None), _) => {}
            (Brought::Nothing(Some(wait)), _) => self.schedule(self.now + wait, Event::Read(side, true)),
            (Brought::Bytes(bytes), Side::Client) => self.tell_client(C::Read(bytes)),
            (Brought::End, Side::Client) => self.tell_client(C::ReadEnd),
            (Brought::Broken, Side::Client) => self.tell_client(C::TcpFailed),
            (Brought::Bytes(bytes), Side::Relay(slot)) => self.tell_relay(slot, R::Read(bytes)),
            (Brought::End, Side::Relay(slot)) => self.tell_relay(slot, R::ReadEnd),
            (Brought::Broken, Side::Relay(slot)) => self.tell_relay(slot, R::UpstreamFailed),
        }
    }

    fn written(&mut self, side: Side) {
        let tcp = self.tcp(side);
        tcp.writing = false;
        if tcp.closed {
            return;
        }
        match side {
            Side::Client => self.tell_client(client::Input::Written),
            Side::Relay(slot) => self.tell_relay(slot, super::super::relay::Input::Written),
        }
    }

    pub(super) fn note(&mut self, text: String) {
        if std::env::var_os("PASARELA_TRACE").is_some() {
            std::eprintln!("{:>8} {text}", self.now);
        }
        if self.log.len() < 4096 {
            self.log.push((self.now, text));
        }
    }
}

/// Neither way may hold more than its window.
pub(super) fn check_held(duplex: &Duplex<Vec<u8>>) {
    let [out, into] = [duplex.outbound.window(), duplex.inbound.window()].map(u64::from);
    assert!(duplex.outbound.held() <= out, "{} bytes out are held", duplex.outbound.held());
    assert!(duplex.inbound.held() as u64 <= into, "{} bytes in are held", duplex.inbound.held());
}

/// A control message as a release hears it that knows no growing windows.
pub(super) fn without_window(text: &str) -> String {
    match Control::decode(text) {
        Ok(Some(Control::Ack(ack))) => Control::Ack(Ack { window: None, ..ack }).encode(),
        _ => text.into(),
    }
}
