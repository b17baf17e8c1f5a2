//! A relay of the bridge: its link, the way to it, its place in the list.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    link::Link,
    tunnel::{Dialer, Frozen},
};

/// A relay's place in the list of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(pub usize);

/// A relay and the way to it.
pub struct Relay {
    name: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) dialer: Arc<dyn Dialer>,
    pub(super) short_heads: Arc<AtomicBool>,
    pub(super) frozen: Arc<Frozen>,
}

impl Relay {
    /// The relay of a link.
    #[must_use]
    pub fn new(link: &Link, dialer: Arc<dyn Dialer>) -> Self {
        let name = match link.vouched() {
            Some(vouched) => format!("{} ({vouched})", link.host),
            None => link.host.clone(),
        };
        Self {
            name,
            authority: link.authority(),
            path: link.path("/tunnel"),
            dialer,
            short_heads: Arc::default(),
            frozen: Arc::default(),
        }
    }

    /// Its host, and by what it is verified if that is another; for the one whose relay it is to see.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

// The path holds a key.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}
