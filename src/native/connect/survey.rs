//! All ways to a relay, to be tried one by one by somebody who wants to know which are open here.
//!
//! When the next is tried is the caller's; what a dial chooses is the planner's (`ways`).

use std::{fmt, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::reach::{Reach, Task, network};
use crate::{
    trouble::Trouble,
    tunnel::Dialled,
    ways::{Detour, Endpoint, Greeting, Id, Way},
};

/// A way that may be tried, and which of the relay's addresses it leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    way: Way,
    /// Counted from 1, as they are known here.
    pub address: usize,
}

impl Candidate {
    /// How it differs from what the link says.
    #[must_use]
    pub fn detour(&self) -> Option<Detour> {
        Detour::of(&self.way, None)
    }
}

// It holds an address.
impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Reach {
    /// All that are worth a try: each endpoint as the link says, then each hello, at one address after the other.
    pub(super) async fn candidates(&self, limit: Duration) -> Result<Vec<Candidate>, Trouble> {
        let deadline = Instant::now() + limit;
        let mut endpoints = Vec::new();
        let mut worst = Trouble::NoAddress;
        for target in 0..self.targets.len() {
            match self.resolve(target, deadline).await.result {
                Ok(found) => endpoints.extend(found),
                Err(trouble) => worst = trouble,
            }
        }
        let (endpoints, mut greetings) = self.spread(network(), endpoints);
        let own: Vec<Endpoint> = endpoints.iter().filter(|endpoint| !endpoint.other_port).copied().collect();
        if own.is_empty() {
            return Err(worst);
        }
        greetings.extend(self.more_greetings().await);
        let number = |endpoint: &Endpoint| {
            let mut numbers = own.iter().zip(1..);
            numbers.find(|(own, _)| own.address.ip() == endpoint.address.ip()).map_or(0, |(_, number)| number)
        };
        let plain = endpoints.iter().map(|endpoint| Way { endpoint: *endpoint, greeting: Greeting::PLAIN });
        let others = greetings.iter().filter(|greeting| **greeting != Greeting::PLAIN).zip(own.iter().cycle());
        let others = others.map(|(greeting, endpoint)| Way { endpoint: *endpoint, greeting: *greeting });
        Ok(plain.chain(others).map(|way| Candidate { address: number(&way.endpoint), way }).collect())
    }

    /// Tries one, for so long.
    pub(super) async fn try_candidate(&self, candidate: &Candidate, limit: Duration) -> Result<Dialled, Trouble> {
        let Way { endpoint, greeting } = candidate.way;
        let (leave, greet) = oneshot::channel();
        // It may say its hello as soon as it is connected.
        let _ = leave.send(greeting);
        let (progress, _) = mpsc::unbounded_channel();
        let deadline = Instant::now() + limit;
        let through = self.attempt(Task { id: Id(0), endpoint, greet, progress, deadline }).await;
        through.map(|through| Dialled { stream: through.stream, host: through.host }).map_err(|failed| failed.trouble)
    }
}
