//! Carries one connection: races tunnels through the pool's relays, and gives the connection to the first that reaches
//! WhatsApp.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pasarela_core::route::Kind;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Entry;
use super::late::Late;
use super::pool::{Index, Pool};
use crate::frontend::{Accepted, Local};
use crate::trouble::Trouble;
use crate::tunnel::{Error, Handle, Status, Tunnel};

/// A tunnel in the race.
struct Attempt {
    relay: Index,
    handle: Handle,
    give: oneshot::Sender<Local>,
    task: JoinHandle<(Result<Status, Error>, Option<Local>)>,
    trouble: Option<Trouble>,
}

/// What an attempt's status has become; closed when its tunnel is over.
type News = Pin<Box<dyn Future<Output = (Index, watch::Receiver<Status>, bool)> + Send>>;

struct Race<'a> {
    pool: &'a Pool,
    kind: Kind,
    first: Bytes,
    tasks: TaskTracker,
    end: CancellationToken,
    attempts: Vec<Attempt>,
    news: FuturesUnordered<News>,
}

/// Carries it to its end. If it does not end in order it is reset.
pub(super) async fn carry(
    pool: &Pool,
    accepted: Accepted,
    entry: &Entry,
    tasks: &TaskTracker,
    end: &CancellationToken,
) {
    let Accepted { kind, first, local, .. } = accepted;
    let tasks = tasks.clone();
    let race = Race { pool, kind, first, tasks, end: end.clone(), attempts: Vec::new(), news: FuturesUnordered::new() };
    let Some(winner) = end.run_until_cancelled(race.run()).await else { return local.reset() };
    let Some(Attempt { relay, handle, give, task, .. }) = winner else {
        entry.failed();
        return local.reset();
    };
    entry.carried(relay, handle);
    if let Err(local) = give.send(local) {
        return local.reset();
    }
    if let Ok((Err(error), Some(local))) = task.await {
        tracing::debug!(%error, "a stream did not end in order");
        local.reset();
    }
}

impl Race<'_> {
    /// The first tunnel that reaches WhatsApp; the others are dropped, and so end. None if no relay is left to hope for.
    async fn run(mut self) -> Option<Attempt> {
        let mut order = self.pool.order().into_iter();
        let mut next = Instant::now();
        let limit = next + self.pool.tuning.open;
        loop {
            let more = order.len() > 0;
            if !more && self.attempts.is_empty() {
                return None;
            }
            tokio::select! {
                () = sleep_until(limit) => {
                    // Those that said nothing at all: a network that freezes connections is of that kind.
                    for attempt in self.attempts.iter().filter(|attempt| attempt.trouble.is_none()) {
                        self.pool.failed(attempt.relay, Trouble::UpstreamTimeout);
                    }
                    return None;
                }
                () = sleep_until(next), if more => {
                    next = Instant::now() + self.pool.tuning.hedge;
                    order.next().into_iter().for_each(|relay| self.begin(relay));
                }
                Some((relay, status, over)) = self.news.next(), if !self.news.is_empty() => {
                    let seen = *status.borrow();
                    if seen.connected && !over {
                        self.pool.worked(relay);
                        return self.take(relay);
                    }
                    if self.judge(relay, &seen, over).await {
                        next = Instant::now();
                    }
                    if !over {
                        self.news.push(listen(relay, status));
                    }
                }
            }
        }
    }

    fn begin(&mut self, relay: Index) {
        let Some(options) = self.pool.options(relay, self.kind) else { return };
        let tunnel = Tunnel::new(options).tracked(self.tasks.clone());
        let handle = tunnel.handle();
        let (give, awaited) = oneshot::channel();
        let mut late = Late::new(self.first.clone(), awaited, self.end.clone());
        let task = self.tasks.spawn(async move {
            let result = tunnel.carry(&mut late).await;
            (result, late.into_inner())
        });
        self.news.push(listen(relay, handle.watch()));
        self.attempts.push(Attempt { relay, handle, give, task, trouble: None });
    }

    fn take(&mut self, relay: Index) -> Option<Attempt> {
        let index = self.attempts.iter().position(|attempt| attempt.relay == relay)?;
        Some(self.attempts.swap_remove(index))
    }

    /// Whether this is a trouble that was not known, so that the next relay should be tried at once.
    async fn judge(&mut self, relay: Index, seen: &Status, over: bool) -> bool {
        let trouble = if over {
            let Some(attempt) = self.take(relay) else { return false };
            let known = attempt.trouble;
            let trouble = match attempt.task.await {
                // The status knows more: whose error page it was.
                Ok((Err(error), _)) => seen.trouble.or_else(|| of(&error)),
                Ok((Ok(_), _)) | Err(_) => seen.trouble,
            };
            trouble.filter(|trouble| Some(*trouble) != known)
        } else {
            let attempt = self.attempts.iter_mut().find(|attempt| attempt.relay == relay);
            attempt.and_then(|attempt| {
                let fresh = seen.trouble.filter(|trouble| attempt.trouble != Some(*trouble));
                attempt.trouble = fresh.or(attempt.trouble);
                fresh
            })
        };
        trouble.inspect(|trouble| self.pool.failed(relay, *trouble)).is_some() || over
    }
}

fn listen(relay: Index, mut status: watch::Receiver<Status>) -> News {
    Box::pin(async move {
        let over = status.changed().await.is_err();
        (relay, status, over)
    })
}

/// Why a tunnel that never reached WhatsApp failed.
fn of(error: &Error) -> Option<Trouble> {
    match error {
        Error::Reset(code) => Some(Trouble::Stream(*code)),
        Error::Status(404) => Some(Trouble::Key),
        Error::Status(status) => Some(Trouble::Status(*status)),
        Error::NoRelay => Some(Trouble::NoRelay),
        Error::Local(_) => None,
    }
}
