//! The world behind the censor: a simulated WhatsApp, and at two addresses the relay, which has two ports, or what others have instead.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use pasarela::serve::{Options, Relay};
use pasarela_core::config::Config;
use pasarela_e2e::{
    haproxy::{Haproxy, Options as Official},
    identity::{Identity, certified},
    official::OfficialPorts,
    peers::Ends,
};
use pasarela_sim::{Sim, SimConfig};
use tokio::{
    net::{TcpListener, TcpStream},
    process::Child,
};

use crate::{programs, system::System};

/// Where the relay is, in two networks.
pub(crate) const RELAY: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10)), IpAddr::V4(Ipv4Addr::new(203, 0, 113, 20))];

/// What its link calls it, and what censors look for.
pub(crate) const NAME: &str = "edge.relay.example";

/// It has every name below this one.
pub(crate) const ABOVE: &str = "relay.example";

/// Its port besides 443.
pub(crate) const OTHER_PORT: u16 = 8443;

pub(crate) const KEY: &str = "a-key-of-the-lab-for-tests";

/// What a client has to know of the world.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The authority that certifies the relay, DER.
    pub(crate) ca: Vec<u8>,
    /// The authority that certifies WhatsApp's host for media, DER.
    pub(crate) media: Vec<u8>,
    /// WhatsApp's root key here.
    pub(crate) root: [u8; 32],
    /// Where chat is, for those of whose far ends the client says where they lead.
    pub(crate) chat: SocketAddr,
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
    Ours(#[expect(dead_code, reason = "runs until it is dropped")] Relay),
    Official(Box<Haproxy>),
    Tunnel(Child),
}

impl Servers {
    /// Starts them, in tasks of the current runtime.
    pub(crate) async fn start(system: System, folder: &Path) -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let identity = Identity::make(folder, &[&format!("*.{ABOVE}")])?;
        let (far, ca) = match system.tunnel() {
            Some(peer) => {
                let (relay, upstream) = (SocketAddr::from((Ipv4Addr::UNSPECIFIED, 443)), sim.chat());
                let ends = Ends { relay, host: NAME, phones: relay, upstream, identity: Some(&identity), folder };
                let child = programs::server(peer, &ends).await.with_context(|| format!("{}'s server", peer.name()))?;
                (Far::Tunnel(child), Vec::new())
            }
            None if system.is_ours() => ours(&sim).await?,
            None => {
                let ports = OfficialPorts::of(|number| Some((Ipv4Addr::UNSPECIFIED, number).into()))?;
                let options = Official { by: programs::TIED, ports: Some(ports), ..Official::towards(&sim) };
                (Far::Official(Box::new(Haproxy::start_with(&options).await?)), Vec::new())
            }
        };
        let known = Known {
            ca,
            media: sim.ca_der().to_vec(),
            root: *sim.root_key(),
            chat: sim.chat(),
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

/// Our relay, and the authority that certifies it.
async fn ours(sim: &Sim) -> Result<(Far, Vec<u8>)> {
    let vars = |name: &str| match name {
        "RELAY_KEYS" => Some(format!("lab={KEY}")),
        "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
        _ => None,
    };
    let (tls, ca) = certified(&format!("*.{ABOVE}"))?;
    let options = Options { tls: Some(Arc::new(tls)), rate: 0, ..Options::default() };
    let any = Ipv4Addr::UNSPECIFIED;
    let relay = Relay::start_with(TcpListener::bind((any, 443)).await?, Config::from_vars(vars)?, options)?;
    let other = TcpListener::bind((any, OTHER_PORT)).await?;
    tokio::spawn(async move {
        // One relay behind both ports, so that a stream can move from one to the other.
        while let Ok((tcp, _)) = other.accept().await {
            tokio::spawn(forward(tcp));
        }
    });
    Ok((Far::Ours(relay), ca.to_vec()))
}

async fn forward(mut near: TcpStream) -> Result<()> {
    near.set_nodelay(true)?;
    let mut far = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, 443))).await?;
    far.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}
