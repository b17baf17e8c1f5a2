//! What ends a command: signals, and the end of whoever started it; and the signal that makes it read its files anew.

use std::{future::pending, io, thread};

use tokio::sync::oneshot;

use super::{Failure, texts::program as texts};

/// Ready at Ctrl-C or SIGTERM, or what Windows has for it. It listens as soon as this returns: who is told that a program runs may end it at once.
pub(super) fn end() -> Result<impl Future<Output = ()>, Failure> {
    listen().map_err(|cause| Failure::met(texts::NO_SIGNALS, cause, texts::WHERE_SIGNALS_ARE))
}

/// Ready when standard input is closed; never, if nobody asked for that. What comes in is not looked at.
pub(super) fn input_closed(asked: bool) -> Result<impl Future<Output = ()>, Failure> {
    let (closed, heard) = oneshot::channel();
    if asked {
        // A thread of its own: the runtime would wait for one of its own at the end.
        let read = move || {
            // One that cannot be read is closed as well.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = closed.send(());
        };
        let started = thread::Builder::new().spawn(read);
        started.map_err(|cause| Failure::met(texts::NO_INPUT, cause, texts::WITHOUT_FLAG))?;
    }
    Ok(async {
        if heard.await.is_err() {
            pending::<()>().await;
        }
    })
}

#[cfg(unix)]
fn listen() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Beside the keys: the window is closed, the user logs off, the machine goes down. Windows waits some seconds for the end.
#[cfg(windows)]
fn listen() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
    let (mut interrupt, mut other_key, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    let (mut logoff, mut shutdown) = (ctrl_logoff()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = other_key.recv() => {}
            _ = close.recv() => {}
            _ = logoff.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}

/// Waits for SIGHUPs, one after the other; never ready where there are none.
pub(super) struct Reload(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Reload {
    #[cfg(unix)]
    pub(super) fn new() -> Self {
        Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok())
    }

    #[cfg(not(unix))]
    pub(super) const fn new() -> Self {
        Self()
    }

    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        std::future::pending().await
    }
}
