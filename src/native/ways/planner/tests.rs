//! Searches in virtual time, against a simulated censor whose rules are the lab's, made abstract.

mod world;

use proptest::prelude::*;

use super::{
    super::{
        detour::Met,
        way::{Name, Shape},
    },
    *,
};
use world::{Fate, LIMITS, World};

const SIBLING: Greeting = Greeting::new(Name::Sibling(0), Shape::Whole);
const CUT: Greeting = Greeting::new(Name::Own, Shape::Records);
const CUT_TWICE: Greeting = Greeting::new(Name::Own, Shape::RecordsAndSegments);
const HIDDEN: Greeting = Greeting::new(Name::Public, Shape::Whole);
const NAMELESS: Greeting = Greeting::new(Name::Nothing, Shape::Whole);
const LADDER: [Greeting; 6] = [Greeting::PLAIN, SIBLING, CUT, CUT_TWICE, HIDDEN, NAMELESS];

fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint { target: 0, address: ([192, 0, 2, host], port).into(), other_port: port != 443 }
}

const TWO: [(u8, u16); 2] = [(1, 443), (2, 443)];

fn two() -> Vec<Endpoint> {
    TWO.iter().map(|(host, port)| endpoint(*host, *port)).collect()
}

fn with_ports() -> Vec<Endpoint> {
    [(1, 443), (2, 443), (1, 8443), (2, 8443)].map(|(host, port)| endpoint(host, port)).to_vec()
}

#[test]
fn without_a_censor_it_is_one_attempt_at_the_first_endpoint_and_then_the_same() {
    for round_trip in [1, 100, 2000] {
        let mut world = World::new(round_trip, |_| Fate::Works);
        let mut memory = Memory::default();
        let first = world.search(&mut memory, &with_ports(), &LADDER).expect("free");
        assert_eq!(first, Way { endpoint: endpoint(1, 443), greeting: Greeting::PLAIN });
        assert_eq!(world.greeted.len(), 1, "one hello");
        assert!(world.connected.iter().all(|endpoint| !endpoint.other_port), "{:?}", world.connected);
        assert_eq!(world.took(), 3 * world.round_trip);
        assert_eq!(world.search(&mut memory, &with_ports(), &LADDER), Some(first));
    }
}

#[test]
fn where_the_port_is_shut_another_is_found() {
    for (fate, met) in [(Fate::Unanswered, Met::NoAnswer), (Fate::Refused, Met::Refused)] {
        let mut world = World::new(100, |way| if way.endpoint.address.port() == 443 { fate } else { Fate::Works });
        let mut memory = Memory::default();
        let found = world.search(&mut memory, &with_ports(), &LADDER).expect("a port is free");
        assert!(found.endpoint.other_port && found.greeting == Greeting::PLAIN, "{found:?}");
        assert!(world.took() < Duration::from_secs(4), "{:?}", world.took());
        assert_eq!(memory.met(), Some(met));
    }
}

/// What each rung that passes takes where all others are silent, with two addresses and 100 ms a round trip.
#[test]
fn each_rung_that_passes_is_found_in_time() {
    for round_trip in [100, 400] {
        for fate in [Fate::Silent, Fate::Dropped, Fate::Reset] {
            for rung in LADDER {
                let mut world =
                    World::new(round_trip, |way| if way.greeting.is_like(rung) { Fate::Works } else { fate });
                let mut memory = Memory::default();
                let found = world.search(&mut memory, &with_ports(), &LADDER).expect("a rung passes");
                assert!(found.greeting.is_like(rung));
                assert!(world.greeted.len() <= LADDER.len(), "{rung:?}: {:?}", world.greeted);
                assert!(world.most <= 2, "{} hellos at once", world.most);
                let limit = if round_trip == 100 { 10 } else { 20 };
                assert!(world.took() < Duration::from_secs(limit), "{rung:?} {fate:?}: {:?}", world.took());
                // The next one knows.
                assert_eq!(world.search(&mut memory, &with_ports(), &LADDER), Some(found));
                assert_eq!(world.took(), 3 * world.round_trip);
            }
        }
    }
}

#[test]
fn it_finds_another_way_when_the_censor_changes() {
    let passes = std::cell::Cell::new(SIBLING);
    let mut world = World::new(100, |way| if way.greeting.is_like(passes.get()) { Fate::Works } else { Fate::Reset });
    let mut memory = Memory::default();
    assert!(world.search(&mut memory, &with_ports(), &LADDER).expect("found").greeting.is_like(SIBLING));
    passes.set(NAMELESS);
    world.now += Duration::from_secs(100);
    assert_eq!(world.search(&mut memory, &with_ports(), &LADDER).expect("found").greeting, NAMELESS);
    passes.set(Greeting::PLAIN);
    world.now += Duration::from_secs(25 * 3600);
    assert_eq!(world.search(&mut memory, &with_ports(), &LADDER).expect("found").greeting, Greeting::PLAIN);
}

#[test]
fn the_plain_way_is_tried_again_after_a_while() {
    let blocked = std::cell::Cell::new(true);
    let mut world =
        World::new(100, |way| if way.greeting == Greeting::PLAIN && blocked.get() { Fate::Reset } else { Fate::Works });
    let mut memory = Memory::default();
    let first = world.search(&mut memory, &two(), &LADDER).expect("found");
    assert!(first.greeting.is_like(SIBLING));
    world.now += Duration::from_secs(19 * 60);
    assert_eq!(world.search(&mut memory, &two(), &LADDER), Some(first));
    world.now += Duration::from_secs(60 * 60);
    // It is still forbidden, which costs one attempt.
    assert_eq!(world.search(&mut memory, &two(), &LADDER), Some(first));
    assert_eq!(world.greeted.len(), 2);
    blocked.set(false);
    world.now += Duration::from_secs(61 * 60);
    assert_eq!(world.search(&mut memory, &two(), &LADDER).expect("found").greeting, Greeting::PLAIN);
}

#[test]
fn a_relay_that_is_broken_is_asked_again_soon_and_then_less_often() {
    let mut memory = Memory::default();
    let way = Way { endpoint: endpoint(1, 443), greeting: Greeting::PLAIN };
    let mut now = Instant::now();
    for seconds in [5, 10, 20, 40] {
        memory.failed(way, Evidence::ResetAfterHello, now, 0);
        memory.exhausted(now);
        now += Duration::from_secs(seconds);
        assert!(memory.rests(&way, now - Duration::from_millis(1)) && !memory.rests(&way, now), "{seconds}");
    }
    memory.worked(way, false, now, 0);
    for seconds in [60, 120, 180, 180] {
        memory.failed(way, Evidence::SilentAfterHello, now, 0);
        now += Duration::from_secs(seconds);
        assert!(memory.rests(&way, now - Duration::from_millis(1)) && !memory.rests(&way, now), "{seconds}");
    }
}

#[test]
fn the_first_rung_that_is_left_is_said_by_whoever_is_connected_first() {
    let ladder = [Greeting::PLAIN, NAMELESS, CUT];
    let fate = |way: &Way| if way.greeting == NAMELESS { Fate::Works } else { Fate::Reset };
    for round_trip in [100, 400] {
        let mut world = World::new(round_trip, fate);
        world.reset_after = 0;
        assert_eq!(world.search(&mut Memory::default(), &two(), &ladder).expect("found").greeting, NAMELESS);
        assert_eq!(world.greeted.len(), 2, "{:?}", world.greeted);
    }
}

#[test]
fn a_stranger_is_not_greeted_again_and_again() {
    let at = |host: u8| endpoint(host, 443);
    let fate = |way: &Way| if way.endpoint == at(1) { Fate::Reset } else { Fate::Stranger };
    let mut world = World::new(1, fate);
    assert_eq!(world.search(&mut Memory::default(), &two(), &LADDER), None);
    let siblings = world.greeted.iter().filter(|(_, way)| way.greeting.is_like(SIBLING)).count();
    assert!(siblings <= 2 && world.greeted.len() <= 2 * LADDER.len(), "{:?}", world.greeted);
}

#[test]
fn one_request_without_an_answer_punishes_nothing_and_two_in_a_row_do() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let way = Way { endpoint: endpoint(1, 443), greeting: Greeting::PLAIN };
    memory.failed(way, Evidence::SilentAfterRequest, now, 0);
    memory.answered();
    memory.failed(way, Evidence::SilentAfterRequest, now, 0);
    assert!(!memory.rests(&way, now));
    memory.failed(way, Evidence::SilentAfterRequest, now, 0);
    assert!(memory.rests(&way, now));
}

#[test]
fn after_a_while_on_another_port_the_links_own_is_tried_again() {
    let shut = std::cell::Cell::new(true);
    let fate = |way: &Way| if shut.get() && way.endpoint.address.port() == 443 { Fate::Refused } else { Fate::Works };
    let mut world = World::new(100, fate);
    let mut memory = Memory::default();
    assert!(world.search(&mut memory, &with_ports(), &LADDER).expect("found").endpoint.other_port);
    shut.set(false);
    world.now += Duration::from_secs(10 * 60);
    assert!(world.search(&mut memory, &with_ports(), &LADDER).expect("found").endpoint.other_port);
    world.now += Duration::from_secs(61 * 60);
    assert!(!world.search(&mut memory, &with_ports(), &LADDER).expect("found").endpoint.other_port);
}

/// With two addresses and 100 ms a round trip, as `connect::lost` sees it.
#[test]
fn a_hello_that_vanishes_is_left_sooner_than_one_that_is_only_silent() {
    let ladder = [Greeting::PLAIN, NAMELESS];
    for (fate, met, took) in [(Fate::Dropped, Met::Dropped, 900), (Fate::Silent, Met::Silent, 1800)] {
        let mut world = World::new(100, |way| if way.greeting == NAMELESS { Fate::Works } else { fate });
        let mut memory = Memory::default();
        assert_eq!(world.search(&mut memory, &two(), &ladder).expect("found").greeting, NAMELESS);
        assert_eq!((world.took(), memory.met()), (Duration::from_millis(took), Some(met)), "{fate:?}");
        assert_eq!(world.greeted.len(), 2, "{:?}", world.greeted);
    }
}

/// What is said behind the hello and does not arrive is no evidence against the hello.
#[test]
fn who_was_heard_did_not_vanish() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let mut planner = Planner::new(LIMITS, LADDER.to_vec(), Vec::new(), 7);
    planner.add(two());
    planner.scout();
    let Output::Connect(id, _) = planner.poll(&mut memory, now, 0) else { unreachable!("nothing else to do") };
    planner.handle(Input::Connected(id, Duration::ZERO), &mut memory, now, 0);
    assert!(matches!(planner.poll(&mut memory, now, 0), Output::Greet(..)));
    planner.handle(Input::Greeted(id), &mut memory, now, 0);
    planner.handle(Input::Heard(id), &mut memory, now, 0);
    planner.handle(Input::Dropped(id), &mut memory, now, 0);
    assert!(matches!(planner.poll(&mut memory, now, 0), Output::Wait(Some(_))));
    assert!(!planner.accuses(&memory, now));
}

/// A dead network is not taken for a censor.
#[test]
fn silence_of_everything_punishes_nothing() {
    let dark = std::cell::Cell::new(false);
    let mut world = World::new(100, |_| {
        // The first is connected; from then on nothing passes.
        if dark.replace(true) { Fate::Unanswered } else { Fate::Dropped }
    });
    let mut memory = Memory::default();
    assert_eq!(world.search(&mut memory, &two(), &LADDER), None);
    assert!(!memory.accuses(world.now));
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Refused),
        Just(Fate::Unanswered),
        Just(Fate::Reset),
        Just(Fate::Silent),
        Just(Fate::Dropped),
        Just(Fate::Alert)
    ]
}

proptest! {
    /// Nothing that was punished is repeated within its rest, and there are never more than two hellos under way.
    #[test]
    fn nothing_punished_is_repeated_and_never_are_three_hellos_under_way(
        seed: u64,
        round_trip in 1_u64..1000,
        bad in prop::collection::vec(fates(), 1..4),
        pauses in prop::collection::vec(0_u64..200, 1..8),
    ) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let fate = |way: &Way| {
            let mut hasher = DefaultHasher::new();
            (seed, way.endpoint, way.greeting.shape, std::mem::discriminant(&way.greeting.name)).hash(&mut hasher);
            let dice = hasher.finish();
            if dice.is_multiple_of(5) { Fate::Works } else { bad[(dice / 5) as usize % bad.len()] }
        };
        let mut world = World::new(round_trip, fate);
        let mut memory = Memory::default();
        for pause in pauses {
            let cut = world.cut.clone();
            world.search(&mut memory, &with_ports(), &LADDER);
            prop_assert!(world.most <= 2, "{} hellos at once", world.most);
            for (index, (at, way)) in world.greeted.iter().enumerate() {
                let again = world.greeted[..index].iter().any(|(_, tried)| tried == way);
                prop_assert!(!again, "{way:?} twice in a search");
                let at = world.begun + *at;
                let early = cut.iter().find(|(when, reset)| reset == way && at < *when + Duration::from_secs(60));
                prop_assert!(early.is_none(), "{way:?} rests");
            }
            world.now += Duration::from_secs(pause);
        }
    }

    /// If one rung passes everywhere, it is found within as many attempts as there are rungs, and endpoints that are dead.
    #[test]
    fn a_rung_that_passes_is_found(
        rung in 0_usize..LADDER.len(),
        round_trip in 1_u64..500,
        bad in prop_oneof![Just(Fate::Reset), Just(Fate::Silent), Just(Fate::Dropped)],
        alive in 1_u8..16,
    ) {
        let endpoints: Vec<_> = with_ports();
        let alive: Vec<_> = endpoints.iter().enumerate().filter(|(bit, _)| alive & (1 << bit) != 0).map(|(_, endpoint)| *endpoint).collect();
        let fate = |way: &Way| match (alive.contains(&way.endpoint), way.greeting.is_like(LADDER[rung])) {
            (false, _) => Fate::Refused,
            (true, true) => Fate::Works,
            (true, false) => bad,
        };
        let mut world = World::new(round_trip, fate);
        let found = world.search(&mut Memory::default(), &endpoints, &LADDER);
        prop_assert!(found.is_some(), "{:?}", world.greeted);
        prop_assert!(world.greeted.len() <= LADDER.len(), "{:?}", world.greeted);
    }
}
