//! One search for a way to a relay: what to try next, when, and what to give up.
//!
//! The contract is that of the core's machines: after every input, call `poll` until it returns `Wait`, `Scout` or `Exhausted`.

mod choice;

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    attempt::{Attempt, Id, Limits, Stage},
    evidence::Evidence,
    memory::Memory,
    way::{Endpoint, Greeting, Way},
};

/// What happened to an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// TCP is connected, in this time.
    Connected(Id, Duration),
    /// Its hello goes out.
    Greeted(Id),
    /// Its hello has vanished on the way.
    Dropped(Id),
    /// A first byte came back.
    Heard(Id),
    /// It ended so.
    Ended(Id, Evidence),
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Connect to this.
    Connect(Id, Endpoint),
    /// It is connected: let it say this hello.
    Greet(Id, Greeting),
    /// End it.
    Abandon(Id),
    /// To go on would be to try what is not known to work. One search at a time may.
    Scout,
    /// Nothing to do before this time, or before something happens.
    Wait(Option<Instant>),
    /// Nothing is left to try, and nothing runs.
    Exhausted,
}

/// A search.
#[derive(Debug)]
pub(crate) struct Planner {
    limits: Limits,
    greetings: Vec<Greeting>,
    endpoints: Vec<Endpoint>,
    firsts: VecDeque<Way>,
    /// What is not known to work may be tried.
    scouts: bool,
    running: Vec<Attempt>,
    ended: Vec<(Way, Evidence)>,
    /// What works already, and carries little.
    avoided: Vec<Way>,
    begun: u64,
    /// The one begun last.
    last: Option<Id>,
    /// When the network last proved to be alive.
    alive: Option<Instant>,
    seed: u32,
}

impl Planner {
    /// A search that may greet so, in this order. `seed` is random.
    pub(crate) fn new(limits: Limits, greetings: Vec<Greeting>, firsts: Vec<Way>, seed: u32) -> Self {
        Self {
            limits,
            greetings,
            endpoints: Vec::new(),
            firsts: firsts.into(),
            scouts: false,
            running: Vec::new(),
            ended: Vec::new(),
            avoided: Vec::new(),
            begun: 0,
            last: None,
            alive: None,
            seed,
        }
    }

    /// These can be tried, too, behind those that are known.
    pub(crate) fn add(&mut self, endpoints: impl IntoIterator<Item = Endpoint>) {
        for endpoint in endpoints {
            if !self.endpoints.contains(&endpoint) {
                self.endpoints.push(endpoint);
            }
        }
        // Stable: within their ports they stay as they came.
        self.endpoints.sort_by_key(|endpoint| endpoint.other_port);
    }

    /// The relay can be greeted so, too.
    pub(crate) fn offer(&mut self, greeting: Greeting) {
        if !self.greetings.contains(&greeting) {
            self.greetings.push(greeting);
        }
    }

    /// These carry little: others are tried.
    pub(crate) fn avoid(&mut self, slow: Vec<Way>) {
        self.avoided = slow;
    }

    /// From here on what is not known to work may be tried.
    pub(crate) const fn scout(&mut self) {
        self.scouts = true;
    }

    /// These work, as others have found; nothing else is tried before them.
    pub(crate) fn repeat(&mut self, firsts: Vec<Way>) {
        let new = firsts.into_iter().filter(|way| !self.is_tried(way));
        self.firsts = new.collect();
        self.scouts = false;
    }

    /// Whether a hello was punished, here or lately, or nobody answers for longer than usual.
    pub(crate) fn accuses(&self, memory: &Memory, now: Instant) -> bool {
        let silent = |attempt: &Attempt| attempt.is_silent(now) || attempt.is_unanswered(self.limits.doubt, now);
        let here = self.ended.iter().any(|(_, evidence)| evidence.accuses_the_greeting());
        here || memory.accuses(now) || self.running.iter().any(silent)
    }

    /// Whether something is left to try, or an answer may still come soon.
    pub(crate) fn hopes(&self, memory: &Memory, now: Instant) -> bool {
        let greeted = |attempt: &Attempt| attempt.is_greeting() && !attempt.is_silent(now);
        let fresh = self.connecting(now) > 0 || self.running.iter().any(greeted);
        fresh || self.choose(None, memory, now).is_some()
    }

    /// Whether it has tried anything.
    pub(crate) const fn has_begun(&self) -> bool {
        self.begun > 0
    }

    /// The way of an attempt.
    pub(crate) fn way(&self, id: Id) -> Option<Way> {
        self.running.iter().find(|attempt| attempt.id == id).map(|attempt| attempt.way)
    }

    /// Takes what happened at `now`. What it says of the network is remembered; `chance` is random.
    pub(crate) fn handle(&mut self, input: Input, memory: &mut Memory, now: Instant, chance: u32) {
        match input {
            Input::Connected(id, round_trip) => {
                self.alive = Some(now);
                memory.connected(round_trip);
                self.set(id, Stage::Connected { since: now, round_trip, may_greet: false });
            }
            Input::Greeted(id) => {
                let due = now + self.limits.patience + 2 * self.round_trip(id);
                self.set(id, Stage::Greeted { since: now, due, dropped: false });
            }
            Input::Dropped(id) => {
                let attempt = self.running.iter_mut().find(|attempt| attempt.id == id);
                // What is lost later than the hello is another matter.
                if let Some(Attempt { stage: Stage::Greeted { due, dropped, .. }, .. }) = attempt {
                    (*due, *dropped) = (now.min(*due), true);
                }
            }
            Input::Heard(id) => {
                self.alive = Some(now);
                // Who is answered is slow, not punished: what follows may be long.
                let due = now + 2 * self.limits.patience + 4 * self.round_trip(id);
                self.set(id, Stage::Heard { due });
            }
            Input::Ended(id, evidence) => self.ended(id, evidence, memory, now, chance),
        }
    }

    fn set(&mut self, id: Id, stage: Stage) {
        if let Some(attempt) = self.running.iter_mut().find(|attempt| attempt.id == id) {
            attempt.stage = stage;
        }
    }

    fn ended(&mut self, id: Id, evidence: Evidence, memory: &mut Memory, now: Instant, chance: u32) {
        let Some(index) = self.running.iter().position(|attempt| attempt.id == id) else { return };
        let attempt = self.running.remove(index);
        if evidence == Evidence::Works {
            let other =
                |(way, _): &(Way, Evidence)| way.endpoint.address.is_ipv4() != attempt.way.endpoint.address.is_ipv4();
            let overtook = self.ended.iter().any(other)
                || self.running.iter().any(|running| other(&(running.way, Evidence::NoAnswer)));
            // Whoever has not been answered yet, on a network that is alive, will not be.
            for silent in self.running.iter().filter(|attempt| attempt.is_silent(now)) {
                memory.failed(silent.way, silent.silence(), now, chance);
            }
            // Why it goes by this one.
            if let Some(running) = self.running.iter().find(|running| running.is_unanswered(self.limits.doubt, now)) {
                memory.failed(running.way, Evidence::NoAnswer, now, chance);
            }
            memory.worked(attempt.way, overtook, now, chance);
        } else if self.is_proof(&attempt, evidence) {
            memory.failed(attempt.way, evidence, now, chance);
        }
        self.ended.push((attempt.way, evidence));
    }

    /// Silence says something of a network that is alive; of one that is dead it says nothing.
    fn is_proof(&self, attempt: &Attempt, evidence: Evidence) -> bool {
        if !evidence.is_silence() {
            return true;
        }
        match attempt.stage {
            Stage::Greeted { since, .. } => self.alive.is_some_and(|alive| alive > since),
            Stage::Connecting { .. } | Stage::Connected { .. } | Stage::Heard { .. } => false,
        }
    }

    /// The next thing to do.
    pub(crate) fn poll(&mut self, memory: &mut Memory, now: Instant, chance: u32) -> Output {
        if let Some(output) = self.greet(memory, now, chance) {
            return output;
        }
        // Whoever is connected speaks next.
        if self.running.iter().any(Attempt::waits_to_greet) {
            return Output::Wait(self.wake(None, now));
        }
        let next = self.next_at(now);
        if next.is_some() {
            return Output::Wait(self.wake(next, now));
        }
        if self.connecting(now) >= self.limits.at_once {
            return Output::Wait(self.wake(self.fresh_until(now), now));
        }
        let (way, repeats) = match self.firsts.pop_front() {
            Some(way) => (Some(way), true),
            None if !self.scouts => return Output::Scout,
            None => (self.choose(None, memory, now), false),
        };
        match way {
            Some(way) => {
                self.begun += 1;
                let id = Id(self.begun);
                self.running.push(Attempt { id, way, repeats, stage: Stage::Connecting { since: now } });
                self.last = Some(id);
                Output::Connect(id, way.endpoint)
            }
            None if self.running.is_empty() => Output::Exhausted,
            None => Output::Wait(self.wake(None, now)),
        }
    }

    /// Lets whoever is connected say its hello, if there is room; whoever was not answered makes room.
    fn greet(&mut self, memory: &mut Memory, now: Instant, chance: u32) -> Option<Output> {
        let waits = self.running.iter().position(Attempt::waits_to_greet)?;
        if self.running.iter().any(|attempt| attempt.is_greeting() && !attempt.is_overdue(now)) {
            return None;
        }
        if self.running.iter().filter(|attempt| attempt.is_greeting()).count() < self.limits.at_once {
            return Some(self.let_greet(waits, memory, now));
        }
        self.yields(memory, now, chance).map(Output::Abandon)
    }

    /// What was learned since it was begun decides how the relay is greeted.
    fn let_greet(&mut self, index: usize, memory: &Memory, now: Instant) -> Output {
        let mut attempt = self.running.remove(index);
        if !attempt.repeats {
            match self.choose(Some(attempt.way.endpoint), memory, now) {
                Some(way) => attempt.way = way,
                None => return Output::Abandon(attempt.id),
            }
        }
        if let Stage::Connected { may_greet, .. } = &mut attempt.stage {
            *may_greet = true;
        }
        let output = Output::Greet(attempt.id, attempt.way.greeting);
        self.running.push(attempt);
        output
    }

    /// Gives up what is silent: for an attempt that waits, or because another search looks for a way.
    pub(crate) fn yields(&mut self, memory: &mut Memory, now: Instant, chance: u32) -> Option<Id> {
        let silent = self.running.iter().find(|attempt| attempt.is_silent(now))?;
        let (id, silence) = (silent.id, silent.silence());
        self.ended(id, silence, memory, now, chance);
        Some(id)
    }

    /// When the next attempt may begin: the last one has ended or is slow, and no hello waits for an answer that may still come.
    fn next_at(&self, now: Instant) -> Option<Instant> {
        let last = self.running.iter().find(|attempt| Some(attempt.id) == self.last);
        let at = last.and_then(|last| match last.stage {
            Stage::Connecting { since } => Some(since + self.limits.stagger),
            // What it is encrypted with is being asked for.
            Stage::Connected { since, .. } => Some(since + self.limits.patience),
            Stage::Greeted { .. } | Stage::Heard { .. } => None,
        });
        at.filter(|at| *at > now).max(self.next_due(now))
    }

    /// When the next answer to a hello is overdue.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        self.running.iter().filter_map(Attempt::due).filter(|due| *due > now).min()
    }

    /// Connections that may still be answered soon.
    fn connecting(&self, now: Instant) -> usize {
        self.running.iter().filter(|attempt| attempt.fresh_until(&self.limits).is_some_and(|until| until > now)).count()
    }

    fn fresh_until(&self, now: Instant) -> Option<Instant> {
        let until = self.running.iter().filter_map(|attempt| attempt.fresh_until(&self.limits));
        until.filter(|until| *until > now).min()
    }

    /// When to look again: at this time, or when an attempt that keeps another from its hello is overdue.
    fn wake(&self, at: Option<Instant>, now: Instant) -> Option<Instant> {
        let held = self.running.iter().any(Attempt::waits_to_greet);
        let due = if held { self.next_due(now) } else { None };
        let doubt = self.running.iter().filter_map(|attempt| attempt.doubted_at(&self.limits));
        [at, due].into_iter().flatten().chain(doubt.filter(|at| *at > now)).min()
    }

    fn round_trip(&self, id: Id) -> Duration {
        let attempt = self.running.iter().find(|attempt| attempt.id == id);
        attempt.map_or(Duration::ZERO, |attempt| match attempt.stage {
            Stage::Connected { round_trip, .. } => round_trip,
            Stage::Connecting { .. } | Stage::Greeted { .. } | Stage::Heard { .. } => Duration::ZERO,
        })
    }

    /// Whether a hello like this was said there, or is meant to be.
    fn is_tried(&self, way: &Way) -> bool {
        let running = self.running.iter().map(|attempt| &attempt.way);
        let same = |tried: &Way| tried.endpoint == way.endpoint && tried.greeting.is_like(way.greeting);
        running.chain(self.ended.iter().map(|(way, _)| way)).chain(&self.avoided).any(same)
    }
}

#[cfg(test)]
mod tests;
