//! The measuring modes over WebSocket: `measure`'s, with messages where that has bytes.

use std::io;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{CloseCode, Message, WebSocketStream};

use super::{
    measure::{Mode, next_piece, push_frame},
    pattern,
    socket::Socket,
};

/// Bytes in a message of `sim source`.
const MESSAGE: usize = 64 * 1024;

pub(super) type Web = WebSocketStream<Socket>;

/// Runs `mode` to the connection's end; `rest` came behind the command in its message.
pub(super) async fn run(mode: Mode, mut web: Web, rest: Bytes) -> io::Result<()> {
    match mode {
        Mode::Echo => echo(&mut web, rest).await,
        Mode::Source(len) => source(&mut web, len).await,
        Mode::Frames { count, size } => frames(&mut web, count, size).await,
        Mode::Sink => sink(&mut web, rest).await,
        Mode::Stall => web.get_ref().peer_end().await,
    }
}

async fn echo(web: &mut Web, rest: Bytes) -> io::Result<()> {
    if !rest.is_empty() {
        send(web, Message::binary(rest)).await?;
    }
    while let Some(message) = web.next().await {
        let message = message.map_err(io::Error::other)?;
        if message.is_binary() || message.is_text() {
            send(web, message).await?;
        }
    }
    Ok(())
}

async fn source(web: &mut Web, len: u64) -> io::Result<()> {
    let mut offset = 0;
    while offset < len {
        let mut buffer = vec![0; MESSAGE];
        let n = next_piece(&mut buffer, offset, len).len();
        buffer.truncate(n);
        pattern::fill(offset, &mut buffer);
        web.feed(Message::binary(buffer)).await.map_err(io::Error::other)?;
        offset += n as u64;
    }
    end(web).await
}

async fn frames(web: &mut Web, count: u64, size: usize) -> io::Result<()> {
    for n in 0..count {
        let mut frame = Vec::with_capacity(size + 3);
        push_frame(n, size, &mut frame);
        web.feed(Message::binary(frame)).await.map_err(io::Error::other)?;
    }
    end(web).await
}

async fn sink(web: &mut Web, rest: Bytes) -> io::Result<()> {
    let mut verified = 0;
    verify(web, &mut verified, &rest).await?;
    while let Some(message) = web.next().await {
        let message = message.map_err(io::Error::other)?;
        if message.is_binary() {
            verify(web, &mut verified, message.as_payload()).await?;
        }
    }
    Ok(())
}

async fn verify(web: &mut Web, verified: &mut u64, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    if !pattern::matches(*verified, bytes) {
        tracing::debug!(verified, "sink met other bytes than the pattern's");
        web.get_ref().reset_on_drop();
        return Err(io::ErrorKind::InvalidData.into());
    }
    *verified += bytes.len() as u64;
    send(web, Message::binary(verified.to_be_bytes().to_vec())).await
}

async fn send(web: &mut Web, message: Message) -> io::Result<()> {
    web.send(message).await.map_err(io::Error::other)
}

/// Closes 1000, then reads until the peer's answer and end.
async fn end(web: &mut Web) -> io::Result<()> {
    send(web, Message::close(Some(CloseCode::NORMAL_CLOSURE), "")).await?;
    while let Some(message) = web.next().await {
        message.map_err(io::Error::other)?;
    }
    Ok(())
}
