//! Carries one connection: races tunnels through the pool's relays, and gives the connection to the first through which
//! WhatsApp answers.
//!
//! A relay that has connected may still talk to nobody: networks let connections to WhatsApp come about and drop what is said
//! on them. So the first byte that comes back decides, and until then every tunnel hears all that the phone says.

use std::{convert::Infallible, future::pending, pin::Pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::FuturesUnordered};
use pasarela_core::route::Kind;
use tokio::{
    io::AsyncReadExt,
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    board::Entry,
    late::{Handed, Late},
    pool::Pool,
    relay::{Index, Relay},
    throttled,
};
use crate::{
    deadline::reached,
    frontend::{Accepted, Local},
    trouble::Trouble,
    tunnel::{Error, Handle, Status, Tunnel},
};

/// What a phone may say before it is answered, in bytes: as much as a tunnel sends before it is opened.
const SAID: usize = 64 * 1024;

/// Room for what it says at a time, in bytes.
const PIECE: usize = 2048;

/// Between two looks at whether another way to a lost relay is being looked for.
const LOOK: Duration = Duration::from_millis(500);

/// So long it is waited at most for another way to be found.
const SEARCH: Duration = Duration::from_secs(14);

/// A tunnel in the race.
struct Attempt {
    relay: Index,
    handle: Handle,
    give: oneshot::Sender<Handed<Local>>,
    task: JoinHandle<(Result<Status, Error>, Option<Local>)>,
    abandon: CancellationToken,
    trouble: Option<Trouble>,
}

/// What is new of an attempt.
enum Event {
    /// WhatsApp answers.
    Answered(Index),
    /// Its status has changed, or its tunnel is over.
    Changed(Index, watch::Receiver<Status>, bool),
    /// It has nothing to say any more.
    Nothing,
}

type News = Pin<Box<dyn Future<Output = Event> + Send>>;

/// How a race ends.
enum Outcome {
    Answered(Attempt),
    /// No relay is left to hope for.
    Hopeless,
    /// The phone has gone.
    Gone,
}

struct Race {
    pool: Arc<Pool>,
    kind: Kind,
    said: watch::Sender<Bytes>,
    tasks: TaskTracker,
    end: CancellationToken,
    attempts: Vec<Attempt>,
    news: FuturesUnordered<News>,
}

/// Carries it to its end. If it does not end in order it is reset.
pub(super) async fn carry(
    pool: &Arc<Pool>,
    accepted: Accepted,
    entry: &Entry,
    tasks: &TaskTracker,
    end: &CancellationToken,
) {
    let Accepted { kind, first, mut local, .. } = accepted;
    let mut race = Race {
        pool: Arc::clone(pool),
        kind,
        said: watch::Sender::new(first),
        tasks: tasks.clone(),
        end: end.clone(),
        attempts: Vec::new(),
        news: FuturesUnordered::new(),
    };
    let limit = Instant::now() + pool.tuning.open;
    let outcome = timeout_at(limit, end.run_until_cancelled(race.run(&mut local))).await;
    let Attempt { relay, handle, give, mut task, abandon, .. } = match outcome {
        Ok(Some(Outcome::Answered(attempt))) => attempt,
        // The phone goes, or the bridge.
        Ok(Some(Outcome::Gone) | None) => return local.reset(),
        Ok(Some(Outcome::Hopeless)) => {
            entry.failed();
            return local.reset();
        }
        Err(_) => {
            race.tell_silence();
            entry.failed();
            return local.reset();
        }
    };
    let lost = lost(pool, relay, handle.watch());
    entry.carried(relay, handle.clone());
    let said = race.said.borrow().clone();
    if let Err(Handed { stream, .. }) = give.send(Handed { stream: local, said }) {
        return stream.reset();
    }
    tasks.spawn(end.clone().run_until_cancelled_owned(race.learn(limit)));
    let ended = tokio::select! {
        ended = &mut task => ended,
        () = lost => {
            abandon.cancel();
            task.await
        }
        never = faster(pool, relay, entry, handle) => match never {},
    };
    if let Ok((Err(error), Some(local))) = ended {
        tracing::debug!(%error, "a stream did not end in order");
        local.reset();
    }
}

/// Completes when a stream has lost its relay for too long, and another can be reached.
async fn lost(pool: &Pool, relay: Index, mut status: watch::Receiver<Status>) {
    loop {
        // A tunnel that is over is told by itself.
        let Ok(seen) = status.wait_for(|status| status.connected && !status.attached).await.map(|seen| *seen) else {
            return pending().await;
        };
        let attached = status.wait_for(|status| status.attached);
        tokio::select! {
            _ = attached => continue,
            () = patience(pool, relay) => {}
        }
        if pool.reaches_another(relay).await && !status.borrow().attached {
            let trouble = status.borrow().trouble.or(seen.trouble);
            return pool.failed(relay, trouble.unwrap_or(Trouble::ConnectTimeout));
        }
    }
}

/// Moves a stream that the network makes slow to another way, and the relay's other streams after it.
async fn faster(pool: &Pool, relay: Index, entry: &Entry, handle: Handle) -> Infallible {
    let Some(Relay { dialer, frozen, .. }) = pool.relays().get(relay.0) else { return pending().await };
    let moves = (|| handle.rotate(), || entry.rotate_others());
    throttled::watch(handle.watch(), moves, &**dialer, frozen).await
}

/// Completes when a lost relay was waited for long enough. The time stands still while another way to it is looked for.
async fn patience(pool: &Pool, relay: Index) {
    let limit = Instant::now() + pool.tuning.leave + SEARCH;
    let mut left = pool.tuning.leave;
    while !left.is_zero() && Instant::now() < limit {
        let step = left.min(LOOK);
        sleep(step).await;
        if !pool.searches(relay) {
            left -= step;
        }
    }
}

impl Race {
    /// Runs until WhatsApp answers through a relay, or never will.
    async fn run(&mut self, local: &mut Local) -> Outcome {
        let mut order = self.pool.order().into_iter();
        let mut next = Instant::now();
        let mut read = BytesMut::new();
        loop {
            let more = order.len() > 0;
            if !more && self.attempts.is_empty() {
                return Outcome::Hopeless;
            }
            let listening = self.said.borrow().len() < SAID;
            read.reserve(PIECE);
            tokio::select! {
                () = reached(next), if more => {
                    next = Instant::now() + self.pool.tuning.hedge;
                    order.next().into_iter().for_each(|relay| self.begin(relay));
                }
                Some(event) = self.news.next(), if !self.news.is_empty() => match event {
                    Event::Answered(relay) => {
                        self.pool.worked(relay);
                        if let Some(attempt) = self.take(relay) {
                            return Outcome::Answered(attempt);
                        }
                    }
                    Event::Changed(relay, status, over) => {
                        if self.judge(relay, status, over).await {
                            next = Instant::now();
                        }
                    }
                    Event::Nothing => {}
                },
                // Nobody ends a stream of WhatsApp's before the answer.
                result = local.read_buf(&mut read), if listening => match result {
                    Ok(1..) => self.said.send_modify(|said| *said = [said, &read.split()[..]].concat().into()),
                    Ok(0) | Err(_) => return Outcome::Gone,
                },
            }
        }
    }

    fn begin(&mut self, relay: Index) {
        let Some(options) = self.pool.options(relay, self.kind) else { return };
        let abandon = self.end.child_token();
        let tunnel = Tunnel::new(options).tracked(self.tasks.clone()).until(abandon.clone());
        let handle = tunnel.handle();
        let (give, handed) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let mut late = Late::new(self.said.subscribe(), handed, answer);
        let task = self.tasks.spawn(async move {
            let result = tunnel.carry(&mut late).await;
            (result, late.into_inner())
        });
        self.news.push(listen(relay, handle.watch()));
        let answered = async move { answered.await.map_or(Event::Nothing, |()| Event::Answered(relay)) };
        self.news.push(Box::pin(answered));
        self.attempts.push(Attempt { relay, handle, give, task, abandon, trouble: None });
    }

    fn take(&mut self, relay: Index) -> Option<Attempt> {
        let index = self.attempts.iter().position(|attempt| attempt.relay == relay)?;
        Some(self.attempts.swap_remove(index))
    }

    /// Whether this is a trouble that was not known, so that the next relay should be tried at once.
    async fn judge(&mut self, relay: Index, mut status: watch::Receiver<Status>, over: bool) -> bool {
        let seen = *status.borrow_and_update();
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
            let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.relay == relay) else { return false };
            let fresh = seen.trouble.filter(|trouble| attempt.trouble != Some(*trouble));
            attempt.trouble = fresh.or(attempt.trouble);
            self.news.push(listen(relay, status));
            fresh
        };
        trouble.inspect(|trouble| self.pool.failed(relay, *trouble)).is_some() || over
    }

    /// Waits to learn why the losing relays were slow, reports it so that they rest for a while, then drops them.
    async fn learn(mut self, limit: Instant) {
        self.attempts.retain(|attempt| attempt.trouble.is_none());
        let learnt = async {
            while !self.attempts.is_empty() {
                match self.news.next().await {
                    Some(Event::Answered(relay)) => drop(self.take(relay)),
                    Some(Event::Changed(relay, status, over)) => {
                        if self.judge(relay, status, over).await {
                            drop(self.take(relay));
                        }
                    }
                    Some(Event::Nothing) => {}
                    None => return,
                }
            }
        };
        if timeout_at(limit, learnt).await.is_err() {
            self.tell_silence();
        }
    }

    /// No more is known of those that are left than that they were silent for too long.
    fn tell_silence(&self) {
        for Attempt { relay, handle, .. } in self.attempts.iter().filter(|attempt| attempt.trouble.is_none()) {
            let accepted = handle.status().carriers > 0;
            self.pool.failed(*relay, if accepted { Trouble::UpstreamTimeout } else { Trouble::ConnectTimeout });
        }
    }
}

fn listen(relay: Index, mut status: watch::Receiver<Status>) -> News {
    Box::pin(async move {
        let over = status.changed().await.is_err();
        Event::Changed(relay, status, over)
    })
}

/// Why a tunnel through which nothing came failed.
fn of(error: &Error) -> Option<Trouble> {
    match error {
        Error::Reset(code) => Some(Trouble::Stream(*code)),
        Error::Status(404) => Some(Trouble::Key),
        Error::Status(status) => Some(Trouble::Status(*status)),
        Error::NoRelay => Some(Trouble::NoRelay),
        // Their end came instead of an answer.
        Error::Local(error) => (error.kind() == std::io::ErrorKind::UnexpectedEof)
            .then_some(Trouble::Stream(pasarela_core::codes::Code::UpstreamReset)),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{board::Board, pool::Tuning},
        *,
    };
    use crate::tunnel::{Dialer, Dialling};

    /// Searches until this time.
    struct Searching(Instant);

    impl Dialer for Searching {
        fn dial(&self) -> Dialling<'_> {
            Box::pin(pending())
        }

        fn searches(&self) -> bool {
            Instant::now() < self.0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_leave_a_relay_runs_when_no_way_is_left_to_try() {
        for (searches, left_after) in [(0, 8), (4, 12), (600, 22)] {
            let begun = Instant::now();
            let link = "http://relay.example/".parse().expect("a link");
            let relay = Relay::new(&link, Arc::new(Searching(begun + Duration::from_secs(searches))));
            let pool = Pool::new(vec![relay], Tuning::default(), Arc::new(Board::new()));
            patience(&pool, Index(0)).await;
            let error = begun.elapsed().abs_diff(Duration::from_secs(left_after));
            assert!(error <= LOOK, "{searches}: {:?}", begun.elapsed());
        }
    }
}
