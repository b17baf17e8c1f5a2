//! The relay's HTTP: finds the route, answers, and hands an accepted upgrade on.
//!
//! Whatever is not a route under a right key gets one and the same answer.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use pasarela_core::codes::Code;
use pasarela_core::route::{Found, Route};
use pasarela_core::tunnel::message::{Control, Reset};
use pasarela_core::tunnel::relay::Origin;
use pasarela_core::tunnel::upgrade::{self as protocol, PROTOCOL};
use tokio::net::TcpStream;

use super::super::carrier::{self, Web};
use super::super::stream::Prefixed;
use super::Shared;
use super::registry::Attach;
use super::task;
use crate::upgrade;

type Answer = Response<Full<Bytes>>;

/// A request's head is due in this time.
const HEAD: Duration = Duration::from_secs(10);

/// A connection has this long for all before its upgrade, the answer included: whoever reads none holds nothing for longer.
const WHOLE: Duration = Duration::from_secs(30);

/// The longest head of a request: early data and a `resume` fit several times, and what is sent too early has room, too.
const HEAD_MAX: usize = 16 * 1024;

/// Who asks, and for what.
struct Client {
    /// The name of the key.
    owner: String,
    address: IpAddr,
    /// Decoded at once, so that the header is not kept for as long as the tunnel.
    request: Result<protocol::Request, Code>,
}

/// Serves one HTTP connection to its end or upgrade.
pub(super) async fn serve(tcp: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let address = tcp.peer_addr()?.ip();
    let service = hyper::service::service_fn(|request| {
        let answer = answer(request, address, &shared);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(tcp), service)
        .with_upgrades();
    tokio::time::timeout(WHOLE, connection).await?.map_err(io::Error::other)
}

fn answer(mut request: Request<Incoming>, address: IpAddr, shared: &Arc<Shared>) -> Answer {
    let found = shared.config.route(request.uri().path()).filter(|_| request.method() == Method::GET);
    let owner = match found {
        Some(Found { route: Route::Tunnel, owner }) => owner.to_owned(),
        Some(Found { route: Route::WsChat | Route::Pipe(_) | Route::Status | Route::Guide, .. }) | None => {
            return status(StatusCode::NOT_FOUND);
        }
    };
    let Some(key) = upgrade::key(request.headers()).cloned() else { return status(StatusCode::UPGRADE_REQUIRED) };
    let protocols = protocols(request.headers());
    let chosen = protocol::is_offered(&protocols).then_some(PROTOCOL);
    let upgraded = hyper::upgrade::on(&mut request);
    let client = Client { owner, address, request: protocol::decode(&protocols) };
    let tunnel = tunnel(upgraded, client, Arc::clone(shared));
    let end = shared.end.clone();
    shared.tasks.spawn(async move { end.run_until_cancelled_owned(tunnel).await });
    upgrade::accept(&key, chosen)
}

fn status(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// The list may be spread over several headers.
fn protocols(headers: &HeaderMap) -> String {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap_or_default()).collect();
    values.join(",")
}

async fn tunnel(upgraded: OnUpgrade, client: Client, shared: Arc<Shared>) {
    let web = match socket(upgraded).await {
        Ok(web) => web,
        Err(error) => return tracing::debug!(%error, "no upgrade"),
    };
    if let Err((web, code)) = accept(web, client, &shared).await {
        tracing::debug!(code = code.token(), "a tunnel is refused");
        carrier::refuse(web, &Control::Reset(Reset { code }), code).await;
    }
}

async fn socket(upgraded: OnUpgrade) -> io::Result<Web> {
    let upgraded = upgraded.await.map_err(io::Error::other)?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>();
    let Parts { io, read_buf, .. } = parts.map_err(|_| io::Error::other("another socket type"))?;
    Ok(carrier::server(Prefixed::new(read_buf, Box::new(io.into_inner()))))
}

/// Begins a tunnel and carries it to its end, or hands the carrier to the one that it asks for.
async fn accept(web: Web, client: Client, shared: &Arc<Shared>) -> Result<(), (Web, Code)> {
    match client.request {
        Err(code) => Err((web, code)),
        Ok(protocol::Request::Resume(resume)) => shared.registry.resume(&client.owner, Attach { web, resume }),
        Ok(protocol::Request::Open(open, early)) => {
            let place = shared.registry.open(&client.owner, open.window);
            let Some((entry, inbox)) = place else { return Err((web, Code::Busy)) };
            let kind = open.route;
            let preferred = shared.preferred(kind);
            let origin = Origin { kind, routing_info: None, client: Some(client.address), preferred };
            task::run(shared, web, task::Request { origin, open, early }, entry, inbox).await;
            Ok(())
        }
    }
}
