//! The TLS media host: HTTP/1.1 with a certificate for WhatsApp's names.
//!
//! `GET /bytes/N` gives N bytes of the pattern, `POST /` the length it received, anything else a
//! line that names the SNI. Under the name web.whatsapp.com `/ws/chat` is chat on WebSocket, without measuring modes.
//! It stores nothing; its certificate is `identity`'s.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Method, Request, Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    upgrade::{OnUpgrade, Parts},
};
use hyper_util::rt::TokioIo;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_websockets::ServerBuilder;

use super::{
    conversation::World,
    measure::next_piece,
    pattern,
    socket::Socket,
    web::{self, Host},
};

/// Whose chat is here, too.
const WEB: &str = "web.whatsapp.com";

/// Bytes of the pattern made at once.
const CHUNK: usize = 64 * 1024;

/// Serves one connection to its end.
pub(super) async fn serve(socket: Socket, config: Arc<rustls::ServerConfig>, host: Host) -> io::Result<()> {
    let tls = TlsAcceptor::from(config).accept(socket).await?;
    let name = tls.get_ref().1.server_name().unwrap_or("(none)").to_owned();
    let service = hyper::service::service_fn(|request| answer(request, name.clone(), host.clone()));
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(tls), service)
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

type Answer = Response<Either<Full<Bytes>, PatternBody>>;

async fn answer(mut request: Request<Incoming>, sni: String, host: Host) -> Result<Answer, hyper::Error> {
    if sni == WEB && request.uri().path() == web::CHAT_PATH {
        return Ok(web::accept(&mut request, &host, chat).map(Either::Left));
    }
    let asked = request.uri().path().strip_prefix("/bytes/");
    let asked = asked.and_then(|n| n.parse().ok());
    let (method, body) = (request.method().clone(), request.into_body());
    let body = match (method, asked) {
        (Method::GET, Some(len)) => Either::Right(PatternBody { offset: 0, len }),
        (Method::POST, _) => {
            let len = received(body).await?;
            Either::Left(Full::from(len.to_string()))
        }
        _ => Either::Left(Full::from(format!("simulated media host, SNI {sni}\n"))),
    };
    Ok(Response::new(body))
}

/// Chat in TLS.
async fn chat(upgraded: OnUpgrade, world: Arc<World>) -> io::Result<()> {
    let upgraded = upgraded.await.map_err(io::Error::other)?;
    let parts = upgraded.downcast::<TokioIo<TlsStream<Socket>>>();
    let Parts { io, read_buf, .. } = parts.map_err(|_| io::Error::other("another socket type"))?;
    if !read_buf.is_empty() {
        return Err(io::Error::other("messages before the answer to the upgrade"));
    }
    let mut web = ServerBuilder::new().serve(io.into_inner());
    match web::converse(&mut web, world).await? {
        Some(_) => Err(io::Error::other("measuring is for the listeners without TLS")),
        None => Ok(()),
    }
}

async fn received(mut body: Incoming) -> Result<u64, hyper::Error> {
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        len += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(len)
}

/// A response of the pattern's bytes, made as they are taken.
struct PatternBody {
    offset: u64,
    len: u64,
}

impl Body for PatternBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.offset == self.len {
            return Poll::Ready(None);
        }
        let mut buffer = vec![0; CHUNK];
        let n = next_piece(&mut buffer, self.offset, self.len).len();
        buffer.truncate(n);
        pattern::fill(self.offset, &mut buffer);
        self.offset += n as u64;
        Poll::Ready(Some(Ok(Frame::data(buffer.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.offset == self.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len - self.offset)
    }
}
