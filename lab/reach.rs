//! What a phone is told to connect to: a bridge of ours, a tunnel's near end, or the official proxy itself.
//!
//! What the phone does then is `phone`'s.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use pasarela::{
    bridge::{Bridge, Listener, Relay, Tuning},
    connect::{Connector, Resolver, Setup},
    frontend::{Admission, Door, Intake},
    link::Link,
    tunnel::BoxedStream,
};
use pasarela_e2e::{
    measuring::ask,
    official::{self, Layer, OfficialPorts, Port},
    peers::{Ends, Peer},
    phone,
};
use pasarela_sim::pattern;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Child,
};

use crate::{
    programs,
    servers::{KEY, Known, NAME, RELAY},
    system::System,
};

/// Where a tunnel's near end takes phones.
const PHONES: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5222);

/// What a phone connects to, and what runs for that; it ends when this is dropped.
pub(crate) enum Reach {
    Bridge(Bridge, SocketAddr),
    Tunnel(Child),
    Official { chat: Port, media: SocketAddr, ca: Vec<u8> },
}

impl Reach {
    /// Starts what the system needs beside the phone.
    pub(crate) async fn start(system: System, known: &Known) -> Result<Self> {
        let official = OfficialPorts::of(|number| Some((RELAY[0], number).into()))?;
        let proxy = |address, layer| Self::Official {
            chat: Port { address, layer, balanced: false },
            media: official.media,
            ca: known.media.clone(),
        };
        match system.tunnel() {
            Some(peer) => tunnel(peer, known).await,
            None if system == System::Haproxy => Ok(proxy(official.chat_tls, Layer::Tls)),
            None if system == System::HaproxyRaw => Ok(proxy(official.chat_raw, Layer::Plain)),
            None => bridge(system, known).await,
        }
    }

    /// A phone's connection for chat.
    pub(crate) async fn chat(&self) -> Result<BoxedStream> {
        match self {
            Self::Bridge(_, phones) => Ok(Box::new(TcpStream::connect(phones).await?)),
            Self::Tunnel(_) => Ok(Box::new(TcpStream::connect(PHONES).await?)),
            Self::Official { chat, .. } => Ok(official::chat(chat, &[]).await?.stream),
        }
    }

    /// Fetches so many bytes. The official proxy has a port for that, on which media's own TLS names WhatsApp.
    pub(crate) async fn file(&self, size: u64) -> Result<()> {
        if let Self::Official { media, ca, .. } = self {
            return phone::download(*media, ca, size, |_| ()).await;
        }
        let mut phone = self.chat().await?;
        phone.write_all(&ask(&format!("sim source {size}"))).await?;
        let (mut at, mut buffer) = (0, vec![0; 1 << 16]);
        while at < size {
            let read = phone.read(&mut buffer).await?;
            ensure!(read > 0, "ended after {at} bytes");
            ensure!(pattern::matches(at, buffer.get(..read).unwrap_or_default()), "wrong bytes after {at}");
            at += read as u64;
        }
        Ok(())
    }

    pub(crate) async fn end(self) {
        match self {
            Self::Bridge(bridge, _) => bridge.shutdown().await,
            // What cannot be killed has ended.
            Self::Tunnel(mut child) => drop(child.kill().await),
            Self::Official { .. } => {}
        }
    }
}

async fn bridge(system: System, known: &Known) -> Result<Reach> {
    let parameters = system.parameters();
    let addresses = RELAY.map(|address| format!("&addr={address}")).concat();
    let link: Link = format!("https://{NAME}/#{KEY}{addresses}{parameters}").parse()?;
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = vec![CertificateDer::from(known.ca.clone())];
    let relay = Relay::new(&link, Arc::new(Connector::new(&link, &setup)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let intake = Intake::new(Admission::default())?;
    let bridge = Bridge::start(vec![Listener::Phone(listener, Door::ANY)], intake, vec![relay], Tuning::default())?;
    let phones = *bridge.addresses().first().context("it listens")?;
    Ok(Reach::Bridge(bridge, phones))
}

async fn tunnel(peer: Peer, known: &Known) -> Result<Reach> {
    let Known { chat, identity, folder, .. } = known;
    let [first, _] = RELAY;
    let relay = SocketAddr::from((first, 443));
    let identity = Some(&**identity);
    let ends = Ends { relay, host: NAME, phones: PHONES, upstream: *chat, identity, folder };
    Ok(Reach::Tunnel(programs::client(peer, &ends).await.with_context(|| format!("{}'s client", peer.name()))?))
}
