//! What may stand where a connector connects to: a TLS server with a certificate of the test's choice, or something worse.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use pasarela::{
    connect::{Connector, Pace, Resolver, Setup, Spares},
    link::Link,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use crate::within;

/// What a server says when the handshake is done.
pub(crate) const GREETING: &[u8; 5] = b"hello";

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for these names or addresses, valid between these years.
    pub(crate) fn certify(&self, names: &[&str], years: [i32; 2]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        let [from, to] = years.map(|year| date_time_ymd(year, 1, 1));
        (params.not_before, params.not_after) = (from, to);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity::new(certificate.der().clone(), &key)
    }

    /// The same, valid now.
    pub(crate) fn name(&self, names: &[&str]) -> Identity {
        self.certify(names, [2020, 2090])
    }
}

/// An authority's certificate that is used as a server's, as `openssl req -x509` makes them.
pub(crate) fn own_authority(name: &str) -> (CertificateDer<'static>, Identity) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate").der().clone();
    (certificate.clone(), Identity::new(certificate, &key))
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) pin: [u8; 32],
}

impl Identity {
    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let pin = Sha256::digest(key.subject_public_key_info()).into();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = builder
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they fit");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { config: Arc::new(config), pin }
    }
}

/// How a connection is met.
#[derive(Clone)]
pub(crate) enum Manner {
    /// TLS, the greeting, and silence.
    Tls(Identity),
    /// TLS, and silence.
    Quiet(Identity),
    /// Reads the hello and resets.
    Reset,
    /// Reads the hello and closes.
    Close,
    /// Says this.
    Say(&'static [u8]),
    /// Says nothing.
    Silence,
}

/// What a handshake showed to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) resumed: bool,
}

/// What happened.
#[derive(Clone, Debug, Default)]
struct Log {
    accepted: usize,
    seen: Vec<Seen>,
    gone: usize,
}

/// A listener. Dropping it closes it.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    log: watch::Sender<Log>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), manner).await
    }

    pub(crate) async fn start_at(address: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (log, _) = watch::channel(Log::default());
        let events = log.clone();
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.expect("accepts");
                events.send_modify(|log| log.accepted += 1);
                let (manner, events) = (manner.clone(), events.clone());
                tasks.spawn(async move {
                    meet(tcp, manner, &events).await;
                    events.send_modify(|log| log.gone += 1);
                });
            }
        });
        Self { address, log, task }
    }

    pub(crate) async fn tls(identity: &Identity) -> Self {
        Self::start(Manner::Tls(identity.clone())).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The handshakes that were done, in their order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.borrow().seen.clone()
    }

    /// The connections so far.
    pub(crate) fn accepted(&self) -> usize {
        self.log.borrow().accepted
    }

    /// Waits for so many handshakes.
    pub(crate) async fn wait_seen(&self, count: usize) {
        self.wait(|log| log.seen.len() >= count).await;
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn wait_gone(&self, count: usize) {
        self.wait(|log| log.gone >= count).await;
    }

    async fn wait(&self, condition: impl FnMut(&Log) -> bool) {
        let mut log = self.log.subscribe();
        within(log.wait_for(condition)).await.expect("it runs");
    }
}

async fn meet(mut tcp: TcpStream, manner: Manner, log: &watch::Sender<Log>) {
    let greeting: &[u8] = if matches!(manner, Manner::Tls(_)) { GREETING } else { &[] };
    match manner {
        Manner::Tls(identity) | Manner::Quiet(identity) => {
            let Ok(mut tls) = TlsAcceptor::from(identity.config).accept(tcp).await else { return };
            let (_, connection) = tls.get_ref();
            let seen = Seen {
                sni: connection.server_name().map(str::to_owned),
                alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
                resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            };
            log.send_modify(|log| log.seen.push(seen));
            if tls.write_all(greeting).await.is_ok() {
                // Until the client goes.
                let _ = tls.read(&mut [0]).await;
            }
        }
        Manner::Reset => {
            let _ = tcp.read(&mut [0; 100]).await;
            tcp.set_zero_linger().expect("a socket");
        }
        Manner::Close => {
            let _ = tcp.read(&mut [0; 4096]).await;
        }
        Manner::Say(words) => {
            let _ = tcp.write_all(words).await;
            let _ = tcp.read_to_end(&mut Vec::new()).await;
        }
        Manner::Silence => {
            let _ = tcp.read_to_end(&mut Vec::new()).await;
        }
    }
}

/// A connector of this link, which trusts this authority, too.
pub(crate) fn connector(link: &str, authority: &Authority) -> Connector {
    connector_at(link, authority, Pace::DEFAULT)
}

pub(crate) fn connector_at(link: &str, authority: &Authority, pace: Pace) -> Connector {
    let link: Link = link.parse().expect("a link");
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = vec![authority.certificate.clone()];
    setup.pace = pace;
    setup.spares = Spares::NONE;
    Connector::new(&link, &setup).expect("usable")
}
