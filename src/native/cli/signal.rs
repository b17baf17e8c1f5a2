//! The signals that end a command, and the one that makes it read its files anew.

use super::Failure;

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn end() -> Result<(), Failure> {
    wait().await.map_err(|cause| Failure {
        what: "cannot wait for Ctrl-C or SIGTERM".to_owned(),
        cause: cause.into(),
        hint: "running it where signals can be handled",
    })
}

#[cfg(unix)]
async fn wait() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
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
