//! What goes through a relay, as counters: bytes, and streams that failed. No address, key or payload is in any of them.
//!
//! They only count up; what is there now is counted where it is kept. `serve` shows them.

use pasarela_core::codes::Code;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// The counters of one relay. A clone counts in the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// Bytes that upstreams took.
    pub(crate) up: Counter,
    /// Bytes that came from upstreams.
    pub(crate) down: Counter,
    /// Streams that ended for another reason than that all was said, by the word for it.
    pub(crate) failed: Family<Why, Counter>,
}

/// The word of a close code.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Why {
    code: &'static str,
}

impl Meter {
    /// A stream ended with this code.
    pub(crate) fn ended(&self, code: Code) {
        if code != Code::End {
            self.failed.get_or_create(&Why { code: code.token() }).inc();
        }
    }
}
