//! What a search tries next: the hello by the ladder and by what was punished, the endpoint by what it did.

use tokio::time::Instant;

use super::{
    super::{
        evidence::Evidence,
        memory::Memory,
        way::{Endpoint, Greeting, Name, Way},
    },
    Planner,
};

impl Planner {
    /// What has not been tried and does not rest: the greeting by the ladder and by what was punished, the endpoint by what it did.
    /// Each greeting is tried once, and again only where nothing was punished yet.
    pub(super) fn choose(&self, at: Option<Endpoint>, memory: &Memory, now: Instant) -> Option<Way> {
        let accused = !self.avoided.is_empty()
            || memory.accuses(now)
            || self.running.iter().any(|attempt| attempt.is_silent(now));
        let greetings = self.greetings.iter().enumerate().filter(|(_, greeting)| !self.is_unfit(**greeting));
        // Where no hello was punished, another would not help.
        let greetings = greetings.filter(|(_, greeting)| accused || **greeting == Greeting::PLAIN);
        let ways = greetings.flat_map(|(rung, greeting)| {
            let greeting = self.numbered(*greeting);
            self.endpoints
                .iter()
                .enumerate()
                .map(move |(index, endpoint)| ((rung, index), Way { endpoint: *endpoint, greeting }))
        });
        let ports = accused || !self.hopes_for_its_port(now);
        let free = ways.filter(|(_, way)| match at {
            Some(endpoint) => way.endpoint == endpoint,
            // Whoever is being connected there will say what is best then.
            None => (ports || !way.endpoint.other_port) && !self.is_awaited(&way.endpoint),
        });
        let taint = |endpoint: &Endpoint| {
            memory.punished_at(endpoint, now) + self.silent_at(endpoint, now) + self.avoided_at(endpoint)
        };
        let free = free.filter(|(_, way)| taint(&way.endpoint) == 0 || self.tries(way.greeting) == 0);
        let free =
            free.filter(|(_, way)| !self.is_tried(way) && !memory.rests(way, now) && !self.is_dead(&way.endpoint));
        let best = free.min_by_key(|((rung, index), way)| {
            let name_rests = memory.name_rests(&way.endpoint, way.greeting.name, now) || self.is_silent_name(way, now);
            let tries = if accused { self.tries(way.greeting) + memory.punished_like(way.greeting, now) } else { 0 };
            (name_rests, tries, *rung, self.is_doubtful(&way.endpoint, now), taint(&way.endpoint), *index)
        });
        best.map(|(_, way)| way)
    }

    /// Each attempt names another sibling.
    fn numbered(&self, greeting: Greeting) -> Greeting {
        let name = match greeting.name {
            Name::Sibling(_) => Name::Sibling(self.seed.wrapping_add(u32::try_from(self.begun).unwrap_or(0))),
            name @ (Name::Own | Name::Public | Name::Nothing) => name,
        };
        Greeting { name, ..greeting }
    }

    /// How often it was greeted so. Where nobody is there nothing was said.
    fn tries(&self, greeting: Greeting) -> usize {
        let running = self.running.iter().filter(|attempt| attempt.is_greeting()).map(|attempt| &attempt.way);
        let ended = self.ended.iter().filter(|(_, evidence)| !evidence.is_of_the_endpoint()).map(|(way, _)| way);
        running.chain(ended).chain(&self.avoided).filter(|way| way.greeting.is_like(greeting)).count()
    }

    fn is_unfit(&self, greeting: Greeting) -> bool {
        let unfit = |(way, evidence): &(Way, Evidence)| *evidence == Evidence::Unfit && way.greeting.is_like(greeting);
        greeting != Greeting::PLAIN && self.ended.iter().any(unfit)
    }

    /// At the link's own port somebody may still answer.
    fn hopes_for_its_port(&self, now: Instant) -> bool {
        self.endpoints.iter().filter(|endpoint| !endpoint.other_port && !self.is_dead(endpoint)).any(|endpoint| {
            let mut here = self.running.iter().filter(|attempt| attempt.way.endpoint == *endpoint);
            let plain = Way { endpoint: *endpoint, greeting: Greeting::PLAIN };
            !self.is_tried(&plain) || here.any(|attempt| attempt.doubted_at(&self.limits).is_none_or(|at| at > now))
        })
    }

    /// Nobody is there.
    fn is_dead(&self, endpoint: &Endpoint) -> bool {
        self.ended.iter().any(|(way, evidence)| evidence.is_of_the_endpoint() && way.endpoint == *endpoint)
    }

    /// Somebody is on the way there who has not said its hello.
    fn is_awaited(&self, endpoint: &Endpoint) -> bool {
        self.running.iter().any(|attempt| attempt.way.endpoint == *endpoint && !attempt.is_greeting())
    }

    /// It has not answered the connection for a while.
    fn is_doubtful(&self, endpoint: &Endpoint, now: Instant) -> bool {
        self.running
            .iter()
            .any(|attempt| attempt.way.endpoint == *endpoint && attempt.is_unanswered(self.limits.stagger, now))
    }

    fn avoided_at(&self, endpoint: &Endpoint) -> usize {
        self.avoided.iter().filter(|way| way.endpoint == *endpoint).count()
    }

    fn silent_at(&self, endpoint: &Endpoint, now: Instant) -> usize {
        self.running.iter().filter(|attempt| attempt.way.endpoint == *endpoint && attempt.is_silent(now)).count()
    }

    fn is_silent_name(&self, way: &Way, now: Instant) -> bool {
        self.running.iter().any(|attempt| {
            let same = attempt.way.endpoint == way.endpoint && attempt.way.greeting.name == way.greeting.name;
            same && attempt.is_silent(now)
        })
    }
}
