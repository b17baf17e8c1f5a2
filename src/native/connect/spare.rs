//! Connections made ahead, so that a stream need not wait for TCP and TLS.
//!
//! Their upgrade is not sent: it costs the volunteer one of his requests, and says which stream it is for. How a connection is
//! made is the caller's.
//!
//! A spare costs the server a socket and the user a handshake, and on a phone the radio. So there is none before the first
//! dial, none is replaced that nobody took unless somebody dialled lately, and one that the server closed is not replaced at
//! all: a server that closes early would be dialled again and again.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

use crate::{deadline::reached, tunnel::Dialled};

/// How many connections are made ahead, and how long they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spares {
    /// So many are ready.
    pub count: usize,
    /// One is closed at this age: servers wait for a request for a minute or so.
    pub age: Duration,
    /// One that nobody took is replaced if there was a dial in this time.
    pub renewed_for: Duration,
    /// All are closed when there was no dial for this time.
    pub idle: Duration,
}

impl Spares {
    /// One: streams rarely begin at the same moment. A quiet user has none after 100 s.
    pub const DEFAULT: Self = Self {
        count: 1,
        age: Duration::from_secs(50),
        renewed_for: Duration::from_secs(60),
        idle: Duration::from_secs(600),
    };

    /// None.
    pub const NONE: Self = Self { count: 0, ..Self::DEFAULT };
}

impl Default for Spares {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A connection that can be kept.
pub(super) struct Spare {
    pub(super) dialled: Dialled,
    /// Whether it still leads there: a network that was left does not say so.
    pub(super) good: Box<dyn Fn() -> bool + Send>,
}

type Making = Pin<Box<dyn Future<Output = Option<Spare>> + Send>>;

/// Makes one; `None` if none is to be had.
pub(super) type Make = Arc<dyn Fn() -> Making + Send + Sync>;

enum Command {
    /// Somebody dials.
    Take(oneshot::Sender<Option<Dialled>>),
    /// Somebody dialled, and the server can be reached.
    Reached,
    /// Here is one.
    Put(Spare),
    Close,
}

/// The spares of one relay. Dropped, it closes them.
pub(super) struct Keeper {
    spares: Spares,
    make: Make,
    task: Mutex<Option<(mpsc::UnboundedSender<Command>, JoinHandle<()>)>>,
}

impl Keeper {
    pub(super) fn new(spares: Spares, make: Make) -> Self {
        Self { spares, make, task: Mutex::default() }
    }

    /// One that is ready, if there is.
    pub(super) async fn take(&self) -> Option<Dialled> {
        let (reply, taken) = oneshot::channel();
        self.tell(Command::Take(reply));
        taken.await.ok().flatten()
    }

    /// The server was reached, so that spares are worth making.
    pub(super) fn reached(&self) {
        self.tell(Command::Reached);
    }

    /// One that was made elsewhere.
    pub(super) fn put(&self, spare: Spare) {
        self.tell(Command::Put(spare));
    }

    /// Closes those that there are.
    pub(super) fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((commands, _)) = &*task {
            let _ = commands.send(Command::Close);
        }
    }

    /// Tells the task, which lives in the runtime of whoever dialled first, or again if that is gone.
    fn tell(&self, command: Command) {
        if self.spares.count == 0 {
            return;
        }
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(|(_, task)| task.is_finished()) {
            let (commands, asked) = mpsc::unbounded_channel();
            let shelf = Shelf::new(self.spares, Arc::clone(&self.make));
            *task = Some((commands, tokio::spawn(shelf.run(asked))));
        }
        if let Some((commands, _)) = &*task {
            let _ = commands.send(command);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, task)) = task.take() {
            task.abort();
        }
    }
}

/// Where the spares lie.
struct Shelf {
    spares: Spares,
    make: Make,
    /// With the time at which each is too old; the oldest first.
    ready: VecDeque<(Instant, Spare)>,
    making: VecDeque<Making>,
    /// When somebody dialled last.
    dialled: Instant,
}

enum Happened {
    Made(Option<Spare>),
    /// One was closed by the server, and is gone.
    Lost,
}

impl Shelf {
    fn new(spares: Spares, make: Make) -> Self {
        Self { spares, make, ready: VecDeque::new(), making: VecDeque::new(), dialled: Instant::now() }
    }

    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let oldest = self.ready.front().map(|(until, _)| *until);
            let idle = self.dialled + self.spares.idle;
            let next = oldest.map_or(idle, |until| until.min(idle));
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                happened = poll_fn(|cx| self.poll(cx)) => match happened {
                    Happened::Made(Some(spare)) => self.keep(spare),
                    Happened::Made(None) | Happened::Lost => {}
                },
                () = reached(next), if oldest.is_some() => self.tidy(),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Take(reply) => {
                self.dialled = Instant::now();
                let taken = self.take();
                let refill = taken.is_some();
                // Nobody waits any more: the spare is lost.
                let _ = reply.send(taken);
                if refill {
                    self.refill();
                }
            }
            Command::Reached => self.refill(),
            Command::Put(spare) => self.keep(spare),
            Command::Close => {
                self.ready.clear();
                self.making.clear();
            }
        }
    }

    /// The youngest that is good: the server keeps it longest.
    fn take(&mut self) -> Option<Dialled> {
        while let Some((until, spare)) = self.ready.pop_back() {
            if Instant::now() < until && (spare.good)() {
                return Some(spare.dialled);
            }
        }
        None
    }

    fn keep(&mut self, spare: Spare) {
        self.ready.push_back((Instant::now() + self.spares.age, spare));
    }

    fn refill(&mut self) {
        while self.ready.len() + self.making.len() < self.spares.count {
            self.making.push_back((self.make)());
        }
    }

    /// Closes what is too old.
    fn tidy(&mut self) {
        let now = Instant::now();
        let quiet = now.duration_since(self.dialled);
        if quiet >= self.spares.idle {
            self.ready.clear();
        }
        self.ready.retain(|(until, _)| now < *until);
        if quiet < self.spares.renewed_for && quiet < self.spares.idle {
            self.refill();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        for index in 0..self.making.len() {
            if let Some(making) = self.making.get_mut(index)
                && let Poll::Ready(made) = making.as_mut().poll(cx)
            {
                drop(self.making.remove(index));
                return Poll::Ready(Happened::Made(made));
            }
        }
        for index in 0..self.ready.len() {
            if let Some((_, spare)) = self.ready.get_mut(index)
                // A server says nothing before it is asked: an end, an error and even a word mean that it is done with.
                && Pin::new(&mut spare.dialled.stream).poll_read(cx, &mut ReadBuf::new(&mut [0])).is_ready()
            {
                drop(self.ready.remove(index));
                return Poll::Ready(Happened::Lost);
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
