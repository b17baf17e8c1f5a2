//! Waiting for a time that may have come already.
//!
//! Tokio's timers are rounded up to its next millisecond, also those that are due: a stream is set up in less.

use tokio::time::{Instant, sleep_until};

/// Completes at this time; at once, if it is past.
pub(crate) async fn reached(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_is_due_is_waited_for_by_nobody() {
        let now = Instant::now();
        assert!(reached(now).now_or_never().is_some());
        assert!(reached(now + Duration::from_secs(10)).now_or_never().is_none());
    }
}
