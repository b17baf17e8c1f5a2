//! Our relay, at all addresses and ports of its place.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Result;
use pasarela::serve::{Options, Relay};
use pasarela_core::config::Config;
use pasarela_e2e::identity::certified;
use pasarela_sim::Sim;
use tokio::net::{TcpListener, TcpStream};

use crate::place::Place;

/// What its link calls it, and what censors look for.
pub(crate) const NAME: &str = "edge.relay.example";

/// It has every name below this one.
pub(crate) const ABOVE: &str = "relay.example";

/// Its ports.
pub(crate) const PORTS: [u16; 2] = [443, 8443];

pub(crate) const KEY: &str = "a-key-of-the-lab-for-tests";

/// The relay. It runs until it is dropped.
pub(crate) struct Ours(#[expect(dead_code, reason = "it is only held")] Relay);

impl Ours {
    /// Starts it; gives the authority that certifies it, too.
    pub(crate) async fn start(sim: &Sim, place: Place) -> Result<(Self, Vec<u8>)> {
        let vars = |name: &str| match name {
            "RELAY_KEYS" => Some(format!("lab={KEY}")),
            "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
            "UPSTREAM_TLS" => Some(sim.media().to_string()),
            _ => None,
        };
        let (tls, authority) = certified(&[&format!("*.{ABOVE}")])?;
        let options = Options { tls: Some(Arc::new(tls)), rate: 0, ..Options::default() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?;
        let relay = Relay::start_with(listener, Config::from_vars(vars)?, options)?;
        // Somebody else answers in its place.
        let ends = place.addresses().into_iter().filter(|_| place != Place::Intercepted);
        for address in ends {
            for port in PORTS {
                tokio::spawn(forward_all(TcpListener::bind((address, port)).await?, own));
            }
        }
        Ok((Self(relay), authority.to_vec()))
    }
}

/// One relay behind all of them, so that a stream can move from one to the other.
async fn forward_all(listener: TcpListener, to: SocketAddr) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(forward(tcp, to));
    }
}

async fn forward(mut near: TcpStream, to: SocketAddr) -> Result<()> {
    near.set_nodelay(true)?;
    let mut far = TcpStream::connect(to).await?;
    far.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}
