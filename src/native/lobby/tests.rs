//! The lobby in virtual time: who stays and who goes, whatever strangers do.

use futures_util::FutureExt as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;

/// What all may have said together, in bytes.
const BYTES: usize = 1000;

fn address(n: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + n).to_be_bytes())
}

impl Guest {
    fn is_away(&self) -> bool {
        self.lobby.state().guests.contains_key(&self.id).eq(&false) && self.away.notified().now_or_never().is_some()
    }
}

fn here(guests: &[Guest]) -> usize {
    guests.iter().filter(|guest| guest.lobby.state().guests.contains_key(&guest.id)).count()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn one_address_keeps_64_and_the_newest_of_them() {
    let lobby = Lobby::new(1000, BYTES);
    let mut guests = Vec::new();
    for _ in 0..200 {
        guests.push(lobby.enter(address(1)));
        pass(2).await;
    }
    assert_eq!((here(&guests), here(&guests[136..])), (64, 64));
    assert!(guests[0].is_away() && !guests[199].is_away());
}

#[tokio::test(start_paused = true)]
async fn many_at_once_have_a_moment_to_say_something() {
    let lobby = Lobby::new(1000, BYTES);
    let guests: Vec<_> = (0..200).map(|_| lobby.enter(address(1))).collect();
    assert_eq!(here(&guests), 200);
    pass(1).await;
    guests[..80].iter().for_each(Guest::heard);
    // Who came too many looks after it himself; nobody else need come.
    assert!(guests[199].sent_away().now_or_never().is_none());
    pass(1).await;
    let last = guests[199].sent_away();
    tokio::pin!(last);
    assert!(futures_util::poll!(&mut last).is_pending());
    pass(1).await;
    let _ = futures_util::poll!(&mut last);
    assert_eq!((here(&guests), here(&guests[..80])), (64, 64));
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_showed_a_key_keeps_his_spares_through_a_flood() {
    let lobby = Lobby::new(500, BYTES);
    lobby.knows(address(1), "ana");
    let spares: Vec<_> = (0..100).map(|_| lobby.enter(address(1))).collect();
    let flood: Vec<_> = (0..5_000).map(|n| lobby.enter(address(2 + n % 1000))).collect();
    assert_eq!((here(&spares), here(&flood)), (100, 400));
    // An hour later he is a stranger, and what he left lying about goes.
    pass(3601).await;
    lobby.forget();
    let later: Vec<_> = (0..100).map(|_| lobby.enter(address(1))).collect();
    pass(2).await;
    let newest = lobby.enter(address(1));
    assert_eq!((here(&later), here(&[newest])), (63, 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_makes_known_who_is_there_already() {
    let lobby = Lobby::new(10, BYTES);
    let spare = lobby.enter(address(1));
    lobby.knows(address(1), "ana");
    let _flood: Vec<_> = (0..100).map(|n| lobby.enter(address(2 + n))).collect();
    assert!(!spare.is_away());
    drop(spare);
    assert_eq!(lobby.state().halls[1].order.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_known_keep_out_nobody() {
    let lobby = Lobby::new(100, BYTES);
    lobby.knows(address(1), "ana");
    lobby.knows(address(2), "bo");
    let spares: Vec<_> = (0..2).map(|_| lobby.enter(address(2))).collect();
    let mut flood: Vec<_> = (0..98).map(|_| lobby.enter(address(1))).collect();
    let newcomer = lobby.enter(address(3));
    flood.extend((0..500).map(|_| lobby.enter(address(1))));
    assert!(!newcomer.is_away());
    // It is their own who go, the longest silent first.
    assert_eq!((here(&spares), here(&flood), here(&flood[flood.len() - 97..])), (2, 97, 97));
    // Strangers have the other half when they come, and no more than that.
    let strangers: Vec<_> = (0..500).map(|n| lobby.enter(address(4 + n))).collect();
    assert_eq!((here(&spares), here(&flood), here(&strangers)), (2, 48, 50));
    // Where all of the known have one, whoever was silent for longest goes.
    let lobby = Lobby::new(10, BYTES);
    (0..20).for_each(|n| lobby.knows(address(n), "ana"));
    let known: Vec<_> = (0..10).map(|n| lobby.enter(address(n))).collect();
    known[0].heard();
    let newcomers: Vec<_> = (10..14).map(|n| lobby.enter(address(n))).collect();
    assert_eq!((here(&known), here(&known[..5]), here(&newcomers)), (6, 1, 4));
}

#[tokio::test(start_paused = true)]
async fn who_said_most_goes_when_what_all_said_is_too_much() {
    let lobby = Lobby::new(10, BYTES);
    let [most, some, little] = [1, 2, 3].map(|n| lobby.enter(address(n)));
    most.says(500);
    some.says(400);
    assert!(!most.is_away());
    little.says(101);
    assert!(most.is_away() && !some.is_away() && !little.is_away());
    // What is said in whole is kept no longer, but for what came with the last of it.
    some.says(50);
    some.said_all();
    little.says(800);
    assert!(!some.is_away() && !little.is_away());
    some.says(50);
    assert!(little.is_away() && !some.is_away());
    drop((most, some, little));
    let state = lobby.state();
    assert_eq!((state.said, state.talkers.len()), (0, 0));
}

/// Strangers open what they can, silently or with a byte now and then. Who comes and speaks is in for as long as it takes.
#[tokio::test(start_paused = true)]
async fn whoever_speaks_is_not_sent_away_by_those_who_do_not() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let lobby = Lobby::new(256, BYTES);
        let mut strangers: Vec<Guest> = Vec::new();
        for _ in 0..2_000 {
            strangers.push(lobby.enter(address(random.random_range(2..1000))));
            if random.random_ratio(1, 3) {
                strangers[random.random_range(0..strangers.len())].heard();
            }
        }
        let newcomer = lobby.enter(address(1));
        for _ in 0..200 {
            strangers.push(lobby.enter(address(random.random_range(2..1000))));
            if random.random_ratio(1, 50) {
                newcomer.heard();
            }
        }
        assert!(!newcomer.is_away(), "seed {seed}");
        strangers.clear();
        drop(newcomer);
        let state = lobby.state();
        let halls = state.halls.iter().map(|hall| hall.order.len() + usize::from(hall.customers.largest().is_some()));
        assert_eq!(state.guests.len() + state.talkers.len() + state.said + halls.sum::<usize>(), 0, "seed {seed}");
    }
}
