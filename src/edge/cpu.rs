//! The platform's warning that the CPU budget is nearly used up, for one stream to act on.
//!
//! The warning is one word an instance, which the runtime clears when the next request begins. Until then it would end every
//! stream that has an event, though the budget is one stream's. So who acts on it clears it.

use core::sync::atomic::{AtomicU32, Ordering};

#[expect(unsafe_code, reason = "the word is the worker crate's, which only reads it")]
unsafe extern "C" {
    /// Where the runtime writes its warning.
    safe static __instance_signal: AtomicU32;
}

/// Whether the stream whose event is being handled has nearly used up its budget. Says so once a warning.
pub(crate) fn take_warning() -> bool {
    let is_near = worker::signal::is_near_cpu_limit();
    if is_near {
        __instance_signal.store(0, Ordering::Relaxed);
    }
    is_near
}

/// Warns as the runtime does.
#[cfg(feature = "instrumented")]
pub(crate) fn warn() {
    const ALMOST_OUT_OF_TIME: u32 = 24;
    __instance_signal.store(ALMOST_OUT_OF_TIME, Ordering::Relaxed);
}
