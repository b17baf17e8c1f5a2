//! What follows a panic: the stream that it happened in ends, all others go on, and it is told and counted.
//!
//! What is told is the place in the source alone: a message may hold what a stranger sent.

use std::{
    cell::Cell,
    future::Future,
    panic::{self, AssertUnwindSafe},
};

use futures_util::FutureExt as _;
use portable_atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// A panic here and now is no fault.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Panics of this process so far.
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// From now on panics are told in one line of standard error and counted, and if the process dies nevertheless, what it held
/// is not written to disk.
pub(crate) fn contain() {
    panic::set_hook(Box::new(|panicked| {
        if EXPECTED.get() {
            return;
        }
        COUNT.fetch_add(1, Ordering::Relaxed);
        let place = panicked.location().map(|place| format!("{}:{}", within_sources(place.file()), place.line()));
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        eprintln!(
            "error: a fault in the program, at {place}: what it was carrying has ended, all else goes on\n  try: telling us this line"
        );
    }));
    keep_memory_off_disk();
}

/// The path of a source file without the folders of whoever built it.
fn within_sources(path: &str) -> String {
    let parts: Vec<_> = path.rsplit(['/', '\\']).take(3).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// A core dump would hold keys, users' addresses and payload.
fn keep_memory_off_disk() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Core);
        // What the system refuses here it has refused to write as well.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    }
    // Where a program collects dumps, such as systemd-coredump, the limit does not bind it.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Does for ever what a server lives by, from the beginning again if it panics.
pub(crate) async fn again<F: Future<Output = ()>>(mut work: impl FnMut() -> F) {
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {}
}

/// What a library makes of something that a stranger made, unless it panics at it. That is told and counted nowhere.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    EXPECTED.set(true);
    let made = panic::catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(false);
    made.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_nobodys_folders() {
        for path in ["/home/ana/.cargo/registry/src/index/h2-0.4/src/frame.rs", r"C:\Users\ana\h2-0.4\src\frame.rs"] {
            assert_eq!(within_sources(path), "h2-0.4/src/frame.rs");
        }
        assert_eq!(within_sources("lib.rs"), "lib.rs");
    }

    #[test]
    fn what_is_expected_to_panic_gives_nothing() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught::<()>(|| panic!("a panic of the test")), None);
        assert!(!EXPECTED.get());
    }

    #[tokio::test]
    async fn what_a_server_lives_by_goes_on() {
        let mut turns = 0;
        again(|| {
            turns += 1;
            let turn = turns;
            async move { assert!(turn > 2, "a panic of the test") }
        })
        .await;
        assert_eq!(turns, 3);
    }
}
