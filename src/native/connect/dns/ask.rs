//! All providers together: raced, each name asked once at a time, answers kept while they hold.
//!
//! What a question is, `doh` and `message` know.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::{Instant, timeout_at};

use super::{
    super::{
        exit::{Exits, UnusableExit},
        race::{Candidate, Pace, Race},
    },
    cache::Cache,
    doh::{Answer, Doh, NoAnswer},
};
use crate::trouble::Trouble;

/// How providers are raced. They are near everybody; so one that is silent is soon known to be.
const PACE: Pace = Pace {
    stagger: Duration::from_millis(300),
    in_flight: 4,
    patience: Duration::from_secs(2),
    stage: Duration::from_secs(12),
    whole: Duration::from_secs(12),
};

type Asking = Shared<BoxFuture<'static, Result<Answer, Trouble>>>;

/// Those who may be asked.
pub(super) struct Providers {
    list: Arc<Vec<Doh>>,
    cache: Arc<Mutex<Cache>>,
    asking: Mutex<BTreeMap<String, Asking>>,
}

impl Providers {
    pub(super) fn new(list: Vec<Doh>) -> Self {
        Self { list: Arc::new(list), cache: Arc::default(), asking: Mutex::default() }
    }

    /// Reaches them through these ways out. To be called before anybody is asked.
    pub(super) fn through(&mut self, exits: &Exits) -> Result<(), UnusableExit> {
        for doh in Arc::get_mut(&mut self.list).into_iter().flatten() {
            doh.exit = exits.towards(true, &doh.provider.authority)?;
        }
        Ok(())
    }

    /// What is known already.
    pub(super) fn known(&self, name: &str) -> Option<Answer> {
        lock(&self.cache).get(name)
    }

    pub(super) fn forget(&self) {
        lock(&self.cache).clear();
    }

    /// What the first of them says.
    pub(super) async fn answer(&self, name: &str) -> Result<Answer, Trouble> {
        if let Some(answer) = self.known(name) {
            return Ok(answer);
        }
        let asking = {
            let mut asking = lock(&self.asking);
            // Those that are done, or were dropped by all who waited, have nobody left to share with.
            asking.retain(|_, asking| asking.peek().is_none() && asking.strong_count().is_some_and(|count| count > 1));
            let begin = || ask(Arc::clone(&self.list), Arc::clone(&self.cache), name.to_owned()).boxed().shared();
            asking.entry(name.to_owned()).or_insert_with(begin).clone()
        };
        asking.await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn ask(list: Arc<Vec<Doh>>, cache: Arc<Mutex<Cache>>, name: String) -> Result<Answer, Trouble> {
    let deadline = Instant::now() + PACE.whole;
    let all = list.iter().enumerate();
    let of = |(target, doh): (usize, &Doh)| {
        doh.provider.addresses.clone().into_iter().map(move |address| Candidate { target, address })
    };
    let no_such_name = AtomicBool::new(false);
    let race = Race {
        pace: PACE,
        deadline,
        candidates: all.flat_map(of).collect(),
        attempt: |Candidate { target, address }| {
            let (list, name, no_such_name) = (&list, &name, &no_such_name);
            async move {
                let doh = list.get(target)?;
                let asked = timeout_at(deadline, doh.ask(address, deadline, name)).await;
                match asked.unwrap_or(Err(NoAnswer)) {
                    Ok(answer) if !answer.addresses.is_empty() => Some(answer),
                    // An empty answer may be a lie or ignorance: ask the next provider.
                    Ok(_) => {
                        no_such_name.store(true, Ordering::Relaxed);
                        None
                    }
                    Err(NoAnswer) => None,
                }
            }
        },
    };
    match race.run().await {
        Some(answer) => {
            lock(&cache).put(name, answer.clone());
            Ok(answer)
        }
        None if no_such_name.load(Ordering::Relaxed) => Err(Trouble::NoAddress),
        None => Err(Trouble::NoResolver),
    }
}
