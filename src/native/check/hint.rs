//! What to try next, for each failure and for whatever is checked.

use super::{
    clock::Clock,
    flaw::Flaw,
    found::{Fault, What},
};
use crate::trouble::{Hint, Stage, Trouble};

/// What to try after this failure.
pub(super) fn after(what: What, fault: Fault, clock: Option<Clock>) -> Hint {
    match fault {
        Fault::Way(trouble) => match what {
            What::Relay => trouble.hint(),
            What::Proxy => of_proxys_way(trouble),
        },
        Fault::Chat(flaw) => of_flaw(what, flaw, clock, Hint::Ports),
        Fault::Media(flaw) => of_flaw(what, flaw, clock, Hint::MediaPort),
        Fault::MediaWay(_) => Hint::MediaPort,
    }
}

fn of_proxys_way(trouble: Trouble) -> Hint {
    if matches!(trouble, Trouble::NoAddress | Trouble::Refused | Trouble::ConnectTimeout) {
        return Hint::Proxy;
    }
    match trouble.stage() {
        // A proxy has no link that could ask for an encrypted hello.
        Stage::Name | Stage::Connect => trouble.hint(),
        Stage::Tls => Hint::Ports,
        Stage::Upgrade | Stage::Key | Stage::Upstream | Stage::Chat | Stage::Media => Hint::Later,
    }
}

fn of_flaw(what: What, flaw: Flaw, clock: Option<Clock>, ports: Hint) -> Hint {
    match (flaw, what) {
        (Flaw::Dates(_), _) => match clock {
            Some(Clock::Behind(_) | Clock::Ahead(_)) => Hint::SetClock,
            Some(Clock::Right) => Hint::Newer,
            Some(Clock::Doubtful) | None => Hint::LookAtClock,
        },
        (Flaw::Forged, _) => Hint::DoNotUse,
        (Flaw::Stream(code), _) => Hint::of_code(code),
        (Flaw::Cut | Flaw::Silent | Flaw::Garbage, What::Proxy) => ports,
        (Flaw::Cut | Flaw::Silent | Flaw::Garbage, What::Relay) => Hint::RelaysWay,
    }
}
