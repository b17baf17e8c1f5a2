//! The world behind the censor: a simulated WhatsApp, and the relay at two addresses and two ports.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result};
use pasarela::serve::{Options, Relay};
use pasarela_core::config::Config;
use pasarela_sim::{Sim, SimConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::net::{TcpListener, TcpStream};

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
    /// WhatsApp's root key here.
    pub(crate) root: [u8; 32],
}

/// All servers, until they are dropped.
pub(crate) struct Servers {
    pub(crate) known: Known,
    _sim: Sim,
    _relay: Relay,
}

impl Servers {
    /// Starts them, in tasks of the current runtime.
    pub(crate) async fn start() -> Result<Self> {
        let sim = Sim::start(SimConfig::default()).await?;
        let vars = |name: &str| match name {
            "RELAY_KEYS" => Some(format!("lab={KEY}")),
            "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
            _ => None,
        };
        let (tls, ca) = certified()?;
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
        Ok(Self { known: Known { ca, root: *sim.root_key() }, _sim: sim, _relay: relay })
    }
}

async fn forward(mut near: TcpStream) -> Result<()> {
    near.set_nodelay(true)?;
    let mut far = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, 443))).await?;
    far.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

/// TLS of the relay, and its authority's certificate.
fn certified() -> Result<(ServerConfig, Vec<u8>)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer_key = KeyPair::generate()?;
    let authority = params.self_signed(&issuer_key)?;
    let issuer = Issuer::new(params, issuer_key);
    let key = KeyPair::generate()?;
    let names = vec![format!("*.{ABOVE}")];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).ok().context("a key of another kind")?;
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    Ok((config.with_no_client_auth().with_single_cert(chain, key)?, authority.der().to_vec()))
}
