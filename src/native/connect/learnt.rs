//! What a connector remembers of its dials: who won, and whether IPv6 leads anywhere.
//!
//! It is kept in memory only, and holds for the network on which it was learned: that is told by the address that this
//! machine has towards the winner.

use std::{net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::race::{Candidate, Family, Order};
use crate::net::local_towards;

/// So long IPv4 comes first where IPv6 was slower or led nowhere.
const WITHOUT_V6: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Learnt {
    winner: Option<(Candidate, IpAddr)>,
    v6_failed: Option<Instant>,
}

impl Learnt {
    /// The one to try first.
    pub(super) fn first(&self) -> Option<Candidate> {
        let (candidate, local) = self.winner?;
        (local_towards(candidate.address) == Some(local)).then_some(candidate)
    }

    pub(super) fn order(&self) -> Order {
        let failed = self.v6_failed.is_some_and(|at| at.elapsed() < WITHOUT_V6);
        Order::ByTurns { first: if failed { Family::V4 } else { Family::V6 } }
    }

    pub(super) fn won(&mut self, candidate: Candidate, local: Option<IpAddr>, overtook: bool) {
        self.winner = local.map(|local| (candidate, local));
        match Family::of(&candidate.address) {
            Family::V6 => self.v6_failed = None,
            Family::V4 if overtook => self.v6_failed = Some(Instant::now()),
            Family::V4 => {}
        }
    }

    pub(super) fn lost(&mut self) {
        self.winner = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str) -> Candidate {
        Candidate { target: 0, address: text.parse().expect("an address") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_winner_is_tried_first_while_the_network_is_the_same() {
        let mut learnt = Learnt::default();
        assert_eq!(learnt.first(), None);
        let winner = candidate("127.0.0.1:443");
        learnt.won(winner, local_towards(winner.address), false);
        assert_eq!(learnt.first(), Some(winner));
        // Learned elsewhere: this machine had another address there.
        learnt.won(winner, Some("192.0.2.1".parse().expect("an address")), false);
        assert_eq!(learnt.first(), None);
        learnt.won(winner, local_towards(winner.address), false);
        learnt.lost();
        assert_eq!(learnt.first(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_family_that_was_overtaken_is_second_for_a_while() {
        let mut learnt = Learnt::default();
        let order = |first| Order::ByTurns { first };
        assert_eq!(learnt.order(), order(Family::V6));
        learnt.won(candidate("127.0.0.1:443"), None, false);
        assert_eq!(learnt.order(), order(Family::V6));
        learnt.won(candidate("127.0.0.1:443"), None, true);
        assert_eq!(learnt.order(), order(Family::V4));
        tokio::time::advance(WITHOUT_V6).await;
        assert_eq!(learnt.order(), order(Family::V6));
        learnt.won(candidate("127.0.0.1:443"), None, true);
        learnt.won(candidate("[::1]:443"), None, true);
        assert_eq!(learnt.order(), order(Family::V6));
    }
}
