//! Which hello a relay is greeted with: plain, pretended or encrypted, and then by which configuration.
//!
//! The handshake is `tls`'s, asking DNS is `dns`'s.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{
    dns::Resolver,
    tls::{Client, Hiding, Identity, UnusableEch},
};
use crate::{link::Ech, tls::Authorities, trouble::Trouble};

/// The hello of one relay.
#[derive(Debug)]
pub(super) struct Hello {
    identity: Identity,
    authorities: Authorities,
    /// To be asked for this name, if nothing is kept.
    asks: Option<(Arc<Resolver>, String)>,
    /// Locked while somebody asks, so that others wait for the same answer.
    kept: Mutex<Option<Client>>,
}

impl Hello {
    pub(super) fn new(
        identity: Identity,
        authorities: Authorities,
        ech: &Ech,
        host: &str,
        resolver: &Arc<Resolver>,
    ) -> Result<Self, UnusableEch> {
        let hiding = match ech {
            Ech::Off => Some(Hiding::None),
            Ech::Grease => Some(Hiding::Grease),
            Ech::Config(list) => Some(Hiding::Ech(list)),
            Ech::Auto => None,
        };
        let kept = hiding.map(|hiding| Client::new(&identity, hiding, &authorities)).transpose()?;
        let asks = kept.is_none().then(|| (Arc::clone(resolver), host.to_owned()));
        Ok(Self { identity, authorities, asks, kept: Mutex::new(kept) })
    }

    /// For the next handshake.
    pub(super) async fn client(&self) -> Result<Client, Trouble> {
        let mut kept = self.kept.lock().await;
        match (&*kept, &self.asks) {
            (Some(client), _) => Ok(client.clone()),
            (None, None) => Err(Trouble::NoEch),
            (None, Some((resolver, host))) => {
                let list = resolver.ech(host).await?;
                let client = self.encrypted(&list).map_err(|UnusableEch| Trouble::NoEch)?;
                *kept = Some(client.clone());
                Ok(client)
            }
        }
    }

    /// For one more handshake, and those after it, by the configuration that the server offered.
    pub(super) async fn offered(&self, list: &[u8]) -> Result<Client, Trouble> {
        let client = self.encrypted(list).map_err(|UnusableEch| Trouble::EchRejected)?;
        *self.kept.lock().await = Some(client.clone());
        Ok(client)
    }

    /// What was learned is no good: DNS is asked again next time.
    pub(super) async fn forget(&self) {
        if self.asks.is_some() {
            *self.kept.lock().await = None;
        }
    }

    fn encrypted(&self, list: &[u8]) -> Result<Client, UnusableEch> {
        Client::new(&self.identity, Hiding::Ech(list), &self.authorities)
    }
}
