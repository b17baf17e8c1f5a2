//! WhatsApp's handshake through a relay, verified: the proof that bytes pass unharmed both ways.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use pasarela_noise::{Initiator, verify, wire};

use crate::socket::Socket;

/// Opens `url`, which carries chat bytes, sends a client hello and verifies the answer down to `root`.
///
/// # Errors
/// Which step failed.
pub async fn through(url: &str, root: &[u8; 32]) -> Result<()> {
    let mut socket = Socket::connect(url).await?;
    let (initiator, hello) = Initiator::new(rand::random());
    let mut first = wire::intro(None).map_err(|_| anyhow::anyhow!("no intro"))?;
    wire::encode_frame(&hello, &mut first).map_err(|_| anyhow::anyhow!("the hello is too long"))?;
    socket.send(first).await?;
    let mut received = Vec::new();
    let answer = loop {
        received.extend_from_slice(&socket.binary().await.context("no server hello")?);
        if let Some((body, _)) = wire::decode_frame(&received) {
            break body.to_vec();
        }
    };
    let hello = initiator.read_server_hello(&answer).map_err(|error| anyhow::anyhow!("server hello: {error}"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    verify(hello.server_static(), hello.chain(), root, now)
        .map_err(|error| anyhow::anyhow!("certificates: {error}"))?;
    socket.close().await
}
