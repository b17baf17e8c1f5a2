//! A simulated TCP connection at either end of a tunnel: says a known pattern, checks what it is given, at its own pace.

use std::{sync::OnceLock, vec::Vec};

/// The length of the patterns: prime, so that no chunk, window or budget is in step with it.
const PERIOD: usize = 65_537;

/// Bytes of the stream that goes `up` (or down), from `at` on. Both begin as WhatsApp's do.
pub(super) fn pattern(up: bool, at: u64, len: usize) -> Vec<u8> {
    static BYTES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let [down_bytes, up_bytes] = BYTES.get_or_init(|| {
        [1, 2].map(|seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut bytes: Vec<u8> = (0..PERIOD).map(|_| rng.u8(..)).collect();
            bytes[..4].copy_from_slice(b"WA\x06\x03");
            bytes
        })
    });
    let bytes = if up { up_bytes } else { down_bytes };
    let mut out = Vec::with_capacity(len);
    let mut at = (at % PERIOD as u64) as usize;
    while out.len() < len {
        let take = (PERIOD - at).min(len - out.len());
        out.extend_from_slice(&bytes[at..at + take]);
        at = 0;
    }
    out
}

/// When an end says that it has said all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// So long after its last byte.
    After(u64),
    /// So long after its peer's end.
    AfterPeer(u64),
    /// Not at all.
    Never,
}

/// How an end behaves.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    pub(super) total: u64,
    pub(super) end: End,
    /// The connection breaks when this many bytes have been said.
    pub(super) breaks_at: Option<u64>,
    /// The most that one read brings.
    pub(super) most: usize,
    /// The longest time that a read or a write takes, in milliseconds.
    pub(super) slow: u64,
    /// One in so many takes this long instead.
    pub(super) stall: Option<(u32, u64)>,
}

impl Habits {
    /// Says so much at once, takes everything at once, and ends.
    pub(super) const fn quick(total: u64, end: End) -> Self {
        Self { total, end, breaks_at: None, most: usize::MAX, slow: 0, stall: None }
    }

    pub(super) fn delay(&self, rng: &mut fastrand::Rng) -> u64 {
        match self.stall {
            Some((one_in, long)) if rng.u32(..one_in) == 0 => long,
            Some(_) | None => rng.u64(..=self.slow),
        }
    }
}

/// One end.
#[derive(Debug)]
pub(super) struct Tcp {
    pub(super) habits: Habits,
    up: bool,
    pub(super) said: u64,
    pub(super) taken: u64,
    /// A read is under way, of at most so many bytes.
    pub(super) reading: Option<usize>,
    pub(super) writing: bool,
    /// Our end was told.
    pub(super) ended: bool,
    /// The peer's end was told us.
    pub(super) finished: bool,
    pub(super) broken: bool,
    pub(super) closed: bool,
}

/// What a read brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    Bytes(Vec<u8>),
    End,
    Broken,
    /// Not now; perhaps so much later.
    Nothing(Option<u64>),
}

impl Tcp {
    /// Says the pattern that goes up, or down, and takes the other.
    pub(super) const fn new(habits: Habits, up: bool) -> Self {
        Self {
            habits,
            up,
            said: 0,
            taken: 0,
            reading: None,
            writing: false,
            ended: false,
            finished: false,
            broken: false,
            closed: false,
        }
    }

    /// A read is due. `waited` if it has waited for the end's time already.
    pub(super) fn read(&mut self, rng: &mut fastrand::Rng, waited: bool) -> Brought {
        let Some(max) = self.reading else { return Brought::Nothing(None) };
        if self.habits.breaks_at.is_some_and(|at| self.said >= at) {
            self.broken = true;
            self.reading = None;
            return Brought::Broken;
        }
        let left = self.habits.total - self.said;
        if left > 0 {
            let until = self.habits.breaks_at.map_or(left, |at| left.min(at - self.said));
            let most = max.min(self.habits.most).min(usize::try_from(until).unwrap());
            // The first bytes tell where to go.
            let least = if self.said == 0 { most.min(4) } else { 1 };
            let len = if self.habits.most == usize::MAX { most } else { rng.usize(least..=most) };
            let bytes = pattern(self.up, self.said, len);
            self.said += len as u64;
            self.reading = None;
            return Brought::Bytes(bytes);
        }
        match self.habits.end {
            End::After(_) | End::AfterPeer(_) if waited => {
                self.reading = None;
                self.ended = true;
                Brought::End
            }
            End::After(wait) => Brought::Nothing(Some(wait)),
            End::AfterPeer(wait) => Brought::Nothing(self.finished.then_some(wait)),
            End::Never => Brought::Nothing(None),
        }
    }

    /// Takes a write, and checks it.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        assert!(!self.writing && !self.finished, "a write while another is under way, or behind the end");
        assert!(bytes == pattern(!self.up, self.taken, bytes.len()), "wrong bytes at {}", self.taken);
        self.taken += bytes.len() as u64;
        self.writing = true;
    }
}
