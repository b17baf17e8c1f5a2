//! Standard output and standard error for whoever is still there to read them: `pasarela share LINK | head -1` and a closed
//! terminal end nothing.
//!
//! The standard library's macros of these names panic when nobody reads. Here they are these.

use std::{
    fmt, io,
    sync::atomic::{AtomicBool, Ordering},
};

macro_rules! print {
    ($($words:tt)*) => {
        $crate::say::to(&mut std::io::stdout(), format_args!($($words)*))
    };
}

macro_rules! println {
    ($($words:tt)*) => {
        print!("{}\n", format_args!($($words)*))
    };
}

macro_rules! eprint {
    ($($words:tt)*) => {
        $crate::say::to(&mut std::io::stderr(), format_args!($($words)*))
    };
}

macro_rules! eprintln {
    ($($words:tt)*) => {
        eprint!("{}\n", format_args!($($words)*))
    };
}

/// Whether something could not be written though somebody is there, to a full disk for example.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes this. That nobody reads it is no fault.
pub(crate) fn to(stream: &mut dyn io::Write, words: fmt::Arguments<'_>) {
    let written = stream.write_fmt(words).and_then(|()| stream.flush());
    if written.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether words were lost that somebody wanted.
pub(crate) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}
