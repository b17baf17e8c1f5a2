//! `status.json`: counts, and on request whether upstreams answer. What it says is the core's.
//!
//! The probe dials all candidates of each upstream, at most once a minute.

use std::sync::PoisonError;

use futures_util::{SinkExt, StreamExt, stream::FuturesUnordered};
use hyper::header::HeaderMap;
use pasarela_core::{
    config::Authority,
    limits,
    status::{self, Due, Gauges, Own, Reachable, Status},
};
use pasarela_guide::json;
use tokio::time::timeout;

use super::{
    dial::dial,
    pages::{Answer, answer},
    shared::Shared,
};
use crate::net::eyeballs;

pub(super) async fn status(shared: &Shared, owner: &str, headers: &HeaderMap, query: &str) -> Answer {
    let counts = &shared.counts;
    let gauges = Gauges {
        scope: "process",
        pipe: whole(counts.pipe.get()),
        tunnel: u32::try_from(shared.tunnels.watch().borrow().tunnels).unwrap_or(u32::MAX),
        ws_tcp: whole(counts.ws_tcp.get()),
        ws_wss_started_total: counts.ws_wss_started.get(),
    };
    let meter = shared.ground.meter.of(owner);
    let own = Own {
        streams: u32::try_from(shared.places.taken_by(owner)).unwrap_or(u32::MAX),
        up_bytes_total: meter.up.own(),
        down_bytes_total: meter.down.own(),
        refused_total: meter.refused_of(owner),
    };
    let mut status =
        Status::new("native", &shared.ground.config, true, gauges, Some(own).filter(|_| !owner.is_empty()));
    if status::wants_probe(query) {
        status.upstreams = reachable(shared, headers).await;
    }
    answer(json(status.document()))
}

fn whole(gauge: i64) -> u32 {
    u32::try_from(gauge).unwrap_or_default()
}

/// What the last probe found; whoever asks while one runs starts no other, and is told nothing.
async fn reachable(shared: &Shared, headers: &HeaderMap) -> Option<Reachable> {
    let clock = shared.ground.clock;
    // Nothing under the lock leaves it half done.
    let probed = || shared.probed.lock().unwrap_or_else(PoisonError::into_inner);
    let known = probed().ask(clock.now());
    let Err(Due) = known else { return known.unwrap_or_default() };
    let config = &shared.ground.config;
    let tls = status::tls_candidate(config);
    let (chat, web, tls) = tokio::join!(
        any(&config.chat, accepts),
        any(&config.web_urls, |url| upgrades(url, headers, shared)),
        accepts(&tls)
    );
    let found = Reachable { chat, web, tls };
    probed().found(found, clock.now());
    Some(found)
}

/// Whether one of them answers: a single dead one says nothing about the others. All are tried at once.
async fn any<'a, T, F: Future<Output = bool>>(candidates: &'a [T], answers: impl Fn(&'a T) -> F) -> bool {
    let mut answered: FuturesUnordered<_> = candidates.iter().map(answers).collect();
    while let Some(answered) = answered.next().await {
        if answered {
            return true;
        }
    }
    false
}

async fn accepts(to: &Authority) -> bool {
    matches!(timeout(limits::DIAL_TOTAL, eyeballs::connect(&to.to_string())).await, Ok(Ok(_)))
}

async fn upgrades(url: &str, headers: &HeaderMap, shared: &Shared) -> bool {
    let Some(mut web) = dial(url, headers, &shared.upstream_tls).await else { return false };
    // That it was to be had is all that was asked.
    let _ = timeout(limits::DIAL_TOTAL, web.close()).await;
    true
}
