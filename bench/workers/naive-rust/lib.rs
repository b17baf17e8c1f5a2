//! The `/pipe/chat` route as the `worker` crate's own means suggest it: `Socket`, which is an `AsyncRead` and an
//! `AsyncWrite`, and `WebSocket::events()`. What Pasarela's relay, which uses neither, is measured against.
//!
//! It checks nothing and limits nothing; it takes the relay's variables. `cargo xtask bench` builds it as it builds the relay.

#![cfg(target_arch = "wasm32")]

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use worker::{Context, Env, Request, Response, Result, Socket, WebSocket, WebSocketPair, WebsocketEvent, event};

/// What is read at once, in bytes.
const READ: usize = 64 << 10;

/// Answers every request with a WebSocket to the chat upstream.
#[event(fetch)]
async fn fetch(_request: Request, env: Env, context: Context) -> Result<Response> {
    let upstream = env.var("UPSTREAM_CHAT")?.to_string();
    let first = upstream.split(' ').next().unwrap_or_default();
    let (host, port) = first.rsplit_once(':').ok_or("no port in UPSTREAM_CHAT")?;
    let socket = Socket::builder().connect(host, port.parse().map_err(|_| "no port in UPSTREAM_CHAT")?)?;
    let WebSocketPair { client, server } = WebSocketPair::new()?;
    server.accept()?;
    let (read, write) = split(socket);
    let down = server.clone();
    context.wait_until(async move {
        // Whatever it was, the other side will notice.
        let _ = download(read, &down).await;
    });
    context.wait_until(async move {
        let _ = upload(&server, write).await;
    });
    Response::from_websocket(client)
}

async fn download(mut read: ReadHalf<Socket>, server: &WebSocket) -> Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        let n = read.read(&mut buffer).await.map_err(|error| error.to_string())?;
        let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else {
            return server.close(Some(1000), Some("end"));
        };
        server.send_with_bytes(bytes)?;
    }
}

async fn upload(server: &WebSocket, mut write: WriteHalf<Socket>) -> Result<()> {
    let mut events = server.events()?;
    while let Some(event) = events.next().await {
        match event? {
            WebsocketEvent::Message(message) => {
                let bytes = message.bytes().unwrap_or_default();
                write.write_all(&bytes).await.map_err(|error| error.to_string())?;
            }
            WebsocketEvent::Close(_) => break,
        }
    }
    write.shutdown().await.map_err(|error| error.to_string().into())
}
