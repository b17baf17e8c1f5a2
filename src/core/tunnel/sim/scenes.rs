//! Single scenes of the simulation, each about one rule.

use super::*;

/// The longest time in which the client's TCP took nothing, between its first and its last bytes.
fn longest_pause(world: &World) -> u64 {
    world.progress.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or(0)
}

/// When something was first noted.
fn when(world: &World, what: &str) -> u64 {
    let found = world.log.iter().find(|(_, text)| text.contains(what));
    found.unwrap_or_else(|| panic!("{what} is not in {:#?}", world.log)).0
}

/// A download of this size, of a client that ends when it has it.
fn download(bytes: u64) -> Plan {
    Plan { local: Habits::quick(100, End::AfterPeer(0)), upstream: Habits::quick(bytes, End::After(0)), ..quiet_plan() }
}

fn upload(bytes: u64) -> Plan {
    Plan {
        local: Habits { most: 10_000, slow: 20, ..Habits::quick(bytes, End::After(0)) },
        upstream: Habits::quick(100, End::AfterPeer(0)),
        ..quiet_plan()
    }
}

fn fates(fates: &'static [Fate], then: Fate) -> plan::Fates {
    Box::new(move |index, _| *fates.get(index).unwrap_or(&then))
}

/// Runs it to its end.
fn run(plan: Plan) -> World {
    let mut world = World::new(plan);
    world.run(u64::MAX);
    check_end(&world);
    world
}

const REFUSED: Fate = Fate::Unreachable { told: true };

#[test]
fn without_trouble_one_carrier_does() {
    let world = run(quiet_plan());
    check_complete(&world);
    assert_eq!(world.numbered.len(), 1);
}

#[test]
fn where_carriers_freeze_a_download_goes_on_with_pauses_of_two_round_trips_at_most() {
    let world = run(Plan { budget: Some(12 << 10), freeze: Some(16_000), ..download(1 << 20) });
    check_complete(&world);
    for link in &world.links {
        assert!(link.down.wire <= 16_000, "{} bytes: it froze", link.down.wire);
    }
    assert!(longest_pause(&world) <= 2 * 100, "{} ms", longest_pause(&world));
    // Each carried what it could: there are no more upgrades than needed.
    let used = world.links.iter().filter(|link| link.relay.is_some()).count();
    assert!(used <= (1 << 20) / (12 << 10) + 2, "{used} carriers");
}

#[test]
fn where_carriers_freeze_and_nobody_knows_the_client_finds_out() {
    let world = run(Plan { freeze: Some(16_000), ..download(1 << 20) });
    check_complete(&world);
    let froze = world.links.iter().filter(|link| link.down.wire > 16_000).count();
    assert!(froze <= 3, "{froze} of {} carriers froze", world.links.len());
}

/// What is left of 25 packets behind the handshakes.
const LEFT: Option<u64> = Some(14);

#[test]
fn where_packets_are_counted_files_and_chats_go_on_without_a_freeze() {
    let chat = |total| {
        let mut habits = Habits::quick(total, End::After(0));
        (habits.most, habits.stall) = (300, Some((2, 150)));
        habits
    };
    let file = download(200_000);
    let talk = Plan { local: chat(12_000), upstream: chat(12_000), ..quiet_plan() };
    for plan in [file, talk] {
        let world = run(Plan { packets: Some(limits::FROZEN_PACKETS), freeze_packets: LEFT, ..plan });
        check_complete(&world);
        let most = world.links.iter().map(|link| link.packets).max().unwrap();
        assert!(Some(most) <= LEFT, "{most} packets: it froze");
        assert!(longest_pause(&world) <= 5 * 100, "{} ms", longest_pause(&world));
    }
}

#[test]
fn where_there_is_no_other_carrier_packets_are_not_counted() {
    let packets = Some(limits::FROZEN_PACKETS);
    let world = run(Plan { sessions: false, packets, budget: Some(12 << 10), ..download(200_000) });
    check_complete(&world);
}

#[test]
fn a_stream_of_hours_tries_now_and_then_whether_packets_must_be_counted() {
    let mut upstream = Habits::quick(6000, End::After(0));
    (upstream.most, upstream.stall) = (20, Some((1, 20_000)));
    let world = run(Plan { packets: Some(limits::FROZEN_PACKETS), upstream, ..download(0) });
    check_complete(&world);
    let last = world.progress.last().unwrap().0;
    assert!(last > 50 * 60_000, "{last} ms");
    // It must not: so there is one carrier from then on, and one dialled ahead that is let go.
    let free = world.links.iter().filter(|link| link.relay.is_some() && link.budget.is_none()).count();
    assert_eq!(free, 1, "of {} carriers", world.links.len());
}

#[test]
fn a_network_that_counts_packets_is_found_out_by_two_carriers_that_fall_silent() {
    let world = run(Plan { freeze_packets: LEFT, ..download(200_000) });
    check_complete(&world);
    let froze = world.links.iter().filter(|link| Some(link.packets) > LEFT).count();
    assert!(froze <= 3, "{froze} of {} carriers froze", world.links.len());
    let last = world.progress.last().unwrap().0;
    assert!(last < 40_000, "{last} ms");
}

#[test]
fn a_slow_stream_dials_the_next_carrier_once() {
    // 5 s between small messages: the budget lasts for minutes.
    let mut upstream = Habits::quick(20 << 10, End::After(0));
    (upstream.most, upstream.stall) = (1000, Some((1, 5000)));
    let world = run(Plan { budget: Some(12 << 10), upstream, ..download(0) });
    check_complete(&world);
    // Three are used, and one is there in case.
    assert!(world.numbered.len() <= 4, "{} carriers", world.numbered.len());
}

#[test]
fn rotation_under_load_costs_no_byte_and_pauses_two_round_trips_at_most() {
    let mut rotations = 0;
    for seed in 0..200 {
        let acts = (1..20).map(|n| (n * 900, Act::Rotate)).collect();
        let world =
            run(Plan { seed, acts, latency: (10, 200), granted: 1 << 16, widened: 1 << 16, ..download(3 << 20) });
        check_complete(&world);
        // The ack may go up one carrier and the answer come down another.
        let slowest = |way: fn(&link::Link) -> u64| world.links.iter().map(way).max().unwrap();
        let slowest = slowest(|link| link.up.latency()) + slowest(|link| link.down.latency());
        assert!(longest_pause(&world) <= 2 * slowest, "seed {seed}: {} of {slowest}", longest_pause(&world));
        let closed = world.links.iter().filter(|link| link.relay_closed == Some(Code::Superseded)).count();
        assert_eq!(closed, world.slots[0].superseded as usize, "seed {seed}");
        rotations += closed;
    }
    assert!(rotations > 1000, "{rotations}");
}

/// A chat that begins with a history of some megabytes, over a way of 600 ms.
#[test]
fn a_small_window_grows_with_what_the_line_carries_and_is_not_waited_for() {
    let (much, little) = (Habits::quick(8 << 20, End::After(0)), Habits::quick(100, End::AfterPeer(0)));
    for (local, upstream) in [(&little, &much), (&much, &little)] {
        let [stays, grown] = [limits::WINDOW_MIN, limits::WINDOW_MAX].map(|widened| {
            let (local, upstream) = (local.clone(), upstream.clone());
            let way = Plan { latency: (300, 300), window: limits::WINDOW_MIN, widened, ..quiet_plan() };
            let world = run(Plan { local, upstream, ..way });
            check_complete(&world);
            world.now
        });
        // Both with what follows the end.
        assert!(grown + 60_000 < stays, "{grown} and {stays} ms");
    }
}

/// The relay's window grows with an upload, and nobody tells a client that does not listen.
#[test]
fn a_release_that_knows_no_growing_windows_waits_for_nothing() {
    for fixed in [Fixed::Client, Fixed::Relay] {
        let (much, little) = (Habits::quick(8 << 20, End::After(0)), Habits::quick(100, End::AfterPeer(0)));
        for (local, upstream) in [(&little, &much), (&much, &little)] {
            // The relay has little room at first, and a client that asks for much.
            let way = Plan { fixed: Some(fixed), latency: (100, 100), granted: limits::WINDOW_MIN, ..quiet_plan() };
            let world = run(Plan { local: local.clone(), upstream: upstream.clone(), ..way });
            check_complete(&world);
        }
    }
}

#[test]
fn a_rotation_takes_a_carrier_that_was_begun_behind_it() {
    let upstream = Habits { stall: Some((1, 3000)), most: 100, ..Habits::quick(1000, End::After(0)) };
    let world = run(Plan { budget: Some(1 << 20), acts: std::vec![(5000, Act::Rotate)], upstream, ..download(0) });
    check_complete(&world);
    let used: Vec<_> = world.links.iter().map(|link| link.relay.is_some()).collect();
    assert_eq!(used, [true, false, true, false]);
    assert_eq!(when(&world, "dial Carrier(2)"), 5000);
}

#[test]
fn a_rotation_that_fails_leaves_the_stream_where_it_is_and_waits_before_the_next_attempt() {
    for fate in [REFUSED, Fate::Unanswered { told: true }, Fate::Unanswered { told: false }] {
        let mut plan = download(40 << 20);
        (plan.acts, plan.window) = (std::vec![(1000, Act::Rotate)], 1 << 16);
        plan.fate = Box::new(move |index, _| if index == 0 { Fate::Lives } else { fate });
        let world = run(plan);
        check_complete(&world);
        assert!(longest_pause(&world) <= 100, "{} ms", longest_pause(&world));
        let most = 10 + world.progress.last().unwrap().0 / 1000;
        assert!((world.numbered.len() as u64) < most, "{} carriers", world.numbered.len());
    }
}

#[test]
fn a_silent_carrier_is_found_dead_in_7_s_while_bytes_are_on_their_way_and_the_stream_goes_on() {
    for (plan, silent_at) in [(download(40 << 20), 2000), (upload(4 << 20), 2000)] {
        let world = run(Plan { fate: fates(&[Fate::SilentAt(2000)], Fate::Lives), window: 1 << 16, ..plan });
        check_complete(&world);
        let found = when(&world, "client closes Carrier(0)");
        assert!((silent_at + 2900..silent_at + 7400).contains(&found), "at {found}");
        assert!(when(&world, "resumed") < found + 1000);
    }
}

#[test]
fn an_end_that_is_not_acknowledged_is_asked_about_like_bytes() {
    let local = Habits::quick(100, End::After(5000));
    let upstream = Habits::quick(100, End::AfterPeer(0));
    let world = run(Plan { local, upstream, fate: fates(&[Fate::SilentAt(4500)], Fate::Lives), ..quiet_plan() });
    check_complete(&world);
    assert!((7000..12_500).contains(&when(&world, "client closes Carrier(0)")));
}

#[test]
fn an_older_carrier_that_delivers_later_does_no_harm() {
    for (seed, plan) in (0..50).flat_map(|seed| [(seed, download(8 << 20)), (seed, upload(2 << 20))]) {
        let slow = &[Fate::SlowAt(1500, 9000), Fate::SlowAt(9000, 9000)];
        let world = run(Plan { seed, fate: fates(slow, Fate::Lives), window: 1 << 16, ..plan });
        check_complete(&world);
        assert!(world.numbered.len() >= 2);
    }
}

#[test]
fn few_bytes_that_are_not_acknowledged_are_asked_about_once_and_idle_streams_end() {
    let (local, upstream) = (Habits::quick(100, End::Never), Habits::quick(100, End::Never));
    let world = run(Plan { local, upstream, ..quiet_plan() });
    assert_eq!(world.aborted, Some(Code::Idle));
    assert!((200_000..201_000).contains(&when(&world, "aborts")));
    // One in doubt, then every 24 to 36 s.
    assert!((6..=10).contains(&world.pings), "{} pings", world.pings);
    assert!(world.client_timers() <= 12, "{} timers", world.client_timers());
}

#[test]
fn a_stream_without_a_carrier_is_let_go_after_120_s_and_a_later_resume_is_told_gone() {
    const HANGS: Fate = Fate::Unanswered { told: false };
    let mut plan = download(8 << 20);
    plan.timing.give_up = core::time::Duration::from_secs(600);
    plan.fate =
        fates(&[Fate::DiesAfter(10), HANGS, HANGS, HANGS, HANGS, HANGS, HANGS, HANGS, HANGS, HANGS], Fate::Lives);
    let world = run(plan);
    assert_eq!(world.aborted, Some(Code::Gone));
    let (detached, let_go) = (when(&world, "relay 0 learns"), when(&world, "relay 0 is done"));
    assert_eq!(let_go - detached, 120_000);
    assert!(when(&world, r#"{"reset":{"code":"gone"}}"#) > let_go);
}

#[test]
fn the_client_gives_up_after_its_time_and_has_not_tried_without_pause() {
    for fate in [REFUSED, Fate::Unanswered { told: true }, Fate::Unreachable { told: false }] {
        for first in [Fate::DiesAfter(20), fate] {
            let fate = Box::new(move |index, _: &mut fastrand::Rng| if index == 0 { first } else { fate });
            let world = run(Plan { fate, ..download(8 << 20) });
            assert_eq!(world.aborted, Some(Code::Gone));
            assert!((120_000..123_000).contains(&when(&world, "aborts")));
            assert!(world.numbered.len() < 60, "{} carriers", world.numbered.len());
        }
    }
}

#[test]
fn without_a_session_a_lost_carrier_is_the_end() {
    let world = run(Plan { sessions: false, ..download(1 << 20) });
    check_complete(&world);
    let fate = fates(&[Fate::DiesAfter(30)], Fate::Lives);
    let world = run(Plan { sessions: false, fate, window: 1 << 16, ..download(1 << 20) });
    assert_eq!((world.aborted, world.numbered.len()), (Some(Code::UpstreamReset), 1));
}

#[test]
fn a_client_that_leaves_before_its_upgrade_is_answered_tells_the_relay() {
    // It is asked after 200 ms and has answered after 300.
    let local = Habits { breaks_at: Some(0), stall: Some((1, 250)), ..Habits::quick(100, End::After(0)) };
    let world = run(Plan { local: local.clone(), ..download(1 << 20) });
    assert!(when(&world, "relay 0 is done") < 1000, "{:#?}", world.log);
    // It waits for an answer no longer than for any other.
    let fate = fates(&[Fate::Unanswered { told: false }], Fate::Lives);
    let world = run(Plan { local, fate, ..download(1 << 20) });
    assert!(world.now <= 20_000 && world.numbered.len() == 1, "{:#?}", world.log);
}

#[test]
fn each_side_learns_why_the_other_failed() {
    for code in [Code::Cpu, Code::Draining] {
        let world = run(Plan { acts: std::vec![(2000, Act::EndRelay(code))], ..download(40 << 20) });
        assert_eq!(world.aborted, Some(code));
    }
    let world = run(Plan { acts: std::vec![(2000, Act::EndClient(Code::Busy))], ..download(40 << 20) });
    assert_eq!(world.aborted, Some(Code::Busy));
    for first in [Fate::Lives, Fate::SilentAt(1000)] {
        let mut plan = download(40 << 20);
        plan.local = Habits { breaks_at: Some(50), ..Habits::quick(100, End::After(0)) };
        plan.fate = Box::new(move |index, _| if index == 0 { first } else { Fate::Lives });
        let world = run(plan);
        let told = when(&world, r#"{"reset":{"code":"upstream-reset"}}"#);
        assert!(when(&world, "relay 0 is done") <= told + 1 && told < 10_000, "told at {told}");
    }
}

#[test]
fn a_slow_and_long_line_carries_two_minutes_of_upload_and_of_download_on_one_carrier() {
    for (rate, round_trip, loses) in [
        (2 << 10, 400, None),
        (2 << 10, 2000, Some(20)),
        (8 << 10, 6000, None),
        (8 << 10, 600, Some(20)),
        (32 << 10, 400, Some(20)),
        (32 << 10, 6000, Some(20)),
    ] {
        for plan in [upload, download] {
            for seed in 0..20 {
                let latency = (round_trip / 2, round_trip / 2);
                let line = Line::new(Some(rate), loses);
                let world = run(Plan { seed, latency, line, ..plan(120 * rate) });
                check_complete(&world);
                assert!(world.numbered.len() <= 2, "{rate} bytes/s: {} carriers", world.numbered.len());
                let most = 180_000 + 10 * round_trip;
                let took = when(&world, "client is done");
                assert!(took < most, "{rate} bytes/s: {took} ms");
            }
        }
    }
}
