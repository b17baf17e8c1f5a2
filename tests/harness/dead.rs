//! Relays that are dead, each in its own way, on free ports of this machine.
//!
//! Those that are real relays with something wrong behind them the tests start as others.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Result, ensure};
use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_websockets::ServerBuilder;

use crate::{hello, identity::certified};

/// The key in its link.
const KEY: &str = "a-key-of-the-tests";

/// The name in its link where there is TLS.
const NAME: &str = "dead.example";

/// What a phone's bridge meets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Nobody listens.
    Refused,
    /// Nothing comes back, not even for a connection.
    BlackHole,
    /// The connection is reset behind the TLS hello.
    CutAfterHello,
    /// TLS with a certificate that is trusted, for another name.
    OtherName,
    /// HTTP 403.
    Forbidden,
    /// Cloudflare's page for a Worker that failed.
    WorkerFailed,
    /// The answer of an unknown path.
    NotFound,
    /// A WebSocket as a relay's, and then silence.
    Mute,
}

/// What meets a connection.
#[derive(Clone)]
enum Manner {
    Cut,
    Tls(Arc<ServerConfig>),
    Http(Death),
    Https(Arc<ServerConfig>, Death),
}

/// What came so far.
#[derive(Debug, Default)]
struct Met {
    asked: AtomicUsize,
    disguised: AtomicUsize,
}

/// A dead relay, for as long as it is kept.
#[derive(Debug)]
pub struct Dead {
    /// The link to it.
    pub link: String,
    /// Who certified it, if somebody did.
    pub authorities: Vec<CertificateDer<'static>>,
    met: Arc<Met>,
    _tasks: JoinSet<()>,
    _held: Vec<TcpStream>,
    _bound: Option<TcpSocket>,
}

impl Dead {
    /// Starts to be dead.
    ///
    /// # Errors
    /// No free port.
    pub async fn start(death: Death) -> Result<Self> {
        let (mut authorities, mut secure) = (Vec::new(), false);
        let manner = match death {
            Death::Refused => return Self::refused(),
            Death::BlackHole => return Self::black_hole().await,
            Death::CutAfterHello => {
                secure = true;
                Manner::Cut
            }
            Death::OtherName => {
                secure = true;
                let (config, authority) = certified(&["other.example"])?;
                authorities.push(authority);
                Manner::Tls(Arc::new(config))
            }
            Death::Forbidden | Death::WorkerFailed | Death::NotFound | Death::Mute => Manner::Http(death),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let link =
            if secure { format!("https://{NAME}/#{KEY}&addr={address}") } else { format!("http://{address}/#{KEY}") };
        let dead = Self { authorities, ..Self::at(link) };
        Ok(dead.serving(listener, manner))
    }

    /// Starts to be dead behind TLS that is as it should be.
    ///
    /// # Errors
    /// No free port.
    pub async fn behind_tls(death: Death) -> Result<Self> {
        let (config, authority) = certified(&[NAME])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let link = format!("https://{NAME}/#{KEY}&addr={}", listener.local_addr()?);
        let dead = Self { authorities: vec![authority], ..Self::at(link) };
        Ok(dead.serving(listener, Manner::Https(Arc::new(config), death)))
    }

    fn at(link: String) -> Self {
        let met = Arc::default();
        Self { link, authorities: Vec::new(), met, _tasks: JoinSet::new(), _held: Vec::new(), _bound: None }
    }

    fn serving(mut self, listener: TcpListener, manner: Manner) -> Self {
        let met = Arc::clone(&self.met);
        self._tasks.spawn(async move {
            let mut meetings = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let (manner, met) = (manner.clone(), Arc::clone(&met));
                meetings.spawn(async move {
                    // However it goes, it goes nowhere.
                    let _ = meet(tcp, manner, &met).await;
                });
            }
        });
        self
    }

    /// Bound, but nobody listens, so that nobody else gets the port.
    fn refused() -> Result<Self> {
        let bound = TcpSocket::new_v4()?;
        bound.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let link = format!("http://{}/#{KEY}", bound.local_addr()?);
        Ok(Self { _bound: Some(bound), ..Self::at(link) })
    }

    /// A listener that accepts nobody and whose queue is full: Linux drops what comes then.
    async fn black_hole() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1)?;
        let address: SocketAddr = listener.local_addr()?;
        // One more than was asked for is kept.
        let held = vec![TcpStream::connect(address).await?, TcpStream::connect(address).await?];
        let mut dead = Self { _held: held, ..Self::at(format!("http://{address}/#{KEY}")) };
        dead._tasks.spawn(async move {
            std::future::pending::<()>().await;
            drop(listener);
        });
        Ok(dead)
    }

    /// Connections on which something was said so far; others were only made ahead.
    pub fn asked(&self) -> usize {
        self.met.asked.load(Ordering::Relaxed)
    }

    /// Those of them that were no plain TLS hello, whole and with the relay's name: what is tried where a network is to blame.
    pub fn disguised(&self) -> usize {
        self.met.disguised.load(Ordering::Relaxed)
    }
}

async fn meet(mut tcp: TcpStream, manner: Manner, met: &Met) -> Result<()> {
    let mut ignored = [0; 4096];
    let length = tcp.peek(&mut ignored).await?;
    if length > 0 {
        met.asked.fetch_add(1, Ordering::Relaxed);
        if !is_plain(&ignored[..length]) {
            met.disguised.fetch_add(1, Ordering::Relaxed);
        }
    }
    match manner {
        Manner::Cut => {
            tcp.read_exact(&mut ignored[..64]).await?;
            tcp.set_zero_linger()?;
        }
        Manner::Tls(config) => {
            let mut tls = TlsAcceptor::from(config).accept(tcp).await?;
            tls.read_u8().await?;
        }
        Manner::Http(death) => answer(tcp, death).await?,
        Manner::Https(config, death) => answer(TlsAcceptor::from(config).accept(tcp).await?, death).await?,
    }
    Ok(())
}

/// Whether this is a hello in one record and one segment that names the relay.
fn is_plain(first: &[u8]) -> bool {
    let whole = hello::whole(first).filter(|record| hello::describe(record).is_ok());
    whole.is_some_and(|record| record.windows(NAME.len()).any(|name| name == NAME.as_bytes()))
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, death: Death) -> Result<()> {
    let answer = match death {
        Death::Forbidden => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        Death::WorkerFailed => {
            "HTTP/1.1 500 Internal Server Error\r\nServer: cloudflare\r\nContent-Type: text/plain\r\n\
             Content-Length: 16\r\n\r\nerror code: 1101"
        }
        Death::NotFound => "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
        Death::Mute | Death::Refused | Death::BlackHole | Death::CutAfterHello | Death::OtherName => {
            let protocol = http::HeaderValue::from_static("pasarela.v1");
            let builder = ServerBuilder::new().add_header(http::header::SEC_WEBSOCKET_PROTOCOL, protocol);
            let (_, web) = builder?.accept(stream).await?;
            std::future::pending::<()>().await;
            drop(web);
            return Ok(());
        }
    };
    ensure!(stream.read(&mut [0; 4096]).await? > 0, "it went");
    stream.write_all(answer.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
