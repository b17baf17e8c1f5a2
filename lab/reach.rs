//! What a phone is told to connect to: a bridge of ours, a tunnel's near end, or the official proxy itself.
//!
//! What the phone does then is `phone`'s.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use pasarela::{
    bridge::{Bridge, Listener, Relay, Tuning},
    connect::{Connector, Mode, Provider, Resolver, Setup},
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
    ours::{KEY, NAME},
    place::Place,
    programs,
    servers::Known,
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
    /// Starts what the system needs beside the phone: for ours the bridge of this `program`, if there is one.
    pub(crate) async fn start(system: System, known: &Known, program: Option<&Path>) -> Result<Self> {
        let official = OfficialPorts::of(|number| Some((known.place.old_address(), number).into()))?;
        let proxy = |address, layer| Self::Official {
            chat: Port { address, layer, balanced: false },
            media: official.media,
            ca: known.media.clone(),
        };
        match system.tunnel() {
            Some(peer) => tunnel(peer, known).await,
            None if system == System::Haproxy => Ok(proxy(official.chat_tls, Layer::Tls)),
            None if system == System::HaproxyRaw => Ok(proxy(official.chat_raw, Layer::Plain)),
            None => match program {
                Some(program) => another(program, &link(system, known), known).await,
                None => bridge(&link(system, known), known).await,
            },
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

    /// Where a phone connects for media.
    pub(crate) fn media(&self) -> SocketAddr {
        match self {
            Self::Bridge(_, phones) => *phones,
            Self::Tunnel(_) => PHONES,
            Self::Official { media, .. } => *media,
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

    /// What our bridge tells programs of the network, and how it goes on; or what keeps it from that.
    pub(crate) fn says(&self) -> Option<String> {
        let Self::Bridge(bridge, _) = self else { return None };
        let standing = bridge.standing();
        let freezes = standing.freezes.then(|| "freezes".to_owned());
        let way = standing.detour.map(|way| match way.met {
            Some(met) => format!("{}: {way}", met.token()),
            None => way.to_string(),
        });
        freezes.or(way).or_else(|| standing.problem.map(|(_, trouble, _)| trouble.to_string()))
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

/// The link that ours is given.
fn link(system: System, known: &Known) -> String {
    let parameters = system.parameters();
    let addresses = match known.place {
        Place::Asked => String::new(),
        Place::Known | Place::Both | Place::Intercepted => {
            known.place.addresses().map(|address| format!("&addr={address}")).concat()
        }
    };
    format!("https://{NAME}/#{KEY}{addresses}{parameters}")
}

/// The bridge of a program, of an older one perhaps.
async fn another(program: &Path, link: &str, known: &Known) -> Result<Reach> {
    let authorities = known.folder.join("authorities.pem");
    std::fs::write(&authorities, pem(&known.authorities))?;
    let mut command = programs::tied(program);
    command.args(["bridge", link, "--json", "--listen"]).arg(PHONES.to_string()).arg("--ca").arg(authorities);
    Ok(Reach::Tunnel(programs::start(command, PHONES).await.context("the bridge of that program")?))
}

fn pem(authorities: &[Vec<u8>]) -> String {
    let one = |der: &Vec<u8>| {
        let lines = BASE64.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    };
    authorities.iter().map(one).collect()
}

/// Our bridge in this process.
async fn bridge(link: &str, known: &Known) -> Result<Reach> {
    let link: Link = link.parse()?;
    let roots: Vec<_> = known.authorities.iter().map(|authority| CertificateDer::from(authority.clone())).collect();
    let mut setup = Setup::new(Arc::new(Resolver::new(Mode::Auto, &Provider::usual(), &roots)?));
    setup.extra_roots = roots;
    let relay = Relay::new(&link, Arc::new(Connector::new(&link, &setup)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let intake = Intake::new(Admission::default())?;
    let bridge = Bridge::start(vec![Listener::Phone(listener, Door::ANY)], intake, vec![relay], Tuning::default())?;
    let phones = *bridge.addresses().first().context("it listens")?;
    Ok(Reach::Bridge(bridge, phones))
}

async fn tunnel(peer: Peer, known: &Known) -> Result<Reach> {
    let Known { upstream, identity, folder, .. } = known;
    let [first, _] = known.place.addresses();
    let relay = SocketAddr::from((first, 443));
    let identity = Some(&**identity);
    let ends = Ends { relay, host: NAME, phones: PHONES, upstream: *upstream, identity, folder };
    Ok(Reach::Tunnel(programs::client(peer, &ends).await.with_context(|| format!("{}'s client", peer.name()))?))
}
