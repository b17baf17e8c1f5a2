//! What a run is to be: its windows, its lines, what becomes of its carriers, and who does what when.

use std::{boxed::Box, vec::Vec};

use super::{
    super::client::Timing,
    link::{Fate, Line},
    tcp::Habits,
};
use crate::codes::Code;

/// What becomes of the carriers, by their numbers.
pub(super) type Fates = Box<dyn FnMut(usize, &mut fastrand::Rng) -> Fate>;

/// What a run is to be.
pub(super) struct Plan {
    pub(super) seed: u64,
    /// What the client asks for, what the relay grants at most, and what it grants later.
    pub(super) window: u32,
    pub(super) granted: u32,
    pub(super) widened: u32,
    /// One of them is of a release that knows no growing windows.
    pub(super) fixed: Option<Fixed>,
    pub(super) budget: Option<u64>,
    pub(super) packets: Option<u64>,
    /// Packets of both ways, those of the upgrade included, after which a carrier is frozen.
    pub(super) freeze_packets: Option<u64>,
    /// Whether the relay keeps tunnels without a carrier.
    pub(super) sessions: bool,
    /// Wire bytes from the relay after which a carrier is frozen.
    pub(super) freeze: Option<u64>,
    /// One way, in milliseconds: at least and at most.
    pub(super) latency: (u64, u64),
    pub(super) jitter: u64,
    pub(super) line: Line,
    /// A message dies with its carrier, and that is learnt, but not always soon.
    pub(super) late_news: bool,
    pub(super) timing: Timing,
    pub(super) local: Habits,
    pub(super) upstream: Habits,
    pub(super) fate: Fates,
    pub(super) acts: Vec<(u64, Act)>,
}

/// Who takes no notice of the window in an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fixed {
    Client,
    Relay,
}

/// What somebody does at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Rotate,
    Evil(Evil),
    /// The relay's adapter ends every tunnel.
    EndRelay(Code),
    EndClient(Code),
}

/// A resume that is not the client's, or not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evil {
    Forged,
    Foreign,
    Stale,
    WrongReceived,
}
