//! Standard output and standard error for whoever is still there to read them: `pasarela share LINK | head -1` and a closed
//! terminal end nothing.
//!
//! The standard library's macros of these names panic when nobody reads. Here they are these.

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

/// Writes this. That nobody reads it is no fault.
pub(crate) fn to(stream: &mut dyn std::io::Write, words: std::fmt::Arguments<'_>) {
    let _ = stream.write_fmt(words).and_then(|()| stream.flush());
}
