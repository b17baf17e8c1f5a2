//! WhatsApp's handshake through a relay or a proxy, verified: the proof that bytes pass unharmed both ways.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use pasarela_noise::{Initiator, verify, wire};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::socket::{PATIENCE, Socket};

/// Opens `url`, which carries chat bytes, sends a client hello and verifies the answer down to `root`.
///
/// # Errors
/// Which step failed.
pub async fn through(url: &str, root: &[u8; 32]) -> Result<()> {
    let mut socket = Socket::connect(url).await?;
    let (initiator, first) = first_bytes()?;
    socket.send(first).await?;
    let mut received = Vec::new();
    let answer = loop {
        received.extend_from_slice(&socket.binary().await.context("no server hello")?);
        if let Some((body, _)) = wire::decode_frame(&received) {
            break body.to_vec();
        }
    };
    check(initiator, &answer, root)?;
    socket.close().await
}

/// The same over a stream of bytes; leaves it open.
///
/// # Errors
/// Which step failed.
pub async fn over<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, root: &[u8; 32]) -> Result<()> {
    let (initiator, first) = first_bytes()?;
    stream.write_all(&first).await.context("cannot send the client hello")?;
    stream.flush().await?;
    let mut received = Vec::new();
    let answer = loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut received)).await.context("no server hello in time")?;
        anyhow::ensure!(read.context("no server hello")? > 0, "ended after {} bytes", received.len());
        if let Some((body, _)) = wire::decode_frame(&received) {
            break body.to_vec();
        }
    };
    check(initiator, &answer, root)
}

fn first_bytes() -> Result<(Initiator, Vec<u8>)> {
    let (initiator, hello) = Initiator::new(rand::random());
    let mut first = wire::intro(None).map_err(|_| anyhow::anyhow!("no intro"))?;
    wire::encode_frame(&hello, &mut first).map_err(|_| anyhow::anyhow!("the hello is too long"))?;
    Ok((initiator, first))
}

fn check(initiator: Initiator, answer: &[u8], root: &[u8; 32]) -> Result<()> {
    let hello = initiator.read_server_hello(answer).map_err(|error| anyhow::anyhow!("server hello: {error}"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    verify(hello.server_static(), hello.chain(), root, now)
        .map_err(|error| anyhow::anyhow!("certificates: {error}"))?;
    Ok(())
}
