//! WhatsApp on a phone, as far as a proxy can tell: chat raw or in TLS, with or without routing info, and media.
//!
//! It checks what it receives, down to WhatsApp's root key and the last byte.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use bytes::{Buf, BytesMut};
use pasarela::tunnel::Stream;
use pasarela_noise::{Initiator, Transport, verify, wire};
use pasarela_sim::pattern;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::client::TlsStream;
use wacore_binary::builder::NodeBuilder;

use crate::{official, socket::PATIENCE};

/// A download may stand still for so long: longer than any network is away.
const STALL: Duration = Duration::from_secs(60);

/// A client payload as far as the simulator looks: a user agent of platform 0 (Android).
const PAYLOAD: [u8; 4] = [0x2a, 2, 8, 0];

/// How a phone's chat reaches its proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As it is.
    Raw,
    /// With routing info before it.
    Edge,
    /// In TLS with this name, accepting any certificate, as the app does.
    Tls(&'static str),
}

/// A chat past its handshake.
pub struct Chat {
    stream: Box<dyn Stream>,
    transport: Transport,
    buffer: BytesMut,
    next: u32,
}

/// Connects to a proxy and speaks chat up to the server's verified hello and beyond.
///
/// # Errors
/// Which step failed.
pub async fn chat(proxy: SocketAddr, way: Way, root: &[u8; 32]) -> Result<Chat> {
    let tcp = connect(proxy).await?;
    let stream: Box<dyn Stream> = match way {
        Way::Raw | Way::Edge => Box::new(tcp),
        Way::Tls(name) => Box::new(official::tls(tcp, name).await?),
    };
    let routing_info: Option<&[u8]> = (way == Way::Edge).then_some(&[8, 2, 8, 5, 18]);
    timeout(PATIENCE, Chat::over(stream, routing_info, root)).await.context("no handshake in time")?
}

async fn connect(proxy: SocketAddr) -> Result<TcpStream> {
    let tcp = timeout(PATIENCE, TcpStream::connect(proxy)).await.context("no connection in time")??;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

impl Chat {
    /// The handshake on a stream that reaches WhatsApp.
    ///
    /// # Errors
    /// Which step failed.
    pub async fn over(mut stream: Box<dyn Stream>, routing_info: Option<&[u8]>, root: &[u8; 32]) -> Result<Self> {
        let (initiator, hello) = Initiator::new(rand::random());
        let mut first = wire::intro(routing_info).map_err(|_| anyhow::anyhow!("no intro"))?;
        wire::encode_frame(&hello, &mut first).map_err(|_| anyhow::anyhow!("the hello is too long"))?;
        stream.write_all(&first).await?;
        stream.flush().await?;
        let mut buffer = BytesMut::new();
        let answer = frame(&mut stream, &mut buffer).await.context("no server hello")?;
        let hello = initiator.read_server_hello(&answer).map_err(|error| anyhow::anyhow!("server hello: {error}"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        verify(hello.server_static(), hello.chain(), root, now)
            .map_err(|error| anyhow::anyhow!("certificates: {error}"))?;
        let secret: [u8; 32] = rand::random();
        let (finish, transport) =
            hello.finish(&secret, &PAYLOAD).map_err(|error| anyhow::anyhow!("client finish: {error}"))?;
        let mut chat = Self { stream, transport, buffer, next: 0 };
        chat.send(&finish).await?;
        Ok(chat)
    }

    async fn send(&mut self, body: &[u8]) -> Result<()> {
        let mut bytes = Vec::new();
        wire::encode_frame(body, &mut bytes).map_err(|_| anyhow::anyhow!("too long"))?;
        self.stream.write_all(&bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Says nothing and listens until the connection is gone.
    pub async fn until_lost(&mut self) {
        while frame(&mut self.stream, &mut self.buffer).await.is_ok() {}
    }

    /// Asks something and waits for the answer to it; gives how long that took.
    ///
    /// # Errors
    /// The chat broke, or there is no answer within `patience`.
    pub async fn ask(&mut self, patience: Duration) -> Result<Duration> {
        self.next += 1;
        let id = format!("phone.{}", self.next);
        let iq = NodeBuilder::new("iq")
            .attr("to", "s.whatsapp.net")
            .attr("type", "get")
            .attr("xmlns", "w:p")
            .attr("id", id.clone())
            .build();
        let plain = wacore_binary::marshal(&iq).context("not encoded")?;
        let sealed = self.transport.encrypt(&plain).map_err(|error| anyhow::anyhow!("{error}"))?;
        let asked = Instant::now();
        self.send(&sealed).await?;
        let answered = async {
            loop {
                let sealed = frame(&mut self.stream, &mut self.buffer).await?;
                let plain = self.transport.decrypt(&sealed).map_err(|error| anyhow::anyhow!("{error}"))?;
                let plain = wacore_binary::util::unpack(&plain).context("not unpacked")?;
                let node = wacore_binary::marshal::unmarshal_ref(&plain).context("not decoded")?.to_owned();
                if node.attrs.get("id").is_some_and(|value| value.as_str() == id) {
                    return anyhow::Ok(());
                }
            }
        };
        timeout(patience, answered).await.with_context(|| format!("no answer to {id} in time"))??;
        Ok(asked.elapsed())
    }
}

/// The next frame's body.
async fn frame(stream: &mut Box<dyn Stream>, buffer: &mut BytesMut) -> Result<Vec<u8>> {
    loop {
        if let Some((body, rest)) = wire::decode_frame(buffer) {
            let (body, rest) = (body.to_vec(), rest.len());
            buffer.advance(buffer.len() - rest);
            return Ok(body);
        }
        ensure!(stream.read_buf(buffer).await? > 0, "the end, after {} bytes of a frame", buffer.len());
    }
}

/// Downloads `total` bytes from the media host and checks each; `seen` hears how many there are.
///
/// # Errors
/// Another byte, an early end, or nothing for a long time.
pub async fn download(proxy: SocketAddr, ca: &[u8], total: u64, mut seen: impl FnMut(u64)) -> Result<()> {
    let mut session = official::media(proxy, "mmg.whatsapp.net", ca).await?;
    let request = format!("GET /bytes/{total} HTTP/1.1\r\nHost: mmg.whatsapp.net\r\nConnection: close\r\n\r\n");
    session.write_all(request.as_bytes()).await?;
    let mut buffer = BytesMut::with_capacity(64 << 10);
    let body = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        ensure!(more(&mut session, &mut buffer).await? > 0, "no answer");
    };
    ensure!(buffer.starts_with(b"HTTP/1.1 200"), "another answer");
    buffer.advance(body);
    let mut at = 0;
    loop {
        ensure!(pattern::matches(at, &buffer), "wrong bytes after {at} of {total}");
        at += buffer.len() as u64;
        buffer.clear();
        seen(at);
        if at >= total || more(&mut session, &mut buffer).await? == 0 {
            break;
        }
    }
    ensure!(at == total, "{at} of {total} bytes");
    Ok(())
}

async fn more(session: &mut TlsStream<TcpStream>, buffer: &mut BytesMut) -> Result<usize> {
    buffer.reserve(64 << 10);
    Ok(timeout(STALL, session.read_buf(buffer)).await.context("nothing for a long time")??)
}
