//! The client's end of the tunnel as a library: a stream to WhatsApp through a relay, over carriers that may come and go.
//!
//! [`carry`] bridges a local connection, [`open`] gives a stream. Which relay and which way there are the caller's; when to
//! attach, ping and give up is the core's.

mod error;
mod frozen;
mod options;
mod upgrade;
mod handle;
mod carriers;
mod engine;
mod stream;

use std::{io, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::tcp::Tcp;
use engine::Engine;
use handle::Owner;
use stream::Failure;

pub use error::{Error, UnusableUrl};
pub use frozen::Frozen;
pub use handle::{Handle, Status};
pub use options::{ANSWER, Options};
pub use stream::TunnelStream;

/// What the pipe of a [`TunnelStream`] holds each way, in bytes.
const PIPE: usize = 64 * 1024;

/// A tunnel that is not begun yet, so that it can be watched from its start.
#[derive(Debug)]
pub struct Tunnel {
    options: Options,
    handle: Handle,
    owner: Owner,
    tasks: TaskTracker,
    abandon: CancellationToken,
}

impl Tunnel {
    /// A tunnel of one stream.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (handle, owner) = handle::pair();
        Self { options, handle, owner, tasks: TaskTracker::new(), abandon: CancellationToken::new() }
    }

    /// Counts its own tasks among these, so that a program can wait before it ends until the relay knows all.
    #[must_use]
    pub fn tracked(self, tasks: TaskTracker) -> Self {
        Self { tasks, ..self }
    }

    /// Resets the stream when this is cancelled, whatever it waits for then.
    #[must_use]
    pub fn until(self, abandon: CancellationToken) -> Self {
        Self { abandon, ..self }
    }

    /// To watch and steer it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Carries what `local` says and hears, from its first byte to both ends, in the caller's task. Gives what was carried.
    ///
    /// What is left to tell the relay then is told by a task of the current runtime. If the future is dropped instead, the
    /// relay keeps the stream for two minutes in vain.
    ///
    /// # Errors
    ///
    /// The stream did not end in order. **A local TCP connection should then be reset, not closed**: its peer would take a
    /// close for the end of the stream.
    pub async fn carry<S: AsyncRead + AsyncWrite + Unpin>(self, local: &mut S) -> Result<Status, Error> {
        let mut engine = Engine::new(self.options, self.owner, self.tasks.clone());
        let result = match self.abandon.run_until_cancelled(engine.run(&mut Tcp::new(local))).await {
            Some(result) => result,
            None => {
                engine.abandon();
                Err(Error::Local(io::ErrorKind::ConnectionAborted.into()))
            }
        };
        self.tasks.spawn(engine.settle());
        result
    }

    /// Carries a stream for this program, in a task of the current runtime.
    #[must_use]
    pub fn open(self) -> TunnelStream {
        let (near, far) = tokio::io::duplex(PIPE);
        let failure = Arc::new(Failure::default());
        // Dropping the stream abandons it alone.
        let abandon = self.abandon.child_token();
        let stream = TunnelStream::new(near, self.handle.clone(), Arc::clone(&failure), abandon.clone());
        let mut engine = Engine::new(self.options, self.owner, self.tasks.clone());
        self.tasks.spawn(async move {
            // Dropped only behind `set`: the stream must not see an end before it can see the failure.
            let mut local = Tcp::new(far);
            match abandon.run_until_cancelled(engine.run(&mut local)).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => failure.set(error),
                None => engine.abandon(),
            }
            drop(local);
            engine.settle().await;
        });
        stream
    }
}

/// [`Tunnel::carry`] without a handle.
///
/// # Errors
///
/// As there.
pub async fn carry<S: AsyncRead + AsyncWrite + Unpin>(local: &mut S, options: Options) -> Result<Status, Error> {
    Tunnel::new(options).carry(local).await
}

/// [`Tunnel::open`]; its handle is the stream's.
#[must_use]
pub fn open(options: Options) -> TunnelStream {
    Tunnel::new(options).open()
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use tokio::io::AsyncReadExt;

    use super::{
        super::{Code, Dialer, Dialling, Kind, Timing},
        *,
    };

    /// Reaches nothing, and counts how often.
    #[derive(Default)]
    struct Unreachable(AtomicU32);

    impl Dialer for Unreachable {
        fn dial(&self) -> Dialling<'_> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Err(io::ErrorKind::NetworkUnreachable.into()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_carrier_it_tries_ever_less_often_and_gives_up_in_time() {
        let dialer = Arc::new(Unreachable::default());
        let started = tokio::time::Instant::now();
        let options = Options::with_dialer("ws://nowhere/tunnel", Kind::Chat, dialer.clone()).expect("usable");
        let mut stream = open(options);
        let error = stream.read(&mut [0]).await.expect_err("no end");
        assert!(matches!(Error::of(&error), Some(Error::Reset(Code::Gone))), "{error}");
        assert_eq!(started.elapsed().as_secs(), Timing::DEFAULT.give_up.as_secs());
        let dialled = dialer.0.load(Ordering::Relaxed);
        assert!((10..100).contains(&dialled), "{dialled} attempts");
    }
}
