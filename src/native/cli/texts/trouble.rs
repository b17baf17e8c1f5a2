//! A trouble in words, for the bridge's line and for a check's end, and what to try: the one table of each.
//!
//! When each is right is `crate::trouble`'s.

mod few;
mod sentence;
mod hint;

pub(in super::super) use few::few;
pub(in super::super) use hint::advice;
pub(super) use sentence::of_code;
pub(in super::super) use sentence::sentence;

use super::language::In;
use crate::check::What;

/// What is checked, in one word. Both are of the same gender in Spanish.
pub(in super::super) const fn noun(what: What) -> In {
    match what {
        What::Relay => In { en: "relay", es: "relé", fa: "رله" },
        What::Proxy => In { en: "proxy", es: "proxy", fa: "پروکسی" },
    }
}
