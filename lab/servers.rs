//! The world behind the censor: a simulated WhatsApp, and at two addresses the relay, which has two ports, or what others have instead.
//!
//! Our relay itself is `ours`'s.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use pasarela_e2e::{
    haproxy::{Haproxy, Options as Official},
    identity::Identity,
    official::OfficialPorts,
    peers::Ends,
};
use pasarela_sim::{Sim, SimConfig};
use tokio::process::Child;

use crate::{
    interceptor,
    ours::{self, ABOVE, NAME, Ours},
    place::Place,
    programs, resolvers,
    system::{Cargo, System},
};

/// What a client has to know of the world.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Where the relay is.
    pub(crate) place: Place,
    /// The authorities that certify the relay and the resolvers, DER.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// The authority that certifies WhatsApp's host for media, DER.
    pub(crate) media: Vec<u8>,
    /// WhatsApp's root key here.
    pub(crate) root: [u8; 32],
    /// Where tunnels lead, for those of whose far ends the client says it.
    pub(crate) upstream: SocketAddr,
    /// What the far ends of others show.
    pub(crate) identity: Arc<Identity>,
    /// For files of both ends.
    pub(crate) folder: PathBuf,
}

/// All servers.
pub(crate) struct Servers {
    pub(crate) known: Known,
    _sim: Sim,
    far: Far,
}

/// What takes phones' connections to WhatsApp.
enum Far {
    Ours(#[expect(dead_code, reason = "runs until it is dropped")] Ours),
    Official(Box<Haproxy>),
    Tunnel(Child),
}

impl Servers {
    /// Starts them, in tasks of the current runtime.
    pub(crate) async fn start(system: System, cargo: Cargo, place: Place, folder: &Path) -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let upstream = match cargo {
            Cargo::Chat => sim.chat(),
            Cargo::Media => sim.media(),
        };
        let identity = Identity::make(folder, &[&format!("*.{ABOVE}")])?;
        let mut authorities: Vec<_> = resolvers::start(place, system.is_ours()).await?.into_iter().collect();
        if place == Place::Intercepted {
            interceptor::start(place).await?;
        }
        let far = match system.tunnel() {
            Some(peer) => {
                let relay = at(place, 443);
                let ends = Ends { relay, host: NAME, phones: relay, upstream, identity: Some(&identity), folder };
                let child = programs::server(peer, &ends).await.with_context(|| format!("{}'s server", peer.name()))?;
                Far::Tunnel(child)
            }
            None if system.is_ours() => {
                let (relay, authority) = Ours::start(&sim, place).await?;
                authorities.push(authority);
                Far::Ours(relay)
            }
            None => {
                let ports = OfficialPorts::of(|number| Some(at(place, number)))?;
                let options = Official { by: programs::TIED, ports: Some(ports), ..Official::towards(&sim) };
                Far::Official(Box::new(Haproxy::start_with(&options).await?))
            }
        };
        let known = Known {
            place,
            authorities,
            media: sim.ca_der().to_vec(),
            root: *sim.root_key(),
            upstream,
            identity: Arc::new(identity),
            folder: folder.to_owned(),
        };
        Ok(Self { known, _sim: sim, far })
    }

    /// Ends them, and waits until programs of others are gone. What cannot be killed has ended.
    pub(crate) async fn end(self) {
        match self.far {
            Far::Ours(_) => {}
            Far::Official(haproxy) => drop(haproxy.kill().await),
            Far::Tunnel(mut child) => drop(child.kill().await),
        }
    }
}

/// Where others' far ends listen: everywhere, but for where somebody else sits before them.
fn at(place: Place, port: u16) -> SocketAddr {
    let address: IpAddr = match place {
        Place::Known | Place::Asked => Ipv4Addr::UNSPECIFIED.into(),
        // It takes IPv4, too.
        Place::Both => Ipv6Addr::UNSPECIFIED.into(),
        Place::Intercepted if ours::PORTS.contains(&port) => Ipv4Addr::LOCALHOST.into(),
        Place::Intercepted => Ipv4Addr::UNSPECIFIED.into(),
    };
    (address, port).into()
}
