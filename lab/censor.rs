//! The censor: takes each packet, and says whether it passes and what is forged.
//!
//! It moves no packet itself, and its clock is the time it is told. What it looks for is in `behaviour`, how in `scene`.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    behaviour::{Action, Behaviour, Ends, Meanwhile, Resets, Rule},
    dns,
    flow::{Doom, FlowKey, Flows},
    packet::{self, Forgery, Packet, Side},
    rate::Bucket,
    residual::Residuals,
    scene::Scene,
};
pub use crate::{lists::Lists, packet::Direction};

/// What happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It goes on.
    pub pass: bool,
    /// What is forged, and which way each travels. It goes out after the packet, if that passes.
    pub inject: Vec<(Direction, Vec<u8>)>,
}

impl Verdict {
    const fn new(pass: bool) -> Self {
        Self { pass, inject: Vec::new() }
    }
}

/// What a censor has seen and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets.
    pub packets: u32,
    /// Packets that could not be read. They pass.
    pub unreadable: u32,
    /// Hellos that came to their last byte. One that comes again in its flow does not count.
    pub hellos: u32,
    /// Flows in which a rule was triggered, and packets without a flow that triggered one.
    pub triggered: u32,
    /// Packets that were hit by what was held against the client.
    pub residual: u32,
    /// Packets that were dropped, for whatever reason.
    pub dropped: u32,
    /// Packets that were forged.
    pub injected: u32,
}

/// A censor with one behaviour.
#[derive(Debug)]
pub struct Censor {
    behaviour: Option<&'static Behaviour>,
    lists: Lists,
    rng: StdRng,
    flows: Flows,
    residuals: Residuals,
    seen: Seen,
}

/// One packet on its way through.
#[derive(Clone, Copy)]
struct Passing<'a> {
    packet: &'a Packet<'a>,
    direction: Direction,
    now: Duration,
    key: Option<FlowKey>,
}

impl Censor {
    /// A censor that does this, by these lists. The seed decides what is left to chance.
    #[must_use]
    pub fn new(behaviour: &'static Behaviour, lists: Lists, seed: u64) -> Self {
        Self { behaviour: Some(behaviour), lists, rng: StdRng::seed_from_u64(seed), ..Self::none() }
    }

    /// A censor that reads along and lets everything pass.
    #[must_use]
    pub fn none() -> Self {
        Self {
            behaviour: None,
            lists: Lists::default(),
            rng: StdRng::seed_from_u64(0),
            flows: Flows::default(),
            residuals: Residuals::default(),
            seen: Seen::default(),
        }
    }

    /// What it has seen and done so far.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        self.seen
    }

    /// Takes a packet, which begins with its IP header, at a time that never runs backwards.
    #[must_use]
    pub fn judge(&mut self, packet: &[u8], direction: Direction, now: Duration) -> Verdict {
        self.seen.packets += 1;
        let Some(packet) = Packet::parse(packet) else {
            self.seen.unreadable += 1;
            return Verdict::new(true);
        };
        let key = FlowKey::of(&packet, direction);
        if let Some(key) = key {
            let (_, is_new_hello) = self.flows.note(key, &packet, direction, now);
            self.seen.hellos += u32::from(is_new_hello);
        }
        let passing = Passing { packet: &packet, direction, now, key };
        let verdict = self.decide(&passing);
        let is_syn = packet.tcp().is_some_and(|tcp| tcp.syn && direction == Direction::Up);
        if let Some(flow) = key.filter(|_| is_syn).and_then(|key| self.flows.get_mut(key)) {
            flow.refused = !verdict.pass;
        }
        self.seen.dropped += u32::from(!verdict.pass);
        self.seen.injected += u32::try_from(verdict.inject.len()).unwrap_or(u32::MAX);
        verdict
    }

    fn decide(&mut self, passing: &Passing<'_>) -> Verdict {
        let Some(behaviour) = self.behaviour else { return Verdict::new(true) };
        if let Some(verdict) = self.by_residual(behaviour, passing) {
            return verdict;
        }
        if let Some(verdict) = self.by_doom(passing) {
            return verdict;
        }
        let scene = scene(passing, &self.flows, &self.lists);
        let rng = &mut self.rng;
        match behaviour.rules.iter().enumerate().find(|(_, rule)| scene.applies(rule, rng)) {
            Some((number, rule)) => self.act(number, rule, passing),
            None => Verdict::new(true),
        }
    }

    /// What is held against the client decides, if it hits.
    fn by_residual(&mut self, behaviour: &Behaviour, passing: &Passing<'_>) -> Option<Verdict> {
        let is_up = passing.direction == Direction::Up;
        for (number, rule) in behaviour.rules.iter().enumerate() {
            let Some(residual) = rule.residual else { continue };
            let held = scene(passing, &self.flows, &self.lists).held(residual.key);
            let Some(held) = held.filter(|held| self.residuals.is_held(number, held.clone(), passing.now)) else {
                continue;
            };
            let verdict = match residual.then {
                Meanwhile::Drop => Verdict::new(false),
                Meanwhile::DropUp if is_up => Verdict::new(false),
                Meanwhile::Reset(resets) if is_up => with_resets(passing, resets),
                Meanwhile::DropUp | Meanwhile::Reset(_) => continue,
            };
            if residual.extended && is_up {
                self.residuals.hold(number, held, passing.now, residual.lasts);
            }
            self.seen.residual += 1;
            return Some(verdict);
        }
        None
    }

    /// What was decided for the whole flow.
    fn by_doom(&mut self, passing: &Passing<'_>) -> Option<Verdict> {
        let flow = self.flows.get_mut(passing.key?)?;
        let pass = match flow.doom.as_mut()? {
            Doom::Drop => false,
            Doom::Police { up, down } => {
                let bucket = match passing.direction {
                    Direction::Up => up,
                    Direction::Down => down,
                };
                bucket.take(passing.packet.length, passing.now)
            }
        };
        Some(Verdict::new(pass))
    }

    /// A rule applies.
    fn act(&mut self, number: usize, rule: &Rule, passing: &Passing<'_>) -> Verdict {
        if let Some(residual) = rule.residual
            && let Some(held) = scene(passing, &self.flows, &self.lists).held(residual.key)
        {
            self.residuals.hold(number, held, passing.now, residual.lasts);
        }
        let doom = match rule.then {
            Action::DropFlow => Some(Doom::Drop),
            Action::Police { bytes_per_second, burst } => {
                let bucket = Bucket::new(bytes_per_second, burst);
                Some(Doom::Police { up: bucket, down: bucket })
            }
            Action::Reset(_) | Action::DropPacket | Action::Thin { .. } | Action::ForgeDns(_) => None,
        };
        let was_judged = passing.key.and_then(|key| self.flows.get_mut(key)).is_some_and(|flow| {
            flow.doom = doom;
            std::mem::replace(&mut flow.judged, true)
        });
        self.seen.triggered += u32::from(!was_judged);
        match rule.then {
            Action::Reset(resets) => with_resets(passing, resets),
            Action::DropPacket | Action::DropFlow => Verdict::new(false),
            // What is no flow has no rate.
            Action::Police { .. } => self.by_doom(passing).unwrap_or(Verdict::new(true)),
            Action::Thin { pass } => Verdict::new(self.rng.random_bool(pass.clamp(0.0, 1.0))),
            Action::ForgeDns(forged) => {
                let answer = dns::answer(passing.packet.payload(), forged);
                let forged = answer.and_then(|answer| packet::udp_answer(passing.packet, &answer));
                Verdict { pass: false, inject: forged.map(|bytes| (Direction::Down, bytes)).into_iter().collect() }
            }
        }
    }
}

const fn scene<'a>(passing: &Passing<'a>, flows: &'a Flows, lists: &'a Lists) -> Scene<'a> {
    let Passing { packet, direction, now, key } = *passing;
    Scene { packet, direction, now, key, flows, lists }
}

/// The packet passes, and resets follow it. A reset is not answered.
fn with_resets(passing: &Passing<'_>, resets: Resets) -> Verdict {
    let mut verdict = Verdict::new(true);
    if passing.packet.tcp().is_none_or(|tcp| tcp.rst) {
        return verdict;
    }
    let ways: &[Direction] = match resets.to {
        Ends::Client => &[Direction::Down],
        Ends::Both => &[Direction::Down, Direction::Up],
    };
    let forgery = Forgery { payload: resets.payload, ack: resets.ack, passed: true };
    for way in ways {
        let side = if *way == passing.direction { Side::Receiver } else { Side::Sender };
        if let Some(bytes) = packet::reset(passing.packet, side, forgery) {
            verdict.inject.extend(std::iter::repeat_n((*way, bytes), usize::from(resets.count)));
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
