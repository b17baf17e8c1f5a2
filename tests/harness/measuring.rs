//! The simulator's measuring modes from the client's side: the first message that asks for one, and the patterns.
//!
//! What the modes do is documented in `pasarela_sim`.

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use pasarela_noise::wire;
use pasarela_sim::pattern;
use tokio::time::timeout;
use tokio_websockets::Message;

use crate::socket::{PATIENCE, Socket};

/// WhatsApp's prologue and a first frame that asks the simulator for a measuring mode.
pub fn ask(mode: &str) -> Vec<u8> {
    let mut bytes = wire::intro(None).unwrap_or_default();
    // A mode's name is a few bytes long; a frame holds 16 MiB.
    wire::encode_frame(mode.as_bytes(), &mut bytes).unwrap_or_default();
    bytes
}

/// Receives `total` bytes and checks every one of them.
///
/// # Errors
/// Another byte, or an early end.
pub async fn download(url: &str, total: u64) -> Result<()> {
    let mut socket = Socket::connect(url).await?;
    socket.send(ask(&format!("sim source {total}"))).await?;
    let mut at = 0;
    while at < total {
        let bytes = socket.binary().await.with_context(|| format!("after {at} of {total} bytes"))?;
        anyhow::ensure!(pattern::matches(at, &bytes), "wrong bytes after {at} of {total}");
        at += bytes.len() as u64;
    }
    anyhow::ensure!(at == total, "{} bytes too many", at - total);
    let (code, reason) = socket.closed().await?;
    anyhow::ensure!((code, reason.as_str()) == (1000, "end"), "closed with {code} {reason:?}");
    Ok(())
}

/// Sends `total` bytes in messages of `size`, at most `window` ahead of what the simulator has verified.
///
/// # Errors
/// The simulator saw another byte, or the connection ended.
pub async fn upload(url: &str, total: u64, size: usize, window: u64) -> Result<()> {
    let mut socket = Socket::connect(url).await?;
    socket.send(ask("sim sink")).await?;
    let (mut sink, mut source) = socket.into_inner().split();
    let (mut sent, mut verified, mut partial) = (0, 0, Vec::new());
    while verified < total {
        while sent < total && sent - verified < window {
            let mut message = vec![0; size.min(usize::try_from(total - sent)?)];
            pattern::fill(sent, &mut message);
            sent += message.len() as u64;
            sink.send(Message::binary(Bytes::from(message))).await?;
        }
        let message =
            timeout(PATIENCE, source.next()).await.context("nothing is verified")?.context("ended early")??;
        anyhow::ensure!(message.is_binary(), "closed with {:?} after {verified} of {total}", message.as_close());
        partial.extend_from_slice(&message.into_payload());
        while let Some((count, rest)) = partial.split_first_chunk::<8>() {
            verified = u64::from_be_bytes(*count);
            partial = rest.to_vec();
        }
    }
    sink.close().await?;
    Ok(())
}
