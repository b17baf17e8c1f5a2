//! Races in virtual time: who is tried when, and what is told at the end.

use std::{future::pending, sync::Mutex};

use super::*;

const PACE: Pace = Pace { in_flight: 3, ..Pace::DEFAULT };

const BY_TURNS: Order = Order::ByTurns { first: Family::V6 };

fn addresses(target: usize, list: &[&str]) -> Vec<Candidate> {
    list.iter()
        .map(|text| {
            let ip: std::net::IpAddr = text.parse().expect("an address");
            Candidate { target, address: (ip, 443).into() }
        })
        .collect()
}

/// Targets that are resolved after so many milliseconds.
async fn after(millis: u64, result: Result<Vec<Candidate>, Trouble>) -> Found {
    time::sleep(Duration::from_millis(millis)).await;
    Found { step: None, result }
}

/// What a candidate does: after so many milliseconds it is through, or fails so.
type Deed = (u64, Result<(), Trouble>);

/// Who was tried, and when, in milliseconds.
type Log = Vec<(String, u128)>;

/// Runs a race in which each address does what `deed` says. One that is silent fails at the deadline.
async fn run(
    order: Order,
    first: Vec<Candidate>,
    targets: Vec<(u64, Result<Vec<Candidate>, Trouble>)>,
    deed: impl Fn(&str) -> Option<Deed>,
) -> (Result<(String, bool), Trouble>, Log) {
    run_with((order, first), targets, Vec::new(), deed).await
}

/// The same with targets that are asked later.
async fn run_with(
    (order, first): (Order, Vec<Candidate>),
    targets: Vec<(u64, Result<Vec<Candidate>, Trouble>)>,
    later: Vec<(u64, Result<Vec<Candidate>, Trouble>)>,
    deed: impl Fn(&str) -> Option<Deed>,
) -> (Result<(String, bool), Trouble>, Log) {
    let begun = Instant::now();
    let deadline = begun + PACE.whole;
    let log = Mutex::new(Log::new());
    let race = Race {
        pace: PACE,
        deadline,
        first,
        later: later.into_iter().map(|(millis, result)| after(millis, result)).collect(),
        targets: targets.into_iter().map(|(millis, result)| after(millis, result)).collect(),
        order,
        attempt: |candidate: Candidate| {
            let name = candidate.address.ip().to_string();
            log.lock().expect("no panic").push((name.clone(), begun.elapsed().as_millis()));
            let deed = deed(&name);
            async move {
                match deed {
                    Some((millis, result)) => {
                        time::sleep(Duration::from_millis(millis)).await;
                        result.map(|()| name).map_err(Failed::from)
                    }
                    None => match time::timeout_at(deadline, pending::<()>()).await {
                        Ok(()) | Err(_) => Err(Trouble::ConnectTimeout.into()),
                    },
                }
            }
        },
    };
    let outcome = race.run().await.map(|won| (won.value, won.overtook)).map_err(|failed| failed.trouble);
    (outcome, log.into_inner().expect("no panic"))
}

fn tried(log: &Log) -> Vec<(&str, u128)> {
    log.iter().map(|(name, at)| (name.as_str(), *at)).collect()
}

const SILENT: fn(&str) -> Option<Deed> = |_| None;

#[tokio::test(start_paused = true)]
async fn families_take_turns_a_stagger_apart_and_so_many_at_once() {
    let all = addresses(0, &["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"]);
    let (outcome, log) = run(BY_TURNS, Vec::new(), vec![(0, Ok(all))], SILENT).await;
    assert_eq!(outcome, Err(Trouble::ConnectTimeout));
    assert_eq!(tried(&log)[..3], [("2001:db8::1", 0), ("192.0.2.1", 250), ("2001:db8::2", 500)]);
    assert!(log.iter().skip(3).all(|(_, at)| *at >= PACE.patience.as_millis()), "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_lets_the_next_begin_at_once() {
    let all = addresses(0, &["192.0.2.1", "2001:db8::1", "192.0.2.2"]);
    let deed = |name: &str| match name {
        "2001:db8::1" => Some((40, Err(Trouble::Unreachable))),
        "192.0.2.1" => Some((60, Err(Trouble::TlsReset))),
        _ => Some((10, Ok(()))),
    };
    let (outcome, log) = run(BY_TURNS, Vec::new(), vec![(0, Ok(all))], deed).await;
    assert_eq!(outcome, Ok(("192.0.2.2".to_owned(), true)));
    assert_eq!(tried(&log), [("2001:db8::1", 0), ("192.0.2.1", 40), ("192.0.2.2", 100)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handshake_is_overtaken_but_wins_if_it_is_done_first() {
    let all = || vec![(0, Ok(addresses(0, &["192.0.2.1", "2001:db8::1"])))];
    let (outcome, _) =
        run(BY_TURNS, Vec::new(), all(), |name| Some(if name == "192.0.2.1" { (100, Ok(())) } else { (1000, Ok(())) }))
            .await;
    assert_eq!(outcome, Ok(("192.0.2.1".to_owned(), true)));
    let (outcome, _) = run(BY_TURNS, Vec::new(), all(), |_| Some((300, Ok(())))).await;
    assert_eq!(outcome, Ok(("2001:db8::1".to_owned(), false)));
}

#[tokio::test(start_paused = true)]
async fn the_one_that_is_known_goes_first_and_names_are_asked_for_only_if_it_is_slow() {
    let known = || addresses(0, &["192.0.2.1"]);
    let all = || vec![(30, Ok(addresses(0, &["192.0.2.1", "2001:db8::1"])))];
    let (outcome, log) = run(BY_TURNS, known(), all(), |_| Some((200, Ok(())))).await;
    assert_eq!((outcome, log.len()), (Ok(("192.0.2.1".to_owned(), false)), 1));
    let deed = |name: &str| (name != "192.0.2.1").then_some((10, Ok(())));
    let (outcome, log) = run(BY_TURNS, known(), all(), deed).await;
    assert_eq!(outcome, Ok(("2001:db8::1".to_owned(), true)));
    assert_eq!(tried(&log), [("192.0.2.1", 0), ("2001:db8::1", 280)]);
}

#[tokio::test(start_paused = true)]
async fn targets_take_turns_too_and_a_slow_name_holds_up_nobody() {
    let slow = (400, Ok(addresses(1, &["198.51.100.1"])));
    let quick = (0, Ok(addresses(0, &["192.0.2.1", "192.0.2.2", "192.0.2.3"])));
    let late = (0, Ok(addresses(2, &["203.0.113.1"])));
    let deed = |_: &str| Some((240, Err(Trouble::Refused)));
    let (outcome, log) = run(BY_TURNS, Vec::new(), vec![quick, slow, late], deed).await;
    assert_eq!(outcome, Err(Trouble::Refused));
    let order: Vec<_> = tried(&log).into_iter().map(|(name, _)| name).collect();
    assert_eq!(order, ["192.0.2.1", "203.0.113.1", "198.51.100.1", "192.0.2.2", "192.0.2.3"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_is_tried_in_that_order() {
    let listed = addresses(0, &["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    let (_, log) = run(Order::Listed, listed, Vec::new(), SILENT).await;
    assert_eq!(tried(&log), [("192.0.2.1", 0), ("192.0.2.2", 250), ("2001:db8::1", 500)]);
}

#[tokio::test(start_paused = true)]
async fn the_latest_stage_is_told_and_of_those_the_first() {
    let all = addresses(0, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let deed = |name: &str| match name {
        "192.0.2.1" => Some((10, Err(Trouble::Refused))),
        "192.0.2.2" => Some((10, Err(Trouble::CertificateName))),
        _ => Some((10, Err(Trouble::TlsReset))),
    };
    let unknown = (0, Err(Trouble::NoAddress));
    let (outcome, _) = run(BY_TURNS, Vec::new(), vec![(0, Ok(all)), unknown], deed).await;
    assert_eq!(outcome, Err(Trouble::CertificateName));
    let nobody = vec![(0, Err(Trouble::NoResolver)), (5, Err(Trouble::NoAddress))];
    assert_eq!(run(BY_TURNS, Vec::new(), nobody, SILENT).await.0, Err(Trouble::NoResolver));
}

#[tokio::test(start_paused = true)]
async fn it_is_over_at_the_deadline() {
    let begun = Instant::now();
    let all = addresses(0, &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
    let (outcome, log) = run(BY_TURNS, Vec::new(), vec![(0, Ok(all))], SILENT).await;
    assert_eq!((outcome, begun.elapsed(), log.len()), (Err(Trouble::ConnectTimeout), PACE.whole, 4));
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_makes_way_and_may_win_all_the_same() {
    let all = addresses(0, &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"]);
    let (outcome, log) =
        run(Order::Listed, all, Vec::new(), |name| (name == "192.0.2.2").then_some((12_000, Ok(())))).await;
    assert_eq!(outcome.map(|(name, _)| name), Ok("192.0.2.2".to_owned()));
    let times: Vec<_> = tried(&log).into_iter().map(|(_, at)| at).collect();
    assert_eq!(times, [0, 250, 500, 3000, 3250]);
}

#[tokio::test(start_paused = true)]
async fn other_addresses_are_asked_for_when_those_that_are_known_are_slow_or_have_failed() {
    for (deed, at) in [(None, 3000), (Some((10, Err(Trouble::Refused))), 10)] {
        let known = || vec![(0, Ok(addresses(0, &["192.0.2.1"])))];
        let others = vec![(5, Ok(addresses(0, &["192.0.2.1", "192.0.2.2"])))];
        let deed = |name: &str| if name == "192.0.2.1" { deed } else { Some((1, Ok(()))) };
        let (outcome, log) = run_with((Order::Listed, Vec::new()), known(), others, deed).await;
        assert_eq!(outcome.map(|(name, _)| name), Ok("192.0.2.2".to_owned()));
        assert_eq!(tried(&log), [("192.0.2.1", 0), ("192.0.2.2", at + 5)]);
    }
}
