//! A server of DNS over HTTPS (RFC 8484), which knows what a test tells it.
//!
//! What is asked of it is in the tests.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, Version, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use simple_dns::{
    CLASS, Name, Packet, QTYPE, RCODE, ResourceRecord, TYPE,
    rdata::{A, AAAA, HTTPS, RData, SVCB, SVCParam},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What is known of a name.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// ECHConfigs, without the length of their list.
    pub ech: Option<Vec<u8>>,
}

/// A server of DNS over HTTPS. Dropping it closes it.
#[derive(Debug)]
pub struct DohServer {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, TYPE, Version)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for DohServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DohServer {
    /// Who has this certificate, by HTTP/2 or by HTTP/1.1.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(identity: &ServerConfig, h2: bool, known: BTreeMap<&'static str, Known>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::start_at(listener, identity, h2, known)
    }

    /// The same, here.
    ///
    /// # Errors
    /// The listener is bound to nothing.
    pub fn start_at(
        listener: TcpListener,
        identity: &ServerConfig,
        h2: bool,
        known: BTreeMap<&'static str, Known>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let mut config = identity.clone();
        config.alpn_protocols = vec![if h2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let asked = Arc::new(Mutex::default());
        let log = Arc::clone(&asked);
        let known = Arc::new(known);
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.expect("accepts");
                let (acceptor, log, known) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&known));
                tasks.spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let answer = answer(&request, &known, &log);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let io = TokioIo::new(tls);
                    if h2 {
                        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        let _ = serving.serve_connection(io, service).await;
                    } else {
                        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                    }
                });
            }
        });
        Ok(Self { address, asked, task })
    }

    /// The questions so far, with the version of HTTP.
    pub fn asked(&self) -> Vec<(String, TYPE, Version)> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn answer(
    request: &Request<Incoming>,
    known: &BTreeMap<&'static str, Known>,
    log: &Mutex<Vec<(String, TYPE, Version)>>,
) -> Response<Full<Bytes>> {
    assert_eq!(request.uri().path(), "/dns-query");
    assert_eq!(request.headers().get("accept").map(|value| value.as_bytes()), Some(&b"application/dns-message"[..]));
    let query = request.uri().query().and_then(|query| query.strip_prefix("dns=")).expect("a question");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(query).expect("base64");
    let packet = Packet::parse(&bytes).expect("DNS");
    let question = packet.questions.first().expect("one").clone();
    let QTYPE::TYPE(kind) = question.qtype else { unreachable!("{question:?}") };
    let name = question.qname.to_string();
    log.lock().expect("no panic").push((name.clone(), kind, request.version()));
    let mut reply = Packet::new_reply(packet.id());
    match known.get(name.as_str()) {
        None => *reply.rcode_mut() = RCODE::NameError,
        Some(known) => {
            let name = Name::new_unchecked(&name);
            let records = records(known, kind);
            reply.answers =
                records.into_iter().map(|data| ResourceRecord::new(name.clone(), CLASS::IN, 300, data)).collect();
        }
    }
    let bytes = reply.build_bytes_vec_compressed().expect("fits");
    let response = Response::builder().header("content-type", "application/dns-message");
    response.body(Full::from(bytes)).expect("valid")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is asked")]
fn records(known: &Known, kind: TYPE) -> Vec<RData<'_>> {
    let addresses = known.addresses.iter();
    match kind {
        TYPE::A => addresses
            .filter_map(|address| match address {
                IpAddr::V4(v4) => Some(RData::A(A { address: (*v4).into() })),
                IpAddr::V6(_) => None,
            })
            .collect(),
        TYPE::AAAA => addresses
            .filter_map(|address| match address {
                IpAddr::V6(v6) => Some(RData::AAAA(AAAA { address: (*v6).into() })),
                IpAddr::V4(_) => None,
            })
            .collect(),
        TYPE::HTTPS => known
            .ech
            .iter()
            .map(|configs| {
                let svcb = SVCB::new(1, Name::new_unchecked(""));
                RData::HTTPS(HTTPS(svcb.with_param(SVCParam::Ech(configs[..].into()))))
            })
            .collect(),
        _ => Vec::new(),
    }
}
