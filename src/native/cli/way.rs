//! How a relay is reached, as commands that reach one are told: whom to ask for its address, whom to trust.

use std::{path::PathBuf, sync::Arc};

use rustls::pki_types::CertificateDer;

use super::{
    Failure, authorities,
    texts::{program as texts, unusable},
};
use crate::{
    connect::{Exit, Exits, Mode, Provider, Resolver, UnusableExit},
    link::Link,
};

/// Flags of every command that reaches a relay.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How to reach the relay")]
pub(super) struct Way {
    /// How to look up its address: auto asks the system, and DNS over HTTPS if the system has no good answer
    #[arg(long, value_name = "WHOM", env = "PASARELA_DNS", default_value = "auto")]
    dns: Dns,

    /// A DNS over HTTPS server to use in place of the usual ones; may be repeated. For example
    /// `https://9.9.9.9/dns-query`, or by name with its address: `https://dns.example/dns-query#192.0.2.1`
    #[arg(long, value_name = "URL", env = "PASARELA_DOH", value_delimiter = ' ')]
    doh: Vec<Provider>,

    /// The proxy that leads out of this network, http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host if
    /// it wants one. It can see which relay is used [default: as HTTPS_PROXY, ALL_PROXY and NO_PROXY say]
    #[arg(long, value_name = "URL", env = "PASARELA_PROXY", hide_env_values = true)]
    proxy: Option<String>,

    /// Trust the certificate authorities in this file, too
    #[arg(long, value_name = "FILE", env = "PASARELA_CA")]
    ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Dns {
    Auto,
    System,
    Doh,
}

impl From<Dns> for Mode {
    fn from(dns: Dns) -> Self {
        match dns {
            Dns::Auto => Self::Auto,
            Dns::System => Self::System,
            Dns::Doh => Self::Doh,
        }
    }
}

impl Way {
    /// Who resolves names, and the additional authorities.
    pub(super) fn read(&self) -> Result<(Arc<Resolver>, Vec<CertificateDer<'static>>), Failure> {
        let authorities = self.ca.as_deref().map(authorities::read).transpose()?.unwrap_or_default();
        let providers = if self.doh.is_empty() { Provider::usual() } else { self.doh.clone() };
        let resolver = Resolver::new(self.dns.into(), &providers, &authorities)
            .map_err(|cause| Failure::told(texts::NO_RESOLVER, unusable::provider(cause), texts::ANOTHER_DOH))?;
        let resolver = resolver.through(&self.exits()).map_err(no_exit)?;
        Ok((Arc::new(resolver), authorities))
    }

    fn exits(&self) -> Exits {
        self.proxy.as_deref().map_or_else(Exits::from_env, Exits::given)
    }

    /// The way out towards the relay of a link.
    pub(super) fn exit(&self, link: &Link) -> Result<Option<Exit>, Failure> {
        self.exits().towards(link.secure, &link.authority()).map_err(no_exit)
    }
}

fn no_exit(cause: UnusableExit) -> Failure {
    Failure::told(texts::NO_EXIT, unusable::exit(cause), texts::ANOTHER_EXIT)
}
