//! One search for a way to a relay: does what the planner (`ways`) says, and tells it what was met.
//!
//! How an endpoint is tried, and who knows addresses, is `reach`'s.

use std::{future::pending, mem, sync::atomic::Ordering, time::Duration};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{MutexGuard, mpsc, oneshot},
    time::Instant,
};

use super::{
    reach::{Found, Reach, Task, Through},
    report::{Failed, Step},
};
use crate::{
    deadline::reached,
    trouble::Trouble,
    ways::{Endpoint, Evidence, Greeting, Id, Input, Met, Network, Output, Planner, Slow, Way},
};

/// Whether it is this search's turn to try what is not known to work.
enum Turn<'a> {
    NotAsked,
    Waiting(BoxFuture<'a, MutexGuard<'a, ()>>),
    Here(#[expect(dead_code, reason = "it is held")] MutexGuard<'a, ()>),
    /// Nobody else is heeded.
    Always,
}

/// A search under way.
pub(super) struct Search<'a> {
    reach: &'a Reach,
    /// Where it searches.
    network: Network,
    planner: Planner,
    deadline: Instant,
    running: FuturesUnordered<BoxFuture<'a, (Id, Result<Through, Failed>)>>,
    /// Attempts that have not said their hello. Dropped, an attempt ends.
    leave: Vec<(Id, oneshot::Sender<Greeting>)>,
    /// What was begun, until it is given up.
    alive: Vec<(Id, oneshot::Sender<()>)>,
    tell: mpsc::UnboundedSender<Input>,
    told: mpsc::UnboundedReceiver<Input>,
    resolving: FuturesUnordered<BoxFuture<'a, Found>>,
    /// Addresses that are known and not to be tried yet.
    held: Vec<Endpoint>,
    /// For speed: with a longer round trip the line is full, and another way is no faster.
    roomy: Option<Duration>,
    /// Those that are asked once the first are good for nothing.
    later: Vec<BoxFuture<'a, Found>>,
    greetings: Option<BoxFuture<'a, Vec<Greeting>>>,
    asked_for_greetings: bool,
    /// Those whose hello has vanished.
    dropped: Vec<Id>,
    turn: Turn<'a>,
    /// How many ways were found when it last looked.
    found: u64,
    steps: Vec<Step>,
    worst: Option<Failed>,
}

impl<'a> Search<'a> {
    /// A `cold` one heeds nobody else.
    pub(super) fn new(reach: &'a Reach, network: Network, cold: bool, deadline: Instant) -> Self {
        let firsts = if cold { Vec::new() } else { reach.memory(network, |memory| memory.first(Instant::now())) };
        let turn = if cold { Turn::Always } else { Turn::NotAsked };
        Self::with(reach, network, (firsts, turn), deadline)
    }

    /// One for another way than what carries little. Nobody waits for it: it goes on only while the line has room, and asks nobody for help.
    pub(super) fn for_speed(reach: &'a Reach, network: Network, slow: &Slow, deadline: Instant) -> Self {
        let mut search = Self::with(reach, network, (Vec::new(), Turn::NotAsked), deadline);
        search.planner.avoid(slow.avoided.clone());
        search.roomy = Some(slow.round_trip);
        search
    }

    fn with(reach: &'a Reach, network: Network, (firsts, turn): (Vec<Way>, Turn<'a>), deadline: Instant) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let targets = 0..reach.targets.len();
        let found = reach.memory(network, |memory| memory.found());
        Self {
            planner: reach.planner(firsts),
            reach,
            network,
            deadline,
            running: FuturesUnordered::new(),
            leave: Vec::new(),
            alive: Vec::new(),
            tell,
            told,
            resolving: FuturesUnordered::new(),
            held: Vec::new(),
            roomy: None,
            later: targets.map(|target| reach.reconsider(target, deadline).boxed()).collect(),
            greetings: None,
            asked_for_greetings: false,
            dropped: Vec::new(),
            turn,
            found,
            steps: Vec::new(),
            worst: None,
        }
    }

    /// Gives the first that is through, or the most telling failure: of the latest stage, and among those the first.
    pub(super) async fn run(mut self) -> Result<Through, Failed> {
        if let Turn::Always = self.turn {
            self.scout();
        }
        loop {
            let Some(until) = self.act() else { return Err(self.fail(None)) };
            let until = until.unwrap_or(self.deadline).min(self.deadline);
            tokio::select! {
                biased;
                Some(input) = self.told.recv() => self.tell(input),
                Some((id, result)) = self.running.next(), if !self.running.is_empty() => {
                    if let Some(through) = self.ended(id, result) {
                        return Ok(through);
                    }
                }
                Some(Found { result, step, corrects }) = self.resolving.next(), if !self.resolving.is_empty() => match result {
                    Ok(endpoints) => {
                        if corrects {
                            self.steps.clear();
                        }
                        self.steps.extend(step);
                        self.arrived(endpoints);
                    }
                    Err(trouble) => {
                        self.note(trouble.into());
                        self.arrived(Vec::new());
                    }
                },
                greetings = of(&mut self.greetings) => {
                    self.greetings = None;
                    greetings.into_iter().for_each(|greeting| self.planner.offer(greeting));
                }
                turn = self.turn.comes() => {
                    self.turn = Turn::Here(turn);
                    self.scout();
                }
                () = reached(until) => if Instant::now() >= self.deadline {
                    return Err(self.fail(Some(Trouble::ConnectTimeout)));
                },
            }
        }
    }

    /// Does all that the planner wants now; gives until when it then waits, or nothing if all was in vain.
    fn act(&mut self) -> Option<Option<Instant>> {
        loop {
            let (now, chance) = (Instant::now(), rand::random());
            match self.reach.memory(self.network, |memory| self.planner.poll(memory, now, chance)) {
                Output::Connect(id, endpoint) => {
                    let ((leave, greet), (alive, given_up)) = (oneshot::channel(), oneshot::channel());
                    self.leave.push((id, leave));
                    self.alive.push((id, alive));
                    let task = Task { id, endpoint, greet, progress: self.tell.clone(), deadline: self.deadline };
                    let attempt = self.reach.attempt(task);
                    self.running.push(Box::pin(async move {
                        tokio::select! {
                            result = attempt => (id, result),
                            _ = given_up => (id, Err(Trouble::TlsTimeout.into())),
                        }
                    }));
                }
                Output::Greet(id, greeting) => {
                    if let Some(index) = self.leave.iter().position(|(known, _)| *known == id) {
                        // If nobody takes it the attempt is over, and says so.
                        let _ = self.leave.swap_remove(index).1.send(greeting);
                    }
                }
                Output::Abandon(id) => self.abandon(id),
                Output::Wait(until) => {
                    self.tell_hopes(now);
                    self.help(now);
                    return Some(until);
                }
                Output::Scout => match self.turn {
                    Turn::NotAsked => match self.reach.scouting.try_lock() {
                        Ok(turn) => {
                            self.turn = Turn::Here(turn);
                            self.scout();
                        }
                        Err(_) => self.turn = Turn::Waiting(self.reach.scouting.lock().boxed()),
                    },
                    // Who has it now finds the way for all.
                    Turn::Waiting(_) => {
                        match self.reach.memory(self.network, |memory| self.planner.yields(memory, now, chance)) {
                            Some(id) => self.abandon(id),
                            None => return Some(None),
                        }
                    }
                    Turn::Here(_) | Turn::Always => self.scout(),
                },
                Output::Exhausted => {
                    self.help(now);
                    let asks = !self.resolving.is_empty() || self.greetings.is_some();
                    self.reach.hopes.store(asks, Ordering::Relaxed);
                    if !asks {
                        if self.planner.has_begun() {
                            self.reach.memory(self.network, |memory| memory.exhausted(now));
                        }
                        return None;
                    }
                    return Some(None);
                }
            }
        }
    }

    /// It may try what is not known to work. If somebody else has found a way meanwhile, that is repeated first.
    fn scout(&mut self) {
        let (firsts, found) = self.reach.memory(self.network, |memory| (memory.first(Instant::now()), memory.found()));
        let new = found != self.found && !firsts.is_empty();
        self.found = found;
        if new && let Turn::Here(_) = self.turn {
            // Others may repeat it, too.
            self.turn = Turn::NotAsked;
            self.planner.repeat(firsts);
            return;
        }
        self.planner.scout();
        self.reach.hopes.store(true, Ordering::Relaxed);
        if self.steps.is_empty() && self.resolving.is_empty() {
            let targets = 0..self.reach.targets.len();
            self.resolving.extend(targets.map(|target| self.reach.resolve(target, self.deadline).boxed()));
        }
    }

    /// Whoever is about to leave the relay wants to know.
    fn tell_hopes(&self, now: Instant) {
        if let Turn::Here(_) = self.turn {
            let hopes = self.reach.memory(self.network, |memory| self.planner.hopes(memory, now));
            self.reach.hopes.store(hopes, Ordering::Relaxed);
        }
    }

    /// Asks others for addresses and for hellos, once something is wrong with the first.
    fn help(&mut self, now: Instant) {
        let lost = self.running.is_empty() && self.resolving.is_empty();
        let accused = self.reach.memory(self.network, |memory| self.planner.accuses(memory, now));
        if self.roomy.is_some() || !matches!(self.turn, Turn::Here(_) | Turn::Always) || !(lost || accused) {
            return;
        }
        self.resolving.extend(self.later.drain(..));
        if accused && !mem::replace(&mut self.asked_for_greetings, true) {
            self.greetings = Some(self.reach.more_greetings().boxed());
        }
    }

    /// Where a way is remembered nothing is tried before it is known whether it leads to one of these addresses.
    fn arrived(&mut self, endpoints: Vec<Endpoint>) {
        self.held.extend(endpoints);
        let remembers = self.reach.remembers(self.network);
        let (endpoints, greetings) = self.reach.spread(self.network, self.held.clone());
        let all = self.resolving.is_empty();
        let known = if remembers { self.reach.recall(self.network, (&endpoints, &greetings), all) } else { None };
        if (self.roomy.is_some() || remembers && known.is_none()) && !all {
            return;
        }
        self.held.clear();
        greetings.into_iter().for_each(|greeting| self.planner.offer(greeting));
        self.planner.add(endpoints);
        if let Some(way) = known {
            self.planner.repeat(vec![way]);
        }
    }

    fn ended(&mut self, id: Id, result: Result<Through, Failed>) -> Option<Through> {
        self.leave.retain(|(known, _)| *known != id);
        self.alive.retain(|(known, _)| *known != id);
        // Otherwise it was given up.
        let way = self.planner.way(id)?;
        match result {
            Ok(through) => {
                self.tell(Input::Ended(id, Evidence::Works));
                let steps = [mem::take(&mut self.steps), through.steps].concat();
                Some(Through { way, steps, ..through })
            }
            Err(failed) => {
                self.tell(Input::Ended(id, Evidence::of(failed.trouble)));
                self.note(failed);
                None
            }
        }
    }

    fn tell(&mut self, input: Input) {
        if let (Input::Connected(_, round_trip), Some(roomy)) = (input, self.roomy)
            && round_trip > roomy
        {
            self.deadline = Instant::now();
        }
        if let Input::Dropped(id) = input {
            self.dropped.push(id);
        }
        let (now, chance) = (Instant::now(), rand::random());
        self.reach.memory(self.network, |memory| self.planner.handle(input, memory, now, chance));
    }

    fn abandon(&mut self, id: Id) {
        let greeted = !self.leave.iter().any(|(known, _)| *known == id);
        self.leave.retain(|(known, _)| *known != id);
        self.alive.retain(|(known, _)| *known != id);
        if greeted {
            let trouble = if self.dropped.contains(&id) { Trouble::HelloDropped } else { Trouble::TlsTimeout };
            self.note(trouble.into());
        }
    }

    /// Keeps the more telling of two failures.
    fn note(&mut self, failed: Failed) {
        let stage = |failed: &Failed| (failed.trouble.stage(), failed.steps.len());
        if self.worst.as_ref().is_none_or(|worst| stage(worst) < stage(&failed)) {
            self.worst = Some(failed);
        }
    }

    /// What to say. Where all that could be tried rests, it is what was met before.
    fn fail(&mut self, otherwise: Option<Trouble>) -> Failed {
        let met = || self.reach.memory(self.network, |memory| memory.met()).map(Met::trouble);
        let otherwise = otherwise.or_else(met).unwrap_or(Trouble::NoAddress);
        self.worst.take().unwrap_or_else(|| otherwise.into()).behind(mem::take(&mut self.steps))
    }
}

impl<'a> Turn<'a> {
    /// Completes when it is.
    async fn comes(&mut self) -> MutexGuard<'a, ()> {
        match self {
            Self::Waiting(turn) => turn.await,
            Self::NotAsked | Self::Here(_) | Self::Always => pending().await,
        }
    }
}

/// What was asked for, if something was.
async fn of<T>(asked: &mut Option<BoxFuture<'_, T>>) -> T {
    match asked {
        Some(asked) => asked.await,
        None => pending().await,
    }
}
