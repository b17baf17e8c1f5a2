//! The signals that end a command.

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
