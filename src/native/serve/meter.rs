//! What goes through a relay, as counters: bytes, by the names of keys too, and streams that failed. No address, key or payload
//! is in any of them.
//!
//! They only count up; what is there now is counted where it is kept. `metrics` shows them.

use pasarela_core::codes::Code;
use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family};

use super::numbers::Counter;

/// The counters of one relay. A clone counts in the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// The name of the key whose streams it counts; empty for who needed none.
    pub(crate) key: String,
    /// Bytes that upstreams took.
    pub(crate) up: Flow,
    /// Bytes that came from upstreams.
    pub(crate) down: Flow,
    /// Streams that ended for another reason than that all was said, by the word for it.
    pub(crate) failed: Family<Why, Counter>,
    /// Clients with a right key who were refused, by its name.
    pub(crate) refused: Family<Of, Counter>,
}

/// Bytes in one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    all: Counter,
    by_key: Family<Of, Counter>,
    /// Those of one key.
    own: Counter,
}

/// The name that the operator gave a key; empty for who needed none.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Of {
    pub(crate) key: String,
}

impl Flow {
    /// The same, of which this key is told apart.
    fn of(&self, key: &str) -> Self {
        let own = self.by_key.get_or_create(&Of { key: key.to_owned() }).clone();
        Self { own, ..self.clone() }
    }

    pub(crate) fn inc_by(&self, bytes: u64) {
        self.all.inc_by(bytes);
        self.own.inc_by(bytes);
    }

    /// Those of the key that is told apart.
    pub(crate) fn own(&self) -> u64 {
        self.own.get()
    }

    /// All bytes.
    pub(crate) fn all(&self) -> Counter {
        self.all.clone()
    }

    /// All that are some key's.
    pub(crate) fn by_key(&self) -> Family<Of, Counter> {
        self.by_key.clone()
    }
}

/// The word of a close code.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Why {
    code: &'static str,
}

impl Meter {
    /// The same, for a stream of this key.
    pub(crate) fn of(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            up: self.up.of(key),
            down: self.down.of(key),
            failed: self.failed.clone(),
            refused: self.refused.clone(),
        }
    }

    /// A client with this key was refused.
    pub(crate) fn refused(&self, key: &str) {
        self.refused.get_or_create(&Of { key: key.to_owned() }).inc();
    }

    /// Clients with this key who were refused.
    pub(crate) fn refused_of(&self, key: &str) -> u64 {
        self.refused.get_or_create(&Of { key: key.to_owned() }).get()
    }

    /// A stream ended with this code.
    pub(crate) fn ended(&self, code: Code) {
        if code != Code::End {
            self.failed.get_or_create(&Why { code: code.token() }).inc();
        }
    }
}
