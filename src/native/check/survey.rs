//! Which ways to a relay are open here: each is tried, gently, up to the relay's answer.
//!
//! Which ways there are is `connect`'s.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    Options, Unusable,
    probe::{Answer, probe},
};
use crate::{
    connect::{Candidate, Connector, Pace, Setup},
    link::Link,
    trouble::{Stage, Trouble},
};

/// Between two of them, so that it is no crowd of hellos that a network sees.
const PAUSE: Duration = Duration::from_millis(700);

/// What each may take.
const EACH: Duration = Duration::from_secs(5);

/// What all of them may take; what is left then is not tried.
const ALL: Duration = Duration::from_secs(60);

/// A way that was tried.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// Which.
    pub candidate: Candidate,
    /// How long it took.
    pub took: Duration,
    /// Whether the relay answered.
    pub result: Result<(), Trouble>,
}

/// Tries all ways to the relay, and tells of each. A relay that answers without knowing the key has answered.
///
/// # Errors
///
/// It could not even begin.
pub async fn survey(
    link: &Link,
    options: &Options,
    observer: &mut (dyn FnMut(&Surveyed) + Send),
) -> Result<Vec<Surveyed>, Unusable> {
    let mut setup = Setup::new(options.resolver.clone());
    setup.extra_roots.clone_from(&options.authorities);
    setup.exit.clone_from(&options.exit);
    setup.pace = Pace { stage: EACH, whole: EACH, ..Pace::DEFAULT };
    let connector = Connector::new(link, &setup).map_err(Unusable::Link)?;
    let candidates = connector.candidates(options.limit).await.map_err(Unusable::Way)?;
    let until = Instant::now() + ALL;
    let mut surveyed: Vec<Surveyed> = Vec::new();
    for candidate in candidates {
        if Instant::now() >= until {
            break;
        }
        if !surveyed.is_empty() {
            sleep(PAUSE).await;
        }
        let begun = Instant::now();
        let result = match connector.try_candidate(&candidate, EACH).await {
            Ok(dialled) => {
                let Answer { meaning, .. } = probe(dialled, link, EACH).await;
                meaning.map(drop).or_else(|trouble| if trouble.stage() == Stage::Key { Ok(()) } else { Err(trouble) })
            }
            Err(trouble) => Err(trouble),
        };
        let done = Surveyed { candidate, took: begun.elapsed(), result };
        observer(&done);
        surveyed.push(done);
    }
    Ok(surveyed)
}
