//! Prometheus, on a listener of its own: the numbers of `counts` and of `tunnel`'s meter, at `/metrics`.
//!
//! It counts nothing, and says nothing about anybody but the names of keys; so it answers those alone who know its address.

use std::{net::IpAddr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HOST, HeaderValue},
    http::uri::Authority,
};
use prometheus_client::{encoding::text::encode, metrics::family::Family, registry::Registry};
use tokio::net::TcpListener;

use super::{
    listen,
    meter::Of,
    numbers::{Counter, Gauge},
    pages::Answer,
    shared::Shared,
    visit::Visit,
};
use crate::{lobby::Lobby, net::accept_next, panics};

/// Connections at a time. Who has been silent for longest makes room.
const READERS: usize = 64;

/// What they may have said together of requests that are not whole, in bytes. Who said most makes room.
const HEADS: usize = 1 << 20;

/// Answers for as long as it is polled.
pub(super) async fn serve(listener: &TcpListener, shared: Arc<Shared>) {
    let lobby = Lobby::new(READERS, HEADS);
    loop {
        let (tcp, peer) = accept_next(listener).await;
        let (scraped, visit) = (Arc::clone(&shared), Visit::new(Some(lobby.enter(peer.ip()))));
        shared.ground.spawn(async move {
            let answer = async |request: Request<Incoming>| answer(&request, &scraped);
            let stream = Box::new(visit.of_requests(tcp));
            let reading = listen::http((stream, &visit), &scraped.ground.drain, answer);
            if let Some(Err(error)) = visit.while_here(reading).await {
                tracing::debug!(%error, "a reader of the metrics ended");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, shared: &Shared) -> Answer {
    if !is_direct(request) {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        return answer;
    }
    let known = request.uri().path() == "/metrics" && matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(text) = known.then(|| text(shared)).flatten() else {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::NOT_FOUND;
        return answer;
    };
    let mut answer = Response::new(Full::new(text.into()));
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// Whether it was asked for by an address, or by a name without a dot, as `localhost` and containers have. A page on the web can make
/// a name of its own mean this machine, and would then read the answers, which hold the names that the operator gave keys; it has
/// no such name.
fn is_direct<T>(request: &Request<T>) -> bool {
    let is_address = |host: &str| {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bracketed.unwrap_or(host).parse::<IpAddr>().is_ok() || (!host.is_empty() && !host.contains('.'))
    };
    let in_header = |host: &HeaderValue| {
        let host: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
        host.is_some_and(|host| is_address(host.host()))
    };
    let mut hosts = request.headers().get_all(HOST).iter();
    hosts.next().is_some_and(in_header) && hosts.next().is_none() && request.uri().host().is_none_or(is_address)
}

/// All numbers as they are now.
fn text(shared: &Shared) -> Option<String> {
    let (counts, meter) = (&shared.counts, &shared.ground.meter);
    let tunnels = *shared.tunnels.watch().borrow();
    let mut all = Registry::with_prefix("pasarela");
    all.register("connections", "TCP connections of clients before their upgrade", counts.connections.clone());
    all.register(
        "clients",
        "Streams of clients; a tunnel counts once, whether it has one connection or several or none",
        gauge(shared.places.taken()),
    );
    all.register("raw", "Streams of raw ports", counts.raw.clone());
    all.register("pipes", "Streams of /pipe", counts.pipe.clone());
    all.register("ws_tcp", "Streams of /ws/chat in tcp mode", counts.ws_tcp.clone());
    all.register("ws_wss", "Streams of /ws/chat in wss mode", counts.ws_wss.clone());
    all.register("tunnels", "Tunnels, attached or not", gauge(tunnels.tunnels));
    all.register("tunnels_detached", "Tunnels whose client is away", gauge(tunnels.detached));
    all.register("tunnels_held_bytes", "Payload that tunnels hold", gauge(shared.tunnels.held()));
    all.register("tunnels_opened", "Tunnels opened", counter(tunnels.opened));
    all.register("tunnels_resumed", "Connections that went on with a tunnel", counter(tunnels.resumed));
    all.register("upgrades", "WebSockets accepted", counts.upgrades());
    all.register("refusals", "Clients refused", counts.refusals());
    all.register("streams_failed", "Streams that ended before all was said", meter.failed.clone());
    all.register("panics", "Faults in the program; each ended one stream", counter(panics::count()));
    all.register("up_bytes", "Payload that upstreams took", meter.up.all());
    all.register("down_bytes", "Payload that came from upstreams", meter.down.all());
    let keys = Family::<Of, Gauge>::default();
    for (key, streams) in shared.places.by_key() {
        keys.get_or_create(&Of { key }).set(i64::try_from(streams).unwrap_or(i64::MAX));
    }
    all.register("key_clients", "Streams of clients, by the name of their key", keys);
    all.register("key_up_bytes", "Payload that upstreams took, by the name of the key", meter.up.by_key());
    all.register("key_down_bytes", "Payload that came from upstreams, by the name of the key", meter.down.by_key());
    all.register("key_refusals", "Clients with a right key who were refused, by its name", meter.refused.clone());
    let mut text = String::new();
    encode(&mut text, &all).ok().map(|()| text)
}

fn gauge(value: usize) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}

fn counter(value: u64) -> Counter {
    let counter = Counter::default();
    counter.inc_by(value);
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_by_another_name_is_not_answered() {
        let request = |hosts: &[&str], uri: &str| {
            let request = hosts.iter().fold(Request::builder().uri(uri), |request, host| request.header(HOST, *host));
            request.body(()).expect("a request")
        };
        for host in [
            "127.0.0.1:9100",
            "127.0.0.1",
            "[::1]:9100",
            "[::1]",
            "192.0.2.1:80",
            "localhost",
            "LocalHost:9100",
            "relay:9100",
        ] {
            assert!(is_direct(&request(&[host], "/metrics")), "{host}");
            assert!(is_direct(&request(&[host], &format!("http://{host}/metrics"))), "{host}");
        }
        for host in ["rebound.example", "rebound.example:9100", "127.0.0.1.example", "localhost.example", "", "1 2"] {
            assert!(!is_direct(&request(&[host], "/metrics")), "{host}");
        }
        assert!(!is_direct(&request(&[], "/metrics")));
        assert!(!is_direct(&request(&["localhost", "rebound.example"], "/metrics")));
        assert!(!is_direct(&request(&["localhost"], "http://rebound.example/metrics")));
    }
}
