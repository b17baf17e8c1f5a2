//! The tunnel, the relay, the bridge, the check and the simulator over real sockets, one binary.
//!
//! Every test has its own simulator and relay on free ports, so that all run at once. Nothing sleeps to wait:
//! what is waited for has a limit, and meeting it is a failure.

#![cfg(not(target_arch = "wasm32"))]

/// A client of WhatsApp's chat.
mod client;
/// A relay with its simulator, and a way to it.
mod tunnels;
/// WebSocket frames by hand.
mod frames;
/// What may stand in a relay's place.
mod front;
/// The program as a process.
mod program;
/// A resolver that answers what a test wants.
mod resolver;

/// What a client sees from its first byte to the pairing stanza, in every delivery mode.
mod chat;
/// `sim echo`, `source`, `frames`, `sink`, `stall` on both listeners.
mod measure;
/// The TLS host.
mod media;
/// The relay as a server, and as the program.
mod serve;
/// The program when strangers open what they can.
mod floods;
/// What the program holds once everybody has left.
mod leaks;
/// RFC 6455, as the Autobahn testsuite tries it.
mod websocket;
/// What the programs write down.
mod quiet;
/// The program when those who have a key are not honest.
mod hostile;
/// The tunnel, both ends, with the simulator behind it: what is carried, and how it ends.
mod tunnel;
/// The tunnel when carriers come and go.
mod tunnel_carriers;
/// The tunnel when the relay or its client misbehaves.
mod tunnel_faults;
/// What a tunnel tells of its troubles while it goes on.
mod tunnel_troubles;

/// The way to a relay: what TLS shows and verifies, and how its failures are told apart.
mod connect_tls;
/// The way to a relay: addresses, one after the other.
mod connect_race;
/// The way to a relay: names.
mod connect_dns;
/// The way to a relay: out of a network that has only a proxy.
mod connect_exit;
/// The way to a relay: configurations for encrypted hellos. A server that accepts them is in the end-to-end tests.
mod connect_ech;

/// The program's `check` of a relay, whole and broken.
mod check_relay;
/// The program's `check` of a proxy, whole and broken.
mod check_proxy;
/// The program's `bridge`.
mod bridge;
/// The program's `share`.
mod share;
/// What programs are told.
mod json;
/// The program's configuration file.
mod config;
/// How the program ends.
mod exit_codes;
/// In which language the program speaks.
mod languages;

use std::{future::Future, time::Duration};

use pasarela_sim::{Delivery, Sim, SimConfig, Stats};

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits for it, and says where in vain.
#[track_caller]
fn within<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let waited = tokio::time::timeout(LIMIT, future).await;
        waited.unwrap_or_else(|_| panic!("not done within {LIMIT:?}: {place}"))
    }
}

async fn start() -> Sim {
    start_with("frame").await
}

async fn start_with(delivery: &str) -> Sim {
    let delivery: Delivery = delivery.parse().expect("a delivery mode");
    let config = SimConfig { delivery, ..SimConfig::default() };
    Sim::start(config).await.expect("free ports on loopback")
}

async fn wait(sim: &Sim, condition: impl FnMut(&Stats) -> bool) -> Stats {
    sim.wait_until(LIMIT, condition).await.unwrap_or_else(|last| panic!("not within the limit: {last:?}"))
}

/// Clients have gone: nothing may be left open.
async fn assert_all_closed(sim: &Sim) {
    wait(sim, |stats| stats.open() == 0).await;
}

#[tokio::test]
async fn shutdown_ends_what_is_open() {
    let sim = start().await;
    let mut tcp = client::Link::tcp(&sim).await;
    let mut web = client::Link::web(&sim).await;
    wait(&sim, |stats| stats.open() == 2).await;
    within(sim.shutdown()).await;
    assert!(within(tcp.read()).await.is_none());
    assert!(within(web.read()).await.is_none());
}

#[tokio::test]
async fn dropping_ends_what_is_open() {
    let sim = start().await;
    let mut tcp = client::Link::tcp(&sim).await;
    wait(&sim, |stats| stats.open() == 1).await;
    drop(sim);
    assert!(within(tcp.read()).await.is_none());
}

#[tokio::test]
async fn a_taken_address_is_named_in_the_error() {
    let sim = start().await;
    let config = SimConfig { web: sim.web(), ..SimConfig::default() };
    let error = Sim::start(config).await.map(drop).expect_err("taken");
    assert!(error.to_string().starts_with("web on 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_seed_gives_the_same_root_and_none_gives_another() {
    let root = async |seed| {
        let config = SimConfig { seed, ..SimConfig::default() };
        *Sim::start(config).await.expect("starts").root_key()
    };
    assert_eq!(root(Some(1)).await, root(Some(1)).await);
    assert_ne!(root(Some(1)).await, root(Some(2)).await);
    assert_ne!(root(None).await, root(None).await);
}
