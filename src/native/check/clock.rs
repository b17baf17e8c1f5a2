//! Whether a certificate's dates or this device's clock are wrong.
//!
//! A device that was long without power often has a wrong clock, and then everything that bears dates fails, although nobody
//! did anything wrong. It reads no clock: times are arguments, in Unix seconds.

use std::time::Duration;

/// All of a certificate was right, except its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// It is valid from this second on.
    NotBefore(u64),
    /// It was valid up to this second.
    NotAfter(u64),
}

/// What is to be thought of this device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// It is slow by this; by another clock all would be well.
    Behind(Duration),
    /// It is fast by this; by another clock all would be well.
    Ahead(Duration),
    /// Nobody else's clock is known.
    Doubtful,
    /// It agrees with others: the certificate's dates are wrong.
    Right,
}

/// Judges by another's clock, if one is known.
pub(super) fn judge(dates: Dates, now: u64, other: Option<u64>) -> Clock {
    let Some(other) = other else { return Clock::Doubtful };
    let holds = match dates {
        Dates::NotBefore(first) => other >= first,
        Dates::NotAfter(last) => other <= last,
    };
    match (holds, now < other) {
        (false, _) => Clock::Right,
        (true, true) => Clock::Behind(Duration::from_secs(other - now)),
        (true, false) => Clock::Ahead(Duration::from_secs(now - other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_clock_tells_whose_fault_it_is() {
        let seconds = Duration::from_secs;
        assert_eq!(judge(Dates::NotBefore(100), 40, Some(150)), Clock::Behind(seconds(110)));
        assert_eq!(judge(Dates::NotAfter(100), 190, Some(90)), Clock::Ahead(seconds(100)));
        assert_eq!(judge(Dates::NotAfter(100), 190, Some(180)), Clock::Right);
        assert_eq!(judge(Dates::NotBefore(100), 40, Some(41)), Clock::Right);
        assert_eq!(judge(Dates::NotAfter(100), 190, None), Clock::Doubtful);
    }
}
