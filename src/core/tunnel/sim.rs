//! Both ends of a tunnel, driven through simulated networks from one seed: what must hold whatever the carriers do.
//!
//! `PASARELA_SEEDS=from..to` runs other seeds than usual, `PASARELA_TRACE=1` prints what happens.

#![allow(clippy::wildcard_enum_match_arm)]

mod tcp;
mod link;
mod plan;
mod world;
mod client_side;
mod relay_side;
mod scenes;

use core::ops::Range;
use std::{boxed::Box, vec::Vec};

use super::client::Timing;
use crate::{codes::Code, limits};
use link::{Fate, Line};
use plan::{Act, Evil, Fixed, Plan};
use tcp::{End, Habits};
use world::World;

/// Carriers beyond this many live, so that a run ends.
const TROUBLED: usize = 9;

fn seeds() -> Range<u64> {
    let given = std::env::var("PASARELA_SEEDS").ok();
    let parsed = given.map(|given| {
        let (from, to) = given.split_once("..").expect("PASARELA_SEEDS=from..to");
        from.parse().unwrap()..to.parse().unwrap()
    });
    parsed.unwrap_or(0..10_000)
}

/// Small numbers as often as large ones.
fn log_uniform(rng: &mut fastrand::Rng, bits: Range<u32>) -> u64 {
    let bits = rng.u32(bits);
    rng.u64(1..1 << bits)
}

fn habits(rng: &mut fastrand::Rng) -> Habits {
    let total = 4 + log_uniform(rng, 2..21);
    let wait = log_uniform(rng, 1..14);
    // Of a long stream not byte by byte.
    let most = total / 300 + 1 + log_uniform(rng, 6..18);
    Habits {
        total,
        end: End::After(wait),
        breaks_at: (rng.u8(..12) == 0).then(|| rng.u64(4..=total)),
        most: usize::try_from(most).unwrap(),
        slow: log_uniform(rng, 1..6),
        stall: rng.bool().then(|| (rng.u32(5..200), rng.u64(..5000))),
    }
}

fn fate(index: usize, hangs: &mut u32, rng: &mut fastrand::Rng) -> Fate {
    if index >= TROUBLED {
        return Fate::Lives;
    }
    let fate = match rng.u8(..14) {
        0 => Fate::Unreachable { told: rng.bool() },
        1 => Fate::Unanswered { told: rng.bool() },
        2..6 => Fate::DiesAfter(log_uniform(rng, 1..9) as u32),
        6 => Fate::SilentAfter(log_uniform(rng, 1..9) as u32),
        7 => Fate::SilentAt(rng.u64(..20_000)),
        8 => Fate::SlowAt(rng.u64(..20_000), rng.u64(..20_000)),
        _ => Fate::Lives,
    };
    // Each costs 15 s of the 120 s in which a carrier must be had.
    let hangs_now = matches!(
        fate,
        Fate::Unreachable { told: false }
            | Fate::Unanswered { told: false }
            | Fate::SilentAfter(_)
            | Fate::SilentAt(_)
            | Fate::SlowAt(..)
    );
    *hangs += u32::from(hangs_now);
    if hangs_now && *hangs > 3 { Fate::Lives } else { fate }
}

fn random_plan(seed: u64) -> Plan {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let least = rng.u64(1..100);
    let mut local = habits(&mut rng);
    let mut upstream = habits(&mut rng);
    match rng.u8(..4) {
        0 => local.end = End::AfterPeer(rng.u64(..2000)),
        1 => upstream.end = End::AfterPeer(rng.u64(..2000)),
        _ => {}
    }
    let kinds = [
        Act::Rotate,
        Act::Evil(Evil::Forged),
        Act::Evil(Evil::Foreign),
        Act::Evil(Evil::Stale),
        Act::Evil(Evil::WrongReceived),
    ];
    let acts = (0..rng.u32(..12)).map(|_| (log_uniform(&mut rng, 4..16), *rng.choice(&kinds).unwrap())).collect();
    let mut hangs = 0;
    let mut acts: Vec<_> = acts;
    if rng.u8(..20) == 0 {
        acts.push((log_uniform(&mut rng, 4..16), Act::EndRelay(Code::Cpu)));
    }
    // There carriers are short-lived, with or without a budget.
    let freeze = (rng.u8(..20) == 0).then_some(16_000);
    if freeze.is_some() {
        upstream.total = upstream.total.min(100_000);
        upstream.breaks_at = None;
    }
    Plan {
        seed,
        window: 1 << rng.u32(16..=20),
        granted: 1 << rng.u32(16..=20),
        widened: 1 << rng.u32(16..=20),
        fixed: [None, Some(Fixed::Client), Some(Fixed::Relay)][rng.usize(..3)],
        budget: (rng.u8(..3) == 0).then(|| rng.u64(4 << 10..64 << 10)),
        packets: (rng.u8(..6) == 0).then(|| rng.u64(limits::FROZEN_PACKETS..30)),
        freeze_packets: None,
        sessions: true,
        freeze,
        latency: (least, least + rng.u64(1..300)),
        jitter: rng.u64(..50),
        line: Line::new(
            (rng.u8(..8) == 0).then(|| rng.u64(8 << 10..1 << 20)),
            (rng.u8(..8) == 0).then(|| rng.u64(10..100)),
        ),
        late_news: rng.bool(),
        timing: Timing::DEFAULT,
        local,
        upstream,
        fate: Box::new(move |index, rng| fate(index, &mut hangs, rng)),
        acts,
    }
}

/// What must hold at the end of any run.
fn check_end(world: &World) {
    assert!(world.client_done, "the client does not end");
    assert!(world.slots.iter().all(|slot| slot.done), "a relay does not end");
    assert!(world.sessions.is_empty() && world.pool.tunnels() == 0);
    let dials = world.numbered.len() as u32;
    let timers = world.client_timers();
    let allowed = 30 + 12 * dials + 2 * u32::try_from(world.now / 3000).unwrap();
    assert!(timers <= allowed, "the client's timer fired {timers} times, for {dials} carriers in {} ms", world.now);
    assert!(world.pings <= 10 + 2 * dials + u32::try_from(world.now / 3000).unwrap(), "{} pings", world.pings);
    for slot in &world.slots {
        assert!(slot.wake.fired < 30, "the relay's timer fired {} times", slot.wake.fired);
    }
}

fn check_complete(world: &World) {
    assert_eq!(world.aborted, None);
    let upstream = &world.slots[world.connected.expect("never connected")].tcp;
    let (local, upstream_plan) = (&world.local, &upstream.habits);
    assert_eq!((local.taken, local.finished), (upstream_plan.total, true), "the download");
    assert_eq!((upstream.taken, upstream.finished), (local.habits.total, true), "the upload");
}

#[test]
fn every_byte_arrives_once_and_in_order_whatever_the_carriers_do() {
    let (mut completed, mut failed) = (0u32, Vec::new());
    for seed in seeds() {
        match std::panic::catch_unwind(|| one_run(seed)) {
            Ok(complete) => completed += u32::from(complete),
            Err(_) => failed.push(seed),
        }
        if failed.len() == 10 {
            break;
        }
    }
    assert!(
        failed.is_empty(),
        "PASARELA_SEEDS={}..{} fails, and of {:?} all of {failed:?}",
        failed[0],
        failed[0] + 1,
        seeds()
    );
    assert!(completed > 0 || seeds().count() < 100);
}

/// Whether the stream completed: it need not if TCP broke.
fn one_run(seed: u64) -> bool {
    let mut world = World::new(random_plan(seed));
    world.run(u64::MAX);
    check_end(&world);
    let ended = world.links.iter().any(|link| link.relay_closed == Some(Code::Cpu));
    // Where messages are larger than what a carrier bears, none of them arrives.
    let ended = ended || (world.plan.freeze.is_some() && world.aborted == Some(Code::Gone));
    let broken = ended
        || world.aborted == Some(Code::Cpu)
        || world.local.broken
        || world.slots.iter().any(|slot| slot.tcp.broken);
    if broken {
        check_broken(&world);
    } else {
        check_complete(&world);
    }
    !broken
}

/// A TCP connection broke: the other one is told, with the code, or that it is gone.
fn check_broken(world: &World) {
    let Some(connected) = world.connected else { return };
    if world.slots[connected].tcp.broken && !world.local.broken {
        assert!(matches!(world.aborted, Some(Code::UpstreamReset | Code::Gone)), "{:?}", world.aborted);
    }
}

fn quiet_plan() -> Plan {
    Plan {
        seed: 7,
        window: 1 << 20,
        granted: 1 << 20,
        widened: 1 << 20,
        fixed: None,
        budget: None,
        packets: None,
        freeze_packets: None,
        sessions: true,
        freeze: None,
        latency: (50, 50),
        jitter: 0,
        line: Line::default(),
        late_news: false,
        timing: Timing::DEFAULT,
        local: Habits::quick(100, End::After(0)),
        upstream: Habits::quick(100, End::After(0)),
        fate: Box::new(|_, _| Fate::Lives),
        acts: Vec::new(),
    }
}
