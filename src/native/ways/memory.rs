//! What was learned of one network: what works, what was punished and rests, and whether IPv6 leads anywhere.
//!
//! It is kept in memory, for as many networks as a person is in. Time and chance are the caller's.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    detour::{Detour, Met},
    evidence::Evidence,
    speed::{Slow, Speed},
    way::{Endpoint, Greeting, Name, Way},
};

/// What worked is repeated for this long.
const WORKED: Duration = Duration::from_secs(24 * 3600);

/// What was punished rests for the first at first and for at most the second: censors go on for one to three minutes, and longer
/// for whoever tries again.
const REST: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(180));

/// Where every way failed alike it may be the relay. It is asked again after this, then after twice as long, and so on.
const AGAIN: Duration = Duration::from_secs(5);

/// The plain way is tried again so much later, and up to twice as much more.
const PLAIN_AGAIN: Duration = Duration::from_secs(20 * 60);

/// So long IPv4 comes first where IPv6 was slower or led nowhere.
const WITHOUT_V6: Duration = Duration::from_secs(600);

/// A network, as far as this machine can tell: its own addresses there.
pub(crate) type Network = (Option<IpAddr>, Option<IpAddr>);

/// What was learned of one network.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    winner: Option<(Way, Instant)>,
    plain_again: Option<Instant>,
    punished: Vec<Punished>,
    /// How often every way failed since one worked.
    exhausted: u32,
    /// What was met last before one worked.
    met: Option<Met>,
    /// Requests in a row that were not answered. One may be the relay's own fault.
    stalled: u32,
    /// The endpoint of the link's own port that was tried last.
    own: Option<Endpoint>,
    v6_failed: Option<Instant>,
    speed: Speed,
    /// Ways that were found so far.
    found: u64,
}

#[derive(Debug)]
struct Punished {
    way: Way,
    times: u32,
    until: Instant,
}

impl Memory {
    /// What to try first, one after the other: what worked, and before it now and then the plain way.
    pub(crate) fn first(&self, now: Instant) -> Vec<Way> {
        let Some((winner, at)) = self.winner else { return Vec::new() };
        if now.duration_since(at) > WORKED {
            return Vec::new();
        }
        let endpoint = self.own.filter(|_| winner.endpoint.other_port).unwrap_or(winner.endpoint);
        let plain = Way { endpoint, greeting: Greeting::PLAIN };
        let due = self.plain_again.is_some_and(|at| at <= now) && !self.rests(&plain, now);
        let ways = [due.then_some(plain), Some(winner)];
        ways.into_iter().flatten().filter(|way| !self.rests(way, now)).collect()
    }

    /// What was met last.
    pub(crate) const fn met(&self) -> Option<Met> {
        self.met
    }

    /// How the relay is reached, if not as the link says.
    pub(crate) fn detour(&self) -> Option<Detour> {
        self.winner.and_then(|(way, _)| Detour::of(&way, self.met))
    }

    /// When what works did so last.
    pub(crate) fn worked_at(&self) -> Option<Instant> {
        self.winner.map(|(_, at)| at)
    }

    /// What works, and what was met before.
    pub(crate) fn winner(&self) -> Option<(Way, Option<Met>)> {
        self.winner.map(|(way, _)| (way, self.met))
    }

    /// Grows with every way that was found.
    pub(crate) const fn found(&self) -> u64 {
        self.found
    }

    /// Whether this family comes first.
    pub(crate) fn v6_first(&self, now: Instant) -> bool {
        self.v6_failed.is_none_or(|at| now.duration_since(at) > WITHOUT_V6)
    }

    /// This way must not be tried yet.
    pub(crate) fn rests(&self, way: &Way, now: Instant) -> bool {
        self.punished.iter().any(|punished| punished.way == *way && now < punished.until)
    }

    /// Another hello with this name was punished at this endpoint.
    pub(super) fn name_rests(&self, endpoint: &Endpoint, name: Name, now: Instant) -> bool {
        let at = |way: &Way| way.endpoint == *endpoint && way.greeting.name == name;
        self.punished.iter().any(|punished| at(&punished.way) && now < punished.until)
    }

    /// How many hellos were punished at this endpoint and still rest.
    pub(super) fn punished_at(&self, endpoint: &Endpoint, now: Instant) -> usize {
        self.punished.iter().filter(|punished| punished.way.endpoint == *endpoint && now < punished.until).count()
    }

    /// At how many endpoints a hello like this was punished and still rests.
    pub(super) fn punished_like(&self, greeting: Greeting, now: Instant) -> usize {
        let like = |punished: &&Punished| punished.way.greeting.is_like(greeting) && now < punished.until;
        self.punished.iter().filter(like).count()
    }

    /// Whether the network punished hellos lately.
    pub(super) fn accuses(&self, now: Instant) -> bool {
        self.punished.iter().any(|punished| now < punished.until)
    }

    /// It worked. With `overtook` the other family was tried before. `chance` is random.
    pub(crate) fn worked(&mut self, way: Way, overtook: bool, now: Instant, chance: u32) {
        if self.winner.is_none_or(|(winner, _)| winner != way) {
            self.found += 1;
        }
        self.winner = Some((way, now));
        self.exhausted = 0;
        self.punished.retain(|punished| punished.way != way);
        self.own = Some(way.endpoint).filter(|endpoint| !endpoint.other_port).or(self.own);
        if Detour::of(&way, None).is_none() {
            (self.met, self.plain_again) = (None, None);
        } else if self.plain_again.is_none_or(|at| at <= now) {
            self.plain_again = Some(now + some_time(chance));
        }
        match way.endpoint.address {
            SocketAddr::V6(_) => self.v6_failed = None,
            SocketAddr::V4(_) if overtook => self.v6_failed = Some(now),
            SocketAddr::V4(_) => {}
        }
    }

    /// It worked when the program last ran. `chance` is random.
    pub(crate) fn recall(&mut self, (way, met): (Way, Option<Met>), now: Instant, chance: u32) {
        self.worked(way, false, now, chance);
        self.met = met;
    }

    /// It met this. What worked once and failed is kept half of the times, as `chance` falls.
    pub(crate) fn failed(&mut self, way: Way, evidence: Evidence, now: Instant, chance: u32) {
        self.own = Some(way.endpoint).filter(|endpoint| !endpoint.other_port).or(self.own);
        if evidence == Evidence::SilentAfterRequest {
            self.stalled += 1;
            if self.stalled < 2 {
                return;
            }
        }
        self.met = Met::of(evidence).or(self.met);
        if evidence.accuses_the_greeting() {
            self.punish(way, now);
        }
        if self.winner.is_some_and(|(winner, _)| winner == way) && evidence != Evidence::Local {
            let kept = evidence.accuses_the_greeting() && chance.is_multiple_of(2);
            if !kept {
                self.winner = None;
            }
        }
    }

    /// A connection took so long.
    pub(crate) fn connected(&mut self, round_trip: Duration) {
        self.speed.connected(round_trip);
    }

    /// What works is slow. Whether another way is to be tried for its speed; then it is to be judged.
    pub(crate) fn seek_faster(&mut self, now: Instant) -> Option<Slow> {
        self.speed.begin(self.winner()?, now)
    }

    /// What came of the trial of another way. If it is not faster, the one before is used again.
    pub(crate) fn judged(&mut self, slow: &Slow, tried: Option<Way>, faster: bool, now: Instant, chance: u32) {
        self.speed.judged(tried, faster, now, some_time(chance));
        let in_use = tried.is_some() && self.winner.map(|(way, _)| way) == tried;
        if in_use && faster {
            self.met = Some(Met::Throttled);
        } else if in_use && !self.rests(&slow.way, now) {
            self.worked(slow.way, false, now, chance);
            self.met = slow.met;
        }
    }

    /// A request was answered.
    pub(crate) const fn answered(&mut self) {
        self.stalled = 0;
    }

    fn punish(&mut self, way: Way, now: Instant) {
        self.punished.retain(|punished| now < punished.until + REST.1);
        let rest = |times: u32| REST.0.saturating_mul(times).min(REST.1);
        match self.punished.iter_mut().find(|punished| punished.way == way) {
            Some(punished) => {
                punished.times += 1;
                punished.until = now + rest(punished.times);
            }
            None => self.punished.push(Punished { way, times: 1, until: now + rest(1) }),
        }
    }

    /// No way is left. It may be the relay that is broken, so nothing rests for as long as a censor would want.
    pub(crate) fn exhausted(&mut self, now: Instant) {
        let again = now + AGAIN.saturating_mul(2_u32.saturating_pow(self.exhausted)).min(REST.1);
        self.exhausted += 1;
        for punished in &mut self.punished {
            punished.until = punished.until.min(again);
        }
    }
}

/// 20 to 60 minutes, as chance falls.
fn some_time(chance: u32) -> Duration {
    PLAIN_AGAIN + PLAIN_AGAIN.mul_f64(f64::from(chance) / f64::from(u32::MAX) * 2.0)
}

/// What was learned of each network that this machine was in lately.
#[derive(Debug, Default)]
pub(crate) struct Memories(BTreeMap<Network, Memory>);

impl Memories {
    /// Networks that are remembered at a time.
    const MOST: usize = 8;

    /// What was learned of this one.
    pub(crate) fn of(&mut self, network: Network) -> &mut Memory {
        if self.0.len() >= Self::MOST && !self.0.contains_key(&network) {
            self.0.clear();
        }
        self.0.entry(network).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(port: u16) -> Way {
        let address = SocketAddr::from(([192, 0, 2, 1], port));
        Way { endpoint: Endpoint { target: 0, address, other_port: port != 443 }, greeting: Greeting::PLAIN }
    }

    #[tokio::test(start_paused = true)]
    async fn another_way_is_sought_for_its_speed_three_times_and_then_not_for_a_while() {
        let now = Instant::now();
        let mut memory = Memory::default();
        assert_eq!(memory.seek_faster(now), None);
        memory.failed(way(80), Evidence::ResetAfterHello, now, 0);
        memory.worked(way(444), false, now, 0);
        let before = memory.winner();
        assert_eq!(before, Some((way(444), Some(Met::Cut))));
        for (count, port) in [(1, 8443), (2, 2053), (3, 2083)] {
            let slow = memory.seek_faster(now).expect("may be sought");
            assert_eq!(slow.avoided.len(), count);
            assert_eq!(memory.seek_faster(now), None, "while one is judged");
            memory.worked(way(port), false, now, 0);
            memory.judged(&slow, Some(way(port)), false, now, 0);
            assert_eq!(memory.winner(), before);
        }
        assert_eq!(memory.seek_faster(now + PLAIN_AGAIN - AGAIN), None);
        assert!(memory.seek_faster(now + PLAIN_AGAIN).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_faster_stays_and_what_is_not_found_is_not_sought_at_once() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.worked(way(443), false, now, 0);
        let slow = memory.seek_faster(now).expect("may be sought");
        memory.worked(way(8443), false, now, 0);
        memory.judged(&slow, Some(way(8443)), true, now, 0);
        assert_eq!(memory.winner(), Some((way(8443), Some(Met::Throttled))));
        assert_eq!(memory.seek_faster(now), None);
        let later = now + Duration::from_secs(60);
        let slow = memory.seek_faster(later).expect("may be sought");
        assert_eq!(slow.avoided, [way(8443)]);
        memory.judged(&slow, None, false, later, 0);
        assert_eq!(memory.seek_faster(later + Duration::from_secs(60)), None);
        assert_eq!(memory.winner(), Some((way(8443), Some(Met::Throttled))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_punished_meanwhile_does_not_come_back() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.worked(way(443), false, now, 0);
        let slow = memory.seek_faster(now).expect("may be sought");
        memory.worked(way(8443), false, now, 0);
        memory.failed(way(443), Evidence::ResetAfterHello, now, 0);
        memory.judged(&slow, Some(way(8443)), false, now, 0);
        assert_eq!(memory.winner().map(|(way, _)| way), Some(way(8443)));
    }
}
