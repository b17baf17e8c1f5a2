//! One request to one route: what is accepted, and whose task carries it.
//!
//! Who may do what is decided by the core; the answers are made in the other files.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Version,
    body::Incoming,
    header::{HeaderMap, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL},
    upgrade::{OnUpgrade, Parts},
};
use hyper_util::rt::TokioIo;
use pasarela_core::{
    codes::Code,
    config::WebUpstream,
    pipe::Origin,
    route::{Found, Judgement, Kind, Route},
    tunnel::{
        message::{Control, Reset},
        upgrade::{self as protocol, PROTOCOL},
    },
    web as library,
};
use pasarela_guide as guide;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    MESSAGE_MAX,
    counts::{Counted, Overload},
    forwarded,
    ground::Leave,
    pages::{Answer, answer, asked, unknown},
    pipe,
    places::Place,
    shared::Shared,
    status,
    tunnels::Client,
    web,
};
use crate::{
    net::{BoxedStream, Prefixed, upgrade},
    tunnel::carrier::{self, Socket},
    websocket,
};

/// No request here has a body; so much of one is read and forgotten, in bytes.
const BODY_MAX: usize = 1024;

/// Its end is due in this time: it comes with the head, or one round trip later.
const BODY: Duration = Duration::from_secs(5);

/// Answers one request.
pub(super) async fn entry(mut request: Request<Incoming>, peer: IpAddr, shared: &Arc<Shared>) -> Answer {
    #[cfg(debug_assertions)]
    panic_if_asked(request.headers(), "entry");
    let key = upgrade::key(request.headers()).cloned();
    let key = key.filter(|_| request.method() == Method::GET && request.version() == Version::HTTP_11);
    let config = &shared.ground.config;
    let judgement = config.judge(request.method().as_str(), request.uri().path(), key.is_some());
    if let Judgement::Serve(found) = judgement
        && !found.owner.is_empty()
    {
        shared.lobby.knows(peer, found.owner);
    }
    match judgement {
        Judgement::Stranger => unknown(&request, shared),
        Judgement::UpgradeRequired => answer(guide::upgrade_required()),
        Judgement::Serve(Found { route: Route::Guide, page, .. }) => {
            guide::guide(config, &asked(&request), page).map_or_else(|| unknown(&request, shared), answer)
        }
        Judgement::Serve(Found { route: Route::Asset(asset), .. }) => {
            guide::asset(asset).map_or_else(|| unknown(&request, shared), answer)
        }
        Judgement::Serve(Found { route: Route::Status, owner, .. }) => {
            status::status(shared, owner, request.headers(), request.uri().query().unwrap_or_default()).await
        }
        Judgement::Serve(found) => {
            let Some(key) = key else { return answer(guide::upgrade_required()) };
            // Before anything is taken that others need, too.
            if !ends(request.body_mut()).await {
                return answer(guide::upgrade_required());
            }
            websocket(request, found, (key, peer), shared).await
        }
    }
}

/// Whether the body has come to its end. Some proxies make a body of nothing in chunks, whose end would be taken for a
/// WebSocket's beginning.
async fn ends(body: &mut Incoming) -> bool {
    matches!(timeout(BODY, Limited::new(body, BODY_MAX).collect()).await, Ok(Ok(_)))
}

/// Finds a seat for a WebSocket that is to be had, and accepts it.
async fn websocket(
    request: Request<Incoming>,
    found: Found<'_>,
    (key, peer): (HeaderValue, IpAddr),
    shared: &Arc<Shared>,
) -> Answer {
    let client = forwarded::client(peer, request.headers(), &shared.options.trusted);
    let protocols = protocols(request.headers());
    let client = Client { owner: found.owner.to_owned(), address: client, request: protocol::decode(&protocols) };
    // Who goes on with a tunnel of his own asks for nothing new.
    let seat = if found.route == Route::Tunnel && shared.tunnels.goes_on(&client) {
        Seat::Old
    } else {
        match shared.place(client.address, &client.owner) {
            Ok(place) => Seat::New(place),
            Err(refusal) => {
                shared.counts.refused(refusal);
                shared.ground.meter.refused(&client.owner);
                let Ok(turn) = Arc::clone(&shared.turned_away).try_acquire_owned() else {
                    return answer(guide::busy());
                };
                Seat::None(turn, refusal)
            }
        }
    };
    let subprotocol = match found.route {
        Route::Tunnel => protocol::is_offered(&protocols).then_some(PROTOCOL),
        Route::WsChat | Route::Pipe(_) => library::subprotocol(&protocols),
        Route::Status | Route::Guide | Route::Asset(_) => None,
    };
    let subprotocol = subprotocol.map(str::to_owned);
    upgraded(request, Asked { route: found.route, client, key, subprotocol, seat }, shared).await
}

/// Tests want to see what follows a panic. No program that is given away has this.
#[cfg(debug_assertions)]
fn panic_if_asked(headers: &HeaderMap, place: &str) {
    let asked = headers.get("x-instrument").is_some_and(|value| value == format!("panic at {place}").as_str());
    assert!(!asked, "a panic with a secret in its message");
}

/// The same for the task of a stream.
#[cfg(debug_assertions)]
async fn panicking_if_asked(carry: impl Future<Output = ()>, headers: HeaderMap) {
    let panic = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        panic_if_asked(&headers, "stream");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = carry => {}
        () = panic => {}
    }
}

/// A WebSocket that is to be had.
struct Asked {
    route: Route,
    client: Client,
    key: HeaderValue,
    subprotocol: Option<String>,
    seat: Seat,
}

/// Where an accepted WebSocket is to sit.
enum Seat {
    /// Its tunnel has one.
    Old,
    New(Place),
    /// Nowhere: libraries wait for minutes on an HTTP error, and hear a close at once.
    None(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit, Overload),
}

impl Seat {
    /// When whoever sits there is to go.
    fn away(&self) -> CancellationToken {
        match self {
            Self::Old | Self::None(..) => CancellationToken::new(),
            Self::New(place) => place.away(),
        }
    }
}

/// Accepts the WebSocket and lets a task of its own carry it.
async fn upgraded(mut request: Request<Incoming>, asked: Asked, shared: &Arc<Shared>) -> Answer {
    let Asked { route, client, key, subprotocol, seat } = asked;
    shared.counts.upgraded(route);
    let query = request.uri().query().unwrap_or_default();
    let refused = matches!(seat, Seat::None(..));
    let work = match route {
        Route::Tunnel if refused => Work::Refuse,
        _ if refused => Work::Web(None),
        Route::WsChat if shared.ground.config.web == WebUpstream::Wss => {
            Work::Web(web::upstream(shared, request.headers(), &library::routing_query(query)).await)
        }
        Route::WsChat => Work::Pipe(library::routing_info(query), Kind::Chat, true),
        Route::Pipe(kind) => Work::Pipe(None, kind, false),
        Route::Tunnel => Work::Tunnel,
        Route::Status | Route::Guide | Route::Asset(_) => return unknown(&request, shared),
    };
    let again_after = match &seat {
        Seat::Old | Seat::New(_) => None,
        Seat::None(_, refusal) => Some(refusal.again_after()),
    };
    let upgrading = hyper::upgrade::on(&mut request);
    let (carried, leave) = (Arc::clone(shared), shared.ground.leave(seat.away()));
    #[cfg(debug_assertions)]
    let headers = request.headers().clone();
    shared.ground.spawn(async move {
        let carry = async {
            match socket(upgrading, work.message_max()).await {
                Ok(mut socket) => {
                    if carried.options.tls.is_some() {
                        socket.set_below(websocket::TLS);
                    }
                    work.carry(socket, client, &carried, leave).await;
                }
                Err(error) => tracing::debug!(%error, "no upgrade"),
            }
        };
        #[cfg(debug_assertions)]
        let carry = panicking_if_asked(carry, headers);
        carry.await;
        drop(seat);
    });
    let mut accepted = upgrade::accept(&key, subprotocol.as_deref());
    if let Some(after) = again_after {
        accepted.headers_mut().insert(RETRY_AFTER, after.as_secs().into());
    }
    accepted
}

/// What is to be done with an accepted WebSocket.
enum Work {
    /// Nothing; a tunnel's client is told to come again, in a message, too.
    Refuse,
    /// Coupled to an upstream's; without one it is closed, and that says to come again.
    Web(Option<Socket>),
    /// Routing info, what the stream speaks, and whether one frame is one message.
    Pipe(Option<Vec<u8>>, Kind, bool),
    Tunnel,
}

impl Work {
    const fn message_max(&self) -> usize {
        match self {
            Self::Refuse | Self::Web(_) | Self::Pipe(..) => MESSAGE_MAX,
            Self::Tunnel => carrier::MESSAGE_MAX,
        }
    }

    async fn carry(self, socket: Socket, client: Client, shared: &Shared, leave: Leave) {
        let (ground, counts) = (&shared.ground, &shared.counts);
        let meter = ground.meter.of(&client.owner);
        match self {
            Self::Refuse => {
                ground.meter.ended(Code::Busy);
                carrier::refuse(socket, &Control::Reset(Reset { code: Code::Busy }), Code::Busy).await;
            }
            Self::Web(None) => web::refuse(ground, socket, Code::Busy).await,
            Self::Web(Some(upstream)) => {
                counts.ws_wss_started.inc();
                let _counted = Counted::new(&counts.ws_wss);
                web::couple((ground, &meter, leave), socket, upstream).await;
            }
            Self::Pipe(routing_info, kind, framed) => {
                let _counted = Counted::new(if framed { &counts.ws_tcp } else { &counts.pipe });
                let preferred = ground.preferred(kind);
                let origin = Origin { kind, routing_info, client: Some(client.address), preferred };
                pipe::run((ground, &meter, leave), socket, origin, framed).await;
            }
            Self::Tunnel => shared.tunnels.carry((ground, leave), socket, client, &shared.turned_away).await,
        }
    }
}

/// The list may be spread over several headers.
fn protocols(headers: &HeaderMap) -> String {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap_or_default()).collect();
    values.join(",")
}

async fn socket(upgrading: OnUpgrade, max: usize) -> io::Result<Socket> {
    let upgraded = upgrading.await.map_err(io::Error::other)?;
    let parts = upgraded.downcast::<TokioIo<BoxedStream>>();
    let Parts { io, read_buf, .. } = parts.map_err(|_| io::Error::other("another socket type"))?;
    Ok(carrier::server(Prefixed::new(read_buf, io.into_inner()), max))
}
