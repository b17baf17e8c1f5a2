//! One connection of a client, whatever it speaks: TCP, TLS, a WebSocket, the tunnel, or HTTP with two endless bodies.
//!
//! It checks no byte. What is done with connections is `load`'s part; the tests' own clients are in the harness's library.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use pasarela::tunnel::Stream;
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::message::{Control, Reset},
};
use pasarela_e2e::{
    official,
    tunnel::{Carrier, Said, open},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

use super::{CHUNK, chunked::Chunked};

/// What is read at once of a connection that has not brought much, in bytes.
const LITTLE: usize = 4 << 10;

/// Where a client connects, and how.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// TCP; these bytes go before all others.
    Tcp(SocketAddr, Bytes),
    /// TLS, whatever the certificate.
    Tls(SocketAddr),
    /// A WebSocket's URL, `wss` with whatever certificate.
    Socket(String),
    /// The tunnel's URL and the window that the client accepts.
    Tunnel(String, u32),
    /// A request with an endless body, in chunks, as the response's is.
    Http(SocketAddr),
}

impl Target {
    pub(super) fn tcp(to: SocketAddr) -> Self {
        Self::Tcp(to, Bytes::new())
    }

    pub(super) fn tunnel(url: String) -> Self {
        Self::Tunnel(url, limits::WINDOW_MAX)
    }

    /// The same for a client that will need little: as many as possible are to be open.
    pub(super) fn frugal(&self) -> Self {
        match self {
            Self::Tunnel(url, _) => Self::Tunnel(url.clone(), limits::WINDOW_MIN),
            Self::Tcp(..) | Self::Tls(_) | Self::Socket(_) | Self::Http(_) => self.clone(),
        }
    }
}

type Line = Box<dyn Stream>;

/// An open connection.
pub(super) struct Conn {
    way: Way,
    /// What was received last.
    last: Bytes,
    buffer: Vec<u8>,
}

enum Way {
    Plain(Line),
    Socket(Box<WebSocketStream<Line>>),
    Tunnel(Box<Tunnel>),
    Http(Box<Chunked<TcpStream>>),
}

struct Tunnel {
    carrier: Carrier,
    window: u64,
    sent: u64,
    acked: u64,
}

impl Conn {
    /// Connects and says this first.
    pub(super) async fn open(target: &Target, first: &[u8]) -> Result<Self> {
        Self::open_with(target, first, None).await
    }

    /// The same of a client that has little room for what it does not read: so many bytes.
    pub(super) async fn open_with(target: &Target, first: &[u8], room: Option<u32>) -> Result<Self> {
        let way = match target {
            Target::Tcp(to, hello) => {
                let mut line = tcp(*to, room).await?;
                line.write_all(&[hello, first].concat()).await?;
                return Ok(Self::of(Way::Plain(Box::new(line))));
            }
            Target::Tls(to) => Way::Plain(tls(*to, room).await?),
            Target::Socket(url) => Way::Socket(Box::new(socket(url, room).await?)),
            Target::Tunnel(url, window) => {
                let mut carrier = Carrier::open(url, open(*window), first).await?;
                let window = u64::from(carrier.opened().await?.window);
                let sent = first.len() as u64;
                return Ok(Self::of(Way::Tunnel(Box::new(Tunnel { carrier, window, sent, acked: 0 }))));
            }
            Target::Http(to) => Way::Http(Box::new(Chunked::begin(tcp(*to, room).await?, *to).await?)),
        };
        let mut conn = Self::of(way);
        conn.feed(Bytes::copy_from_slice(first)).await?;
        conn.flush().await?;
        Ok(conn)
    }

    fn of(way: Way) -> Self {
        Self { way, last: Bytes::new(), buffer: Vec::new() }
    }

    /// Whether so many bytes may be sent now: a tunnel has a window.
    pub(super) fn may_send(&self, len: usize) -> bool {
        match &self.way {
            Way::Tunnel(tunnel) => tunnel.sent + len as u64 <= tunnel.acked + tunnel.window,
            Way::Plain(_) | Way::Socket(_) | Way::Http(_) => true,
        }
    }

    /// Sends, at the latest with the next `flush`. A WebSocket makes one message of it.
    pub(super) async fn feed(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.way {
            Way::Plain(line) => line.write_all(&bytes).await?,
            Way::Socket(socket) => socket.feed(Message::binary(bytes)).await?,
            Way::Tunnel(tunnel) => {
                tunnel.sent += bytes.len() as u64;
                tunnel.carrier.send(bytes).await?;
            }
            Way::Http(http) => http.send(&bytes).await?,
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<()> {
        match &mut self.way {
            Way::Plain(line) => line.flush().await?,
            Way::Socket(socket) => socket.flush().await?,
            Way::Tunnel(_) | Way::Http(_) => {}
        }
        Ok(())
    }

    /// The next bytes; none if something else came, after which more may be sent. `None` at the end.
    pub(super) async fn receive(&mut self) -> Result<Option<&[u8]>> {
        match &mut self.way {
            Way::Plain(line) => {
                if self.buffer.is_empty() {
                    self.buffer.resize(LITTLE, 0);
                }
                let n = line.read(&mut self.buffer).await?;
                if n == self.buffer.len() && n < CHUNK {
                    self.buffer.resize(CHUNK, 0);
                }
                return Ok((n > 0).then(|| self.buffer.get(..n).unwrap_or_default()));
            }
            Way::Socket(socket) => {
                let Some(message) = socket.next().await else { return Ok(None) };
                let message = message?;
                if message.is_close() {
                    return Ok(None);
                }
                self.last = message.into_payload().into();
            }
            Way::Tunnel(tunnel) => match tunnel.next().await? {
                Some(bytes) => self.last = bytes,
                None => return Ok(None),
            },
            Way::Http(http) => match http.receive().await? {
                Some(bytes) => self.last = bytes,
                None => return Ok(None),
            },
        }
        Ok(Some(&self.last))
    }

    /// Ends it in order and, where the protocol tells, waits until the other side has ended it, too.
    pub(super) async fn end(self) -> Result<()> {
        match self.way {
            // Not everybody passes an end on.
            Way::Plain(mut line) => drop(line.shutdown().await),
            Way::Socket(mut socket) => {
                socket.close().await?;
                while let Some(Ok(_)) = socket.next().await {}
            }
            Way::Tunnel(mut tunnel) => {
                tunnel.carrier.say(&Control::Reset(Reset { code: Code::End })).await?;
                tunnel.carrier.into_socket().closed().await?;
            }
            Way::Http(http) => http.end().await?,
        }
        Ok(())
    }
}

impl Tunnel {
    /// The next bytes, which are acknowledged as the library's client does it; none if a control message came. `None` at
    /// the stream's end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let bytes = match self.carrier.next().await? {
            Said::Data(bytes) => bytes,
            Said::Control(Control::Ack(ack)) => {
                self.acked = ack.n;
                Bytes::new()
            }
            Said::Control(Control::Fin(_)) => return Ok(None),
            said @ (Said::Closed(..) | Said::Control(Control::Reset(_))) => bail!("{said:?}"),
            Said::Control(_) => Bytes::new(),
        };
        self.carrier.ack_if_due(limits::CLIENT_ACK_BYTES).await?;
        Ok(Some(bytes))
    }
}

async fn tcp(to: SocketAddr, room: Option<u32>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(room) = room {
        socket.set_recv_buffer_size(room)?;
    }
    let tcp = socket.connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn tls(to: SocketAddr, room: Option<u32>) -> Result<Line> {
    Ok(Box::new(official::tls(tcp(to, room).await?, &to.ip().to_string()).await?))
}

async fn socket(url: &str, room: Option<u32>) -> Result<WebSocketStream<Line>> {
    let builder = ClientBuilder::new().uri(url).context("no URL")?.limits(Limits::unlimited());
    let (scheme, rest) = url.split_once("://").context("no URL")?;
    let host = rest.split('/').next().unwrap_or_default();
    let to: SocketAddr = host.parse().with_context(|| format!("no address in {url}"))?;
    let line = if scheme == "wss" { tls(to, room).await? } else { Box::new(tcp(to, room).await?) };
    let (socket, _) = builder.connect_on(line).await.with_context(|| format!("no WebSocket at {url}"))?;
    Ok(socket)
}
