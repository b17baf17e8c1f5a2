//! Accepts connections, makes TLS of them if there is a certificate, and speaks HTTP on them.
//!
//! What is answered is `entry`'s.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Request, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{announced, counts::Counted, entry::entry, pages::Answer, shared::Shared, visit::Visit};
use crate::net::{BoxedStream, Prefixed, accept_next};

/// A TLS handshake is due in this time.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// A request's head is due in this time, whether the first or a further one: bridges keep a connection ready for 50 s, so
/// that the next stream need not wait for a handshake.
const HEAD: Duration = Duration::from_secs(60);

/// Before its upgrade a connection has this long until an answer, and until each further part of it is taken: whoever reads none
/// holds nothing for longer.
const WHOLE: Duration = Duration::from_secs(120);

/// Accepts for as long as it is polled.
pub(super) async fn accept(listener: &TcpListener, shared: Arc<Shared>) {
    loop {
        let (tcp, peer) = accept_next(listener).await;
        let carried = Arc::clone(&shared);
        // A web server in front lets nobody through who has not said all of his request.
        let guest = (!shared.trusts(peer.ip())).then(|| shared.lobby.enter(peer.ip()));
        shared.ground.spawn(async move {
            let _counted = Counted::new(&carried.counts.connections);
            let ended = match guest {
                Some(guest) => visit(bare(tcp), peer, Visit::new(Some(guest)), &carried).await,
                None => of_trusted(tcp, peer, &carried).await,
            };
            match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, "connection ended"),
                None => tracing::debug!("a connection made room for another"),
            }
        });
    }
}

/// A connection of a trusted peer, who may say whose it is. Then it is of that one, who is a stranger as any other.
async fn of_trusted(tcp: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) -> Option<io::Result<()>> {
    // Where TLS ends here, a web server in front can write nothing into the request. Before plain HTTP it would be a mark.
    if shared.options.tls.is_none() {
        return visit(bare(tcp), peer, Visit::new(None), shared).await;
    }
    let (announced, tcp) = match announced::read(tcp).await {
        Ok(read) => read,
        Err(error) => return Some(Err(error)),
    };
    let guest = announced.filter(|client| !shared.trusts(client.ip())).map(|client| shared.lobby.enter(client.ip()));
    visit(tcp, announced.unwrap_or(peer), Visit::new(guest), shared).await
}

/// A connection of which nothing was read.
fn bare(tcp: TcpStream) -> Prefixed<TcpStream> {
    Prefixed::new(Bytes::new(), tcp)
}

/// Serves a connection until its end, an upgrade, or until its place is another's.
async fn visit(
    tcp: Prefixed<TcpStream>,
    peer: SocketAddr,
    visit: Arc<Visit>,
    shared: &Arc<Shared>,
) -> Option<io::Result<()>> {
    let connection = async {
        tcp.get_ref().set_nodelay(true)?;
        let stream: BoxedStream = match &shared.options.tls {
            None => Box::new(visit.of_requests(tcp)),
            Some(config) => {
                let handshake = TlsAcceptor::from(Arc::clone(config)).accept(visit.below_tls(tcp));
                let finished = shared.ground.drain.run_until_cancelled(timeout(HANDSHAKE, handshake)).await;
                let Some(finished) = finished else { return Ok(()) };
                let tls = finished??;
                visit.greeted();
                Box::new(visit.of_requests(tls))
            }
        };
        let answer = async |request, peer| entry(request, peer, shared).await;
        http((stream, &visit), &shared.ground.drain, |request| answer(request, peer.ip())).await
    };
    visit.while_here(connection).await
}

/// Answers the requests of one connection to its end or upgrade, or until `drain` lets none follow.
///
/// How long a head may be is hyper's, as with any server that is made of it; how long all of them together, the lobby's.
pub(super) async fn http<F: Future<Output = Answer>>(
    (stream, visit): (BoxedStream, &Visit),
    drain: &CancellationToken,
    answer: impl Fn(Request<Incoming>) -> F,
) -> io::Result<()> {
    let service = hyper::service::service_fn(|request| {
        visit.is_whole();
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut whole = pin!(async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = drain.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    });
    loop {
        match timeout_at(visit.until(WHOLE), whole.as_mut()).await {
            Ok(ended) => return ended.map_err(io::Error::other),
            Err(elapsed) if visit.until(WHOLE) <= Instant::now() => return Err(elapsed.into()),
            // Something was written meanwhile.
            Err(_) => {}
        }
    }
}
