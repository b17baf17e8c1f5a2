//! The addresses of a name: by the system's resolver, by DNS over HTTPS, or by the second where the first cannot be believed.
//!
//! No question goes out by plain DNS but the system's own. Names and addresses are nowhere logged or stored.

pub(crate) mod message;
mod provider;
mod doh;
mod system;
mod cache;
mod ask;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

use super::{
    exit::{Exits, UnusableExit},
    report::Source,
};
use crate::{
    tls::{Authorities, UnusableAuthority},
    trouble::Trouble,
};
use ask::Providers;
use doh::Doh;

pub use provider::{Provider, UnusableProvider};
pub use system::{Looking, Lookup};

/// The system may take this time before others are asked, too.
const SYSTEM: Duration = Duration::from_secs(2);

/// All that the system may take. What it still does then, in its thread, concerns nobody.
const SYSTEM_MAX: Duration = Duration::from_secs(8);

/// Whom to ask for addresses. For what only DNS over HTTPS gives, that is always asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The system.
    System,
    /// The providers.
    Doh,
    /// The system, and the providers where it has no answer or one that cannot be true.
    #[default]
    Auto,
}

/// The addresses of a name, and who knew them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// At least one.
    pub addresses: Vec<IpAddr>,
    /// Who knew them.
    pub by: Source,
}

/// Resolves names. What it learned by DNS over HTTPS it keeps for a while, in memory.
pub struct Resolver {
    mode: Mode,
    system: Lookup,
    providers: Providers,
}

// What is kept are names of relays.
impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks as `mode` says, and by DNS over HTTPS these providers. Their certificates may come from `extra_roots`, too.
    ///
    /// # Errors
    ///
    /// A provider's name can be in no certificate, or an extra authority is no certificate.
    pub fn new(
        mode: Mode,
        providers: &[Provider],
        extra_roots: &[CertificateDer<'static>],
    ) -> Result<Self, UnusableProvider> {
        let authorities = Authorities::with(extra_roots).map_err(|UnusableAuthority| UnusableProvider)?;
        let doh = |provider: &Provider| Doh::new(provider.clone(), &authorities).ok_or(UnusableProvider);
        let list = providers.iter().map(doh).collect::<Result<_, _>>()?;
        Ok(Self { mode, system: system::lookup(), providers: Providers::new(list) })
    }

    /// Reaches providers through these ways out.
    ///
    /// # Errors
    ///
    /// One of them cannot be used.
    pub fn through(mut self, exits: &Exits) -> Result<Self, UnusableExit> {
        self.providers.through(exits)?;
        Ok(self)
    }

    /// Asks as [`Mode::Auto`] says, and [`Provider::usual`].
    ///
    /// # Panics
    ///
    /// Never: those are usable.
    #[must_use]
    pub fn usual() -> Arc<Self> {
        Arc::new(Self::new(Mode::Auto, &Provider::usual(), &[]).expect("addresses can be in certificates"))
    }

    /// Asks the system only, and nobody for what only DNS over HTTPS gives.
    #[must_use]
    pub fn system() -> Arc<Self> {
        Arc::new(Self { mode: Mode::System, system: system::lookup(), providers: Providers::new(Vec::new()) })
    }

    /// Asks this in the place of the system's resolver.
    #[must_use]
    pub fn with_system(self, system: Lookup) -> Self {
        Self { system, ..self }
    }

    /// Forgets all names.
    pub fn forget(&self) {
        self.providers.forget();
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
        match self.mode {
            Mode::System => self.by_system(host).await,
            Mode::Doh => self.by_doh(host).await,
            // Whoever had to be asked once is asked again: the system's lies do not get better.
            Mode::Auto => match self.providers.known(host) {
                Some(answer) => Ok(Resolved { addresses: answer.addresses, by: Source::Doh }),
                None => self.by_either(host).await,
            },
        }
    }

    /// The addresses of a host when those that the system gave lead nowhere. `None` if nobody else is to be asked.
    pub(super) async fn second_opinion(&self, host: &str) -> Option<Resolved> {
        match self.mode {
            Mode::Auto if literal(host).is_none() => self.by_doh(host).await.ok(),
            Mode::System | Mode::Doh | Mode::Auto => None,
        }
    }

    /// The ECHConfigList of a host, by DNS over HTTPS whatever the mode.
    ///
    /// # Errors
    ///
    /// There is none, or nobody knows.
    pub async fn ech(&self, host: &str) -> Result<Vec<u8>, Trouble> {
        let answer = if literal(host).is_some() { None } else { self.providers.answer(host).await.ok() };
        answer.and_then(|answer| answer.ech).ok_or(Trouble::NoEch)
    }

    async fn by_system(&self, host: &str) -> Result<Resolved, Trouble> {
        let looking = timeout(SYSTEM_MAX, (self.system)(host.to_owned())).await;
        let addresses = looking.map_err(|_| Trouble::NoResolver)?.map_err(|error| system::trouble(&error))?;
        if addresses.is_empty() { Err(Trouble::NoAddress) } else { Ok(Resolved { addresses, by: Source::System }) }
    }

    async fn by_doh(&self, host: &str) -> Result<Resolved, Trouble> {
        let answer = self.providers.answer(host).await?;
        Ok(Resolved { addresses: answer.addresses, by: Source::Doh })
    }

    async fn by_either(&self, host: &str) -> Result<Resolved, Trouble> {
        let by_system = self.by_system(host);
        tokio::pin!(by_system);
        match timeout(SYSTEM, &mut by_system).await {
            Ok(Ok(found)) => {
                let good = without_bogus(host, &found.addresses);
                if !good.is_empty() {
                    return Ok(Resolved { addresses: good, ..found });
                }
                // If nobody contradicts, it may be a name of one's own network after all.
                self.by_doh(host).await.or(Ok(found))
            }
            Ok(Err(doubtful)) => {
                let second = self.by_doh(host).await;
                second.map_err(|trouble| if trouble == Trouble::NoAddress { trouble } else { doubtful })
            }
            Err(_) => {
                let by_doh = self.by_doh(host);
                tokio::select! {
                    Ok(found) = by_doh => Ok(found),
                    Ok(found) = by_system => {
                        let addresses = without_bogus(host, &found.addresses);
                        if addresses.is_empty() { Err(Trouble::NoResolver) } else { Ok(Resolved { addresses, ..found }) }
                    }
                    else => Err(Trouble::NoResolver),
                }
            }
        }
    }
}

/// A host that is an address itself.
fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// The addresses that this name can have.
fn without_bogus(host: &str, addresses: &[IpAddr]) -> Vec<IpAddr> {
    let public = system::is_public(host);
    addresses.iter().copied().filter(|address| !(public && system::is_bogus(*address))).collect()
}
