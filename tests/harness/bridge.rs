//! A bridge in this process, on free ports of this machine.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result};
use pasarela::{
    bridge::{self, Listener, Relay, Standing, Tuning},
    connect::{Connector, Resolver, Setup},
    frontend::{Admission, Door, Intake, OFFICIAL},
    link::Link,
};
use rustls::pki_types::CertificateDer;
use tokio::{net::TcpListener, time::timeout};

use crate::{official::OfficialPorts, socket::PATIENCE};

/// A running bridge with all kinds of ports.
#[derive(Debug)]
pub struct Bridge {
    /// The bridge itself.
    pub bridge: bridge::Bridge,
}

impl Bridge {
    /// A bridge through these relays.
    ///
    /// # Errors
    /// A link that is none, or no free port.
    pub async fn start(links: &[String], tuning: Tuning) -> Result<Self> {
        Self::trusting(links, tuning, Vec::new()).await
    }

    /// The same; it trusts these authorities, too.
    ///
    /// # Errors
    /// As there.
    pub async fn trusting(links: &[String], tuning: Tuning, extra_roots: Vec<CertificateDer<'static>>) -> Result<Self> {
        let setup = Setup { extra_roots, ..Setup::new(Resolver::system()) };
        let relays = links.iter().map(|link| {
            let link: Link = link.parse()?;
            let connector = Connector::new(&link, &setup)?;
            anyhow::Ok(Relay::new(&link, Arc::new(connector)))
        });
        let relays = relays.collect::<Result<_>>()?;
        let free = async || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let mut listeners = vec![Listener::Phone(free().await?, Door::ANY), Listener::Socks(free().await?)];
        for (_, door) in OFFICIAL {
            listeners.push(Listener::Phone(free().await?, door));
        }
        let trusted = vec!["127.0.0.0/8".parse()?];
        let intake = Intake::new(Admission { trusted, ..Admission::default() })?;
        Ok(Self { bridge: bridge::Bridge::start(listeners, intake, relays, tuning)? })
    }

    /// The one port for everything.
    ///
    /// # Errors
    /// There is none.
    pub fn port(&self) -> Result<SocketAddr> {
        self.bridge.addresses().first().copied().context("no such port")
    }

    /// Waits until it stands so.
    ///
    /// # Errors
    /// It does not for a long time.
    pub async fn until(&self, mut condition: impl FnMut(&Standing) -> bool) -> Result<Standing> {
        let mut changes = self.bridge.watch();
        let reached = async {
            loop {
                let standing = self.bridge.standing();
                if condition(&standing) {
                    return anyhow::Ok(standing);
                }
                changes.changed().await?;
            }
        };
        timeout(PATIENCE, reached).await.with_context(|| format!("it stands so: {:?}", self.bridge.standing()))?
    }

    /// For programs that speak SOCKS5.
    ///
    /// # Errors
    /// There is none.
    pub fn socks(&self) -> Result<SocketAddr> {
        self.bridge.addresses().get(1).copied().context("no such port")
    }

    /// What stands for the official proxy's ports.
    ///
    /// # Errors
    /// One is not there.
    pub fn official(&self) -> Result<OfficialPorts> {
        let opened = self.bridge.addresses().get(2..).unwrap_or_default();
        OfficialPorts::of(|number| {
            let index = OFFICIAL.iter().position(|(port, _)| *port == number)?;
            opened.get(index).copied()
        })
    }
}
