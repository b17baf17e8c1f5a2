//! HTTP and chat on WebSocket: one frame a message, as WhatsApp Web's server sends.
//!
//! The listener here has no TLS; `media` has, and leads here what asks it for chat.

use std::{convert::Infallible, future::Future, io, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use headers::{Connection, HeaderMapExt, SecWebsocketAccept, SecWebsocketKey, SecWebsocketVersion, Upgrade};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    upgrade::{OnUpgrade, Parts},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tokio_websockets::{Config, Message, ServerBuilder, WebSocketStream};

use super::{
    conversation::{Conversation, Step, World},
    intake::Intake,
    measure::Mode,
    measure_web::{self, Web},
    socket::Socket,
    stats::UpgradeSeen,
};

pub(super) const CHAT_PATH: &str = "/ws/chat";

/// Sixteen bytes in base64.
const KEY: usize = 24;

type Answer = Response<Full<Bytes>>;

/// What an HTTP connection needs to leave a WebSocket running behind it.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) world: Arc<World>,
    pub(super) tasks: TaskTracker,
    pub(super) end: CancellationToken,
}

/// Serves one HTTP connection to its end or upgrade.
pub(super) async fn serve(socket: Socket, host: Host) -> io::Result<()> {
    let service = hyper::service::service_fn(|request| {
        let answer = answer(request, &host);
        async { Ok::<_, Infallible>(answer) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

fn answer(mut request: Request<Incoming>, host: &Host) -> Answer {
    match request.uri().path() {
        CHAT_PATH => accept(&mut request, host, chat),
        "/" => text(StatusCode::OK, "simulated web.whatsapp.com\n"),
        // Clients look their version up in this file.
        "/sw.js" => text(StatusCode::OK, "{\"client_revision\":1030000000}\n"),
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

/// Answers a request for chat, and has `chat` speak it.
pub(super) fn accept<F>(
    request: &mut Request<Incoming>,
    host: &Host,
    chat: impl FnOnce(OnUpgrade, Arc<World>) -> F,
) -> Answer
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let headers = request.headers();
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = upgrade.split(',').any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"));
    let version = headers.typed_get::<SecWebsocketVersion>() == Some(SecWebsocketVersion::V13);
    let whole = headers.get(header::SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == KEY);
    let Some(key) = headers.typed_get::<SecWebsocketKey>().filter(|_| asked && version && whole) else {
        return text(StatusCode::UPGRADE_REQUIRED, "a WebSocket is expected here\n");
    };
    let seen = upgrade_seen(request);
    host.world.recorder.record(|stats| stats.upgrade = Some(seen));
    let chat = chat(hyper::upgrade::on(request), Arc::clone(&host.world));
    let end = host.end.clone();
    host.tasks.spawn(async move {
        if let Some(Err(error)) = end.run_until_cancelled_owned(chat).await {
            tracing::debug!(%error, "chat over WebSocket ended");
        }
    });
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().typed_insert(Upgrade::websocket());
    answer.headers_mut().typed_insert(Connection::upgrade());
    answer.headers_mut().typed_insert(SecWebsocketAccept::from(key));
    answer
}

fn upgrade_seen(request: &Request<Incoming>) -> UpgradeSeen {
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    UpgradeSeen { target: request.uri().to_string(), headers: headers.collect() }
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    answer
}

async fn chat(upgraded: OnUpgrade, world: Arc<World>) -> io::Result<()> {
    let upgraded = upgraded.await.map_err(io::Error::other)?;
    let parts = upgraded.downcast::<TokioIo<Socket>>();
    let Parts { io, read_buf, .. } = parts.map_err(|_| io::Error::other("another socket type"))?;
    let mut socket = io.into_inner();
    socket.replay(read_buf);
    // `sim source` feeds messages of 64 KiB: a flush for each would be a system call for each.
    let config = Config::default().flush_threshold(256 * 1024);
    let mut web: Web = ServerBuilder::new().config(config).serve(socket);
    match converse(&mut web, world).await? {
        Some((mode, rest)) => measure_web::run(mode, web, rest).await,
        None => Ok(()),
    }
}

/// Speaks to the end, or until a measuring mode is asked for: which, and what came behind that.
pub(super) async fn converse<S>(web: &mut WebSocketStream<S>, world: Arc<World>) -> io::Result<Option<(Mode, Bytes)>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut intake = Intake::of_web_socket();
    let mut conversation = Conversation::new(world);
    while let Some(message) = web.next().await {
        let message = message.map_err(io::Error::other)?;
        if !message.is_binary() {
            continue;
        }
        intake.buffer().extend_from_slice(message.as_payload());
        while let Some(event) = intake.next()? {
            match conversation.on(event)? {
                Step::Nothing => {}
                Step::Send(frames) => {
                    for frame in frames {
                        let message = Message::binary(frame);
                        web.send(message).await.map_err(io::Error::other)?;
                    }
                }
                Step::Measure(mode) => {
                    tracing::debug!(?mode, "measuring over WebSocket");
                    return Ok(Some((mode, intake.into_rest())));
                }
            }
        }
    }
    Ok(None)
}
