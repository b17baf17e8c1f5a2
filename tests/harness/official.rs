//! The ports of the official WhatsApp proxy, whoever serves them, and how WhatsApp on a phone connects to each.
//!
//! What must come of it the tests say; `haproxy` serves the ports as the official proxy does.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use pasarela::{connect::anybody, tunnel::Stream};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::socket::PATIENCE;

/// Where each port of the official proxy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfficialPorts {
    /// 80: chat as it is, to WhatsApp's port 80.
    pub chat_http: SocketAddr,
    /// 443: chat in TLS, which the proxy ends.
    pub chat_tls: SocketAddr,
    /// 5222: chat as it is.
    pub chat_raw: SocketAddr,
    /// 8080: as 80, behind a load balancer that says in a PROXY header who connects.
    pub balanced_http: SocketAddr,
    /// 8443: as 443, behind a load balancer.
    pub balanced_tls: SocketAddr,
    /// 8222: as 5222, behind a load balancer.
    pub balanced_raw: SocketAddr,
    /// 587: media, TLS that the proxy does not end.
    pub media: SocketAddr,
    /// 7777: the same.
    pub media_other: SocketAddr,
}

impl OfficialPorts {
    /// Where each is, by its number.
    ///
    /// # Errors
    /// One is nowhere.
    pub fn of(place: impl Fn(u16) -> Option<SocketAddr>) -> Result<Self> {
        let place = |number| place(number).with_context(|| format!("nothing serves {number}"));
        Ok(Self {
            chat_http: place(80)?,
            chat_tls: place(443)?,
            chat_raw: place(5222)?,
            balanced_http: place(8080)?,
            balanced_tls: place(8443)?,
            balanced_raw: place(8222)?,
            media: place(587)?,
            media_other: place(7777)?,
        })
    }

    /// The ports for chat, direct ones first.
    pub fn chat(&self) -> [Port; 6] {
        let port = |address, layer, balanced| Port { address, layer, balanced };
        [
            port(self.chat_http, Layer::Plain, false),
            port(self.chat_tls, Layer::Tls, false),
            port(self.chat_raw, Layer::Plain, false),
            port(self.balanced_http, Layer::Plain, true),
            port(self.balanced_tls, Layer::Tls, true),
            port(self.balanced_raw, Layer::Plain, true),
        ]
    }
}

/// A port for chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Where.
    pub address: SocketAddr,
    /// What is around the chat.
    pub layer: Layer,
    /// Whether a PROXY header must come first.
    pub balanced: bool,
}

/// What is around the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Nothing.
    Plain,
    /// TLS with a certificate that nobody checks.
    Tls,
}

/// A connection to a port for chat.
pub struct Line {
    /// Chat goes here.
    pub stream: Box<dyn Stream>,
    /// This end's address, as the proxy sees it.
    pub local: SocketAddr,
}

/// Connects to a port for chat; `header` goes before everything else.
///
/// # Errors
/// No connection, or no TLS session.
pub async fn chat(port: &Port, header: &[u8]) -> Result<Line> {
    let mut tcp = TcpStream::connect(port.address).await.with_context(|| format!("no connection to {port:?}"))?;
    // Or a message waits until the one before it is acknowledged.
    tcp.set_nodelay(true)?;
    let local = tcp.local_addr()?;
    tcp.write_all(header).await?;
    let stream: Box<dyn Stream> = match port.layer {
        Layer::Plain => Box::new(tcp),
        Layer::Tls => Box::new(tls(tcp, &port.address.ip().to_string()).await?),
    };
    Ok(Line { stream, local })
}

/// TLS to a proxy by this name, as the app speaks it: any certificate will do.
///
/// # Errors
/// No session.
pub async fn tls(tcp: TcpStream, name: &str) -> Result<TlsStream<TcpStream>> {
    let session = timeout(PATIENCE, TlsConnector::from(anybody()).connect(ServerName::try_from(name.to_owned())?, tcp));
    session.await.context("no TLS session in time")?.context("no TLS session with the proxy")
}

/// Connects to a port for media and makes a session with `name` as certified by `ca`.
///
/// # Errors
/// No connection, or no TLS session.
pub async fn media(address: SocketAddr, name: &str, ca: &[u8]) -> Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await.with_context(|| format!("no connection to {address}"))?;
    tcp.set_nodelay(true)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ca.to_vec()))?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned())?;
    let session = timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, tcp));
    session.await.context("no TLS session in time")?.context("no TLS session")
}
