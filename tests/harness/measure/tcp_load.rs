//! Clients over plain TCP, as phones are, that load a port as fast as it goes and check none of the bytes.
//!
//! What they ask of the simulator is documented in `pasarela::sim`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use pasarela::sim::Sim;
use pasarela_e2e::measuring::ask;
use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::aws_lc_rs};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::load::{Cargo, frame};

/// Nothing takes so long unless something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// What a client says first.
#[derive(Clone)]
pub(super) enum First {
    /// As a chat does.
    Chat,
    /// This hello, as the connections do that carry pictures and videos; behind it is no TLS, which is not ours to measure.
    Media(Bytes),
}

impl First {
    pub(super) fn media() -> Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let mut hello = Vec::new();
        ClientConnection::new(Arc::new(config), "mmg.whatsapp.net".try_into()?)?.write_tls(&mut hello)?;
        Ok(Self::Media(hello.into()))
    }

    /// Where such clients go: the simulator, which is not shown the hello.
    pub(super) async fn upstream(&self, sim: &Sim) -> Result<SocketAddr> {
        let chat = sim.chat();
        let Self::Media(hello) = self else { return Ok(chat) };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, len) = (listener.local_addr()?, hello.len());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                // Whatever goes wrong is seen by the client.
                tokio::spawn(behind_hello(tcp, chat, len));
            }
        });
        Ok(address)
    }
}

async fn behind_hello(mut near: TcpStream, to: SocketAddr, hello: usize) -> Result<()> {
    near.set_nodelay(true)?;
    near.read_exact(&mut vec![0; hello]).await?;
    let mut far = TcpStream::connect(to).await?;
    far.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut near, &mut far, CHUNK, CHUNK).await?;
    Ok(())
}

/// Receives `total` bytes.
pub(super) async fn download(port: SocketAddr, first: &First, total: u64) -> Result<()> {
    let work = async {
        let mut tcp = open(port, first, &format!("sim source {total}")).await?;
        let (mut buffer, mut received) = (vec![0; CHUNK], 0);
        while received < total {
            let n = tcp.read(&mut buffer).await?;
            ensure!(n > 0, "{received} bytes instead of {total}");
            received += n as u64;
        }
        Ok(())
    };
    timeout(PATIENCE, work).await.context("a download hangs")?
}

/// Sends all of it.
pub(super) async fn upload(port: SocketAddr, first: &First, cargo: &Cargo) -> Result<()> {
    let total = cargo.0.len() as u64;
    let work = async {
        let (mut read, mut write) = open(port, first, "sim sink").await?.into_split();
        let cargo = cargo.0.clone();
        let sending = tokio::spawn(async move { write.write_all(&cargo).await.map(|()| write) });
        let mut arrived = 0;
        while arrived < total {
            arrived = read.read_u64().await.context("ended early")?;
        }
        // Only then may it end: the other half was kept for that.
        drop(sending.await??);
        Ok(())
    };
    timeout(PATIENCE, work).await.context("an upload hangs")?
}

/// How long each of `count` round trips of `size` bytes took, one after another.
pub(super) async fn echo(port: SocketAddr, count: usize, size: usize) -> Result<Vec<Duration>> {
    let work = async {
        let mut tcp = open(port, &First::Chat, "sim echo").await?;
        let payload = frame(size.saturating_sub(pasarela_noise::wire::FRAME_HEADER));
        let (mut buffer, mut times) = (vec![0; payload.len()], Vec::with_capacity(count));
        for _ in 0..count {
            let start = Instant::now();
            tcp.write_all(&payload).await?;
            tcp.read_exact(&mut buffer).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    };
    timeout(PATIENCE, work).await.context("an echo hangs")?
}

/// Connections that stay open after one echo each.
pub(super) async fn idle(port: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    let mut open_ones = Vec::with_capacity(count);
    for _ in 0..count {
        let mut tcp = open(port, &First::Chat, "sim echo").await?;
        tcp.write_all(b"1").await?;
        timeout(PATIENCE, tcp.read_u8()).await.context("an echo hangs")??;
        open_ones.push(tcp);
    }
    Ok(open_ones)
}

async fn open(port: SocketAddr, first: &First, mode: &str) -> Result<TcpStream> {
    let mut tcp = TcpStream::connect(port).await?;
    tcp.set_nodelay(true)?;
    let hello = match first {
        First::Chat => &[][..],
        First::Media(hello) => hello,
    };
    tcp.write_all(&[hello, &ask(mode)].concat()).await?;
    Ok(tcp)
}
