//! Everybody between a client and its relay, in virtual time.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::super::{
    super::{
        attempt::{Id, Limits},
        evidence::Evidence,
        memory::Memory,
        way::{Endpoint, Greeting, Way},
    },
    Input, Output, Planner,
};

pub(super) const LIMITS: Limits = Limits {
    stagger: Duration::from_millis(250),
    patience: Duration::from_millis(1200),
    doubt: Duration::from_secs(3),
    at_once: 2,
};

/// What becomes of an attempt, after round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Works,
    Refused,
    Unanswered,
    Reset,
    Silent,
    /// As silent, and the kernel sees that it does not arrive.
    Dropped,
    Alert,
    Stranger,
}

/// Everybody between the client and its relay.
pub(super) struct World<F> {
    pub(super) round_trip: Duration,
    fate: F,
    pub(super) now: Instant,
    pub(super) begun: Instant,
    /// What will happen, and to whom.
    events: BTreeMap<(Instant, u64), Input>,
    number: u64,
    pub(super) connected: Vec<Endpoint>,
    pub(super) greeted: Vec<(Duration, Way)>,
    /// Hellos under way.
    greeting: Vec<Id>,
    pub(super) most: usize,
    /// Round trips until a reset comes: censors are nearer than servers.
    pub(super) reset_after: u32,
    /// What was cut, and when that was known.
    pub(super) cut: Vec<(Instant, Way)>,
}

impl<F: FnMut(&Way) -> Fate> World<F> {
    pub(super) fn new(round_trip: u64, fate: F) -> Self {
        let now = Instant::now();
        Self {
            round_trip: Duration::from_millis(round_trip),
            fate,
            now,
            begun: now,
            events: BTreeMap::new(),
            number: 0,
            connected: Vec::new(),
            greeted: Vec::new(),
            greeting: Vec::new(),
            most: 0,
            reset_after: 1,
            cut: Vec::new(),
        }
    }

    fn later(&mut self, round_trips: u32, input: Input) {
        self.number += 1;
        self.events.insert((self.now + self.round_trip * round_trips, self.number), input);
    }

    fn connect(&mut self, id: Id, endpoint: Endpoint) {
        self.connected.push(endpoint);
        match (self.fate)(&Way { endpoint, greeting: Greeting::PLAIN }) {
            Fate::Refused => self.later(1, Input::Ended(id, Evidence::Refused)),
            Fate::Unanswered => {}
            Fate::Works | Fate::Reset | Fate::Silent | Fate::Dropped | Fate::Alert | Fate::Stranger => {
                self.later(1, Input::Connected(id, self.round_trip))
            }
        }
    }

    fn greet(&mut self, id: Id, way: Way) -> Input {
        self.greeted.push((self.now - self.begun, way));
        self.greeting.push(id);
        self.most = self.most.max(self.greeting.len());
        match (self.fate)(&way) {
            Fate::Works => {
                self.later(1, Input::Heard(id));
                self.later(2, Input::Ended(id, Evidence::Works));
            }
            Fate::Reset => self.later(self.reset_after, Input::Ended(id, Evidence::ResetAfterHello)),
            Fate::Alert => self.later(1, Input::Ended(id, Evidence::Unfit)),
            Fate::Stranger => self.later(1, Input::Ended(id, Evidence::Stranger)),
            Fate::Dropped => self.later(5, Input::Dropped(id)),
            Fate::Silent | Fate::Refused | Fate::Unanswered => {}
        }
        Input::Greeted(id)
    }

    /// Runs a search to its end; gives the way that was found.
    pub(super) fn search(
        &mut self,
        memory: &mut Memory,
        endpoints: &[Endpoint],
        greetings: &[Greeting],
    ) -> Option<Way> {
        let mut planner = Planner::new(LIMITS, greetings.to_vec(), memory.first(self.now), 7);
        planner.add(endpoints.iter().copied());
        planner.scout();
        (self.begun, self.events) = (self.now, BTreeMap::new());
        self.connected.clear();
        self.greeted.clear();
        self.greeting.clear();
        let limit = self.now + Duration::from_secs(30);
        loop {
            let until = loop {
                match planner.poll(memory, self.now, 0) {
                    Output::Connect(id, endpoint) => self.connect(id, endpoint),
                    Output::Greet(id, greeting) => {
                        let way = planner.way(id).expect("it runs");
                        assert_eq!(way.greeting, greeting);
                        let greeted = self.greet(id, way);
                        planner.handle(greeted, memory, self.now, 0);
                    }
                    Output::Abandon(id) => self.greeting.retain(|greeting| *greeting != id),
                    Output::Scout => unreachable!("it may"),
                    Output::Wait(until) => break until,
                    Output::Exhausted => return None,
                }
            };
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let next = [until, event].into_iter().flatten().min()?;
            assert!(next >= self.now, "time goes back");
            assert!(until.is_none_or(|until| until > self.now), "it waits for what is over");
            self.now = next;
            if self.now > limit {
                return None;
            }
            if event == Some(next) {
                let (_, input) = self.events.pop_first().expect("seen");
                if let Input::Ended(id, evidence) = input {
                    self.greeting.retain(|greeting| *greeting != id);
                    let way = planner.way(id);
                    if let (Evidence::ResetAfterHello, Some(way)) = (evidence, way) {
                        self.cut.push((self.now, way));
                    }
                    planner.handle(input, memory, self.now, 0);
                    if let (Evidence::Works, Some(way)) = (evidence, way) {
                        return Some(way);
                    }
                } else {
                    planner.handle(input, memory, self.now, 0);
                }
            }
        }
    }

    pub(super) fn took(&self) -> Duration {
        self.now - self.begun
    }
}
