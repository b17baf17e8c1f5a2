//! DNS over HTTPS (RFC 8484): one connection, all that is to be known of a name, and its end.
//!
//! HTTP/2 where the provider has it, because some have nothing else. What is remembered of the answers, and whether anybody is
//! asked at all, is `dns`'s.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::{http1, http2},
    header::{ACCEPT, CONTENT_TYPE, HOST},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;

use super::{
    super::{
        exit::Exit,
        tcp,
        tls::{Client, Hiding, Identity, server_name},
    },
    message::{self, Kind, Records},
    provider::Provider,
};
use crate::tls::Authorities;

const ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

const TYPE: &str = "application/dns-message";

/// The longest message of DNS, in bytes.
const MESSAGE_MAX: usize = 65_535;

/// All that is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// None if there is no such name.
    pub(super) addresses: Vec<IpAddr>,
    /// An ECHConfigList.
    pub(super) ech: Option<Vec<u8>>,
    pub(super) ttl: Duration,
}

/// A provider with its TLS.
#[derive(Debug)]
pub(super) struct Doh {
    pub(super) provider: Provider,
    client: Client,
    pub(super) exit: Option<Exit>,
}

/// It gave no answer. Why does not matter: another is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoAnswer;

impl Doh {
    /// `None` if its host can be in no certificate.
    pub(super) fn new(provider: Provider, authorities: &Authorities) -> Option<Self> {
        let name = server_name(&provider.host)?;
        let identity = Identity { sni: Some(name.clone()), verified: name, pin: None, alpn: ALPN };
        let client = Client::new(&identity, Hiding::None, authorities).ok()?;
        Some(Self { provider, client, exit: None })
    }

    /// Asks it at one of its addresses. The caller limits the time.
    pub(super) async fn ask(&self, address: SocketAddr, limit: Instant, name: &str) -> Result<Answer, NoAnswer> {
        let tcp = match &self.exit {
            None => tcp::connect(address, limit).await,
            Some(exit) => {
                let host = match address.ip() {
                    IpAddr::V4(ip) => ip.to_string(),
                    IpAddr::V6(ip) => format!("[{ip}]"),
                };
                exit.connect(&host, address.port(), limit).await
            }
        };
        let tcp = tcp.map_err(|_| NoAnswer)?;
        let (stream, _) = self.client.handshake(tcp).await.map_err(|_| NoAnswer)?;
        let both = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        let [a, aaaa, https] = if both {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(|_| NoAnswer)?;
            let ask = async |kind| {
                let mut sender = sender.clone();
                let request = self.request(name, kind, true)?;
                read(sender.send_request(request).await, kind).await
            };
            let answers = async { tokio::join!(ask(Kind::A), ask(Kind::Aaaa), ask(Kind::Https)).into() };
            driven(connection, answers).await?
        } else {
            let (mut sender, connection) = http1::handshake(io).await.map_err(|_| NoAnswer)?;
            let answers = async {
                let mut answers = [const { Err(NoAnswer) }; 3];
                for (answer, kind) in answers.iter_mut().zip([Kind::A, Kind::Aaaa, Kind::Https]) {
                    let asked = async {
                        sender.ready().await.map_err(|_| NoAnswer)?;
                        read(sender.send_request(self.request(name, kind, false)?).await, kind).await
                    };
                    *answer = asked.await;
                }
                answers
            };
            driven(connection, answers).await?
        };
        together(a, aaaa, https)
    }

    fn request(&self, name: &str, kind: Kind, absolute: bool) -> Result<Request<Empty<Bytes>>, NoAnswer> {
        let Provider { authority, path, .. } = &self.provider;
        let query = BASE64_URL_SAFE_NO_PAD.encode(message::query(name, kind).ok_or(NoAnswer)?);
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = if absolute {
            Request::get(format!("https://{authority}{path}{separator}dns={query}"))
        } else {
            Request::get(format!("{path}{separator}dns={query}")).header(HOST, authority)
        };
        request.header(ACCEPT, TYPE).body(Empty::new()).map_err(|_| NoAnswer)
    }
}

/// Drives the connection until the answers are there.
async fn driven<T, E>(
    connection: impl Future<Output = Result<(), E>>,
    answers: impl Future<Output = T>,
) -> Result<T, NoAnswer> {
    tokio::pin!(connection, answers);
    tokio::select! {
        answers = &mut answers => Ok(answers),
        // Its end may come with the last answer.
        _ = &mut connection => tokio::time::timeout(Duration::ZERO, answers).await.map_err(|_| NoAnswer),
    }
}

async fn read(response: hyper::Result<Response<Incoming>>, kind: Kind) -> Result<Records, NoAnswer> {
    let response = response.map_err(|_| NoAnswer)?;
    let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if response.status() != StatusCode::OK || !media.is_some_and(|media| media.eq_ignore_ascii_case(TYPE)) {
        return Err(NoAnswer);
    }
    let body = Limited::new(response.into_body(), MESSAGE_MAX).collect().await.map_err(|_| NoAnswer)?;
    message::answer(&body.to_bytes(), kind).ok_or(NoAnswer)
}

/// What three answers say together. Without addresses of one kind the other's are good; without a configuration, too.
fn together(
    a: Result<Records, NoAnswer>,
    aaaa: Result<Records, NoAnswer>,
    https: Result<Records, NoAnswer>,
) -> Result<Answer, NoAnswer> {
    let (a, aaaa) = match (a, aaaa) {
        (Ok(a), Ok(aaaa)) => (a, aaaa),
        (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.addresses.is_empty() => (some, Records::default()),
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => return Err(NoAnswer),
    };
    let https = https.unwrap_or_default();
    let ttl = [a.ttl, aaaa.ttl, https.ttl].into_iter().flatten().min().unwrap_or_default();
    Ok(Answer { addresses: [a.addresses, aaaa.addresses].concat(), ech: https.ech, ttl })
}
