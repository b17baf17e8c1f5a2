//! Accepts connections, makes TLS of them if there is a certificate, and speaks HTTP on them.
//!
//! What is answered is `entry`'s.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use hyper::{Request, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{io::InspectReader, sync::CancellationToken};

use super::{announced, counts::Counted, entry::entry, pages::Answer, shared::Shared};
use crate::{
    lobby::Guest,
    net::{BoxedStream, Prefixed, accept_next},
};

/// A TLS handshake is due in this time.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// A request's head is due in this time, whether the first or a further one: bridges keep a connection ready for 50 s, so
/// that the next stream need not wait for a handshake.
const HEAD: Duration = Duration::from_secs(60);

/// A connection has this long for all before its upgrade, the answers included: whoever reads none holds nothing for longer.
const WHOLE: Duration = Duration::from_secs(120);

/// The longest head of a request: early data and a `resume` fit several times, and what is sent too early has room, too.
const HEAD_MAX: usize = 16 * 1024;

/// Accepts for as long as it is polled.
pub(super) async fn accept(listener: &TcpListener, shared: Arc<Shared>) {
    loop {
        let (tcp, peer) = accept_next(listener).await;
        let carried = Arc::clone(&shared);
        // A web server in front lets nobody through who has not said all of his request.
        let trusted = shared.options.trusted.iter().any(|network| network.contains(&peer.ip().to_canonical()));
        let guest = (!trusted).then(|| Arc::new(shared.lobby.enter(peer.ip())));
        shared.ground.spawn(async move {
            let _counted = Counted::new(&carried.counts.connections);
            let connection = connection(tcp, (peer, trusted), guest.as_ref(), &carried);
            let ended = match &guest {
                Some(guest) => guest.while_here(connection).await,
                None => Some(connection.await),
            };
            match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, "connection ended"),
                None => tracing::debug!("a connection made room for another"),
            }
        });
    }
}

async fn connection(
    tcp: TcpStream,
    (peer, trusted): (SocketAddr, bool),
    guest: Option<&Arc<Guest>>,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    // Once it is upgraded it is nobody's guest any more.
    let guest = guest.map(Arc::downgrade);
    let tcp = InspectReader::new(tcp, move |_: &[u8]| {
        if let Some(guest) = guest.as_ref().and_then(Weak::upgrade) {
            guest.heard();
        }
    });
    // Where TLS ends here, a web server in front can write nothing into the request. Before plain HTTP it would be a mark.
    let (announced, tcp) = if trusted && shared.options.tls.is_some() {
        announced::read(tcp).await?
    } else {
        (None, Prefixed::new(Bytes::new(), tcp))
    };
    let peer = announced.unwrap_or(peer);
    let stream: BoxedStream = match &shared.options.tls {
        None => Box::new(tcp),
        Some(config) => {
            let handshake = TlsAcceptor::from(Arc::clone(config)).accept(tcp);
            let finished = shared.ground.drain.run_until_cancelled(timeout(HANDSHAKE, handshake)).await;
            let Some(finished) = finished else { return Ok(()) };
            Box::new(finished??)
        }
    };
    let answer = async |request, peer| entry(request, peer, shared).await;
    http(stream, &shared.ground.drain, |request| answer(request, peer.ip())).await
}

/// Answers the requests of one connection to its end or upgrade, or until `drain` lets none follow.
pub(super) async fn http<F: Future<Output = Answer>>(
    stream: BoxedStream,
    drain: &CancellationToken,
    answer: impl Fn(Request<Incoming>) -> F,
) -> io::Result<()> {
    let service = hyper::service::service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let whole = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = drain.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    timeout(WHOLE, whole).await?.map_err(io::Error::other)
}
