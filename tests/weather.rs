//! Phones on a bridge whose network is never the same for long: it cuts, falls silent as when an address changes, becomes slow, long
//! and fast again. Nothing is lost, nothing sticks, nothing grows.
//!
//! What happens when comes from a seed, `PASARELA_SEED`. `--soak` makes it 200 phones and an hour.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela::bridge::Tuning;
use pasarela_e2e::{
    bridge::Bridge,
    cutter::{Cutter, How, Plan},
    phone::{self, Way},
    process,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

/// What a phone waits for an answer: a carrier that is silent has to be found out first, and the next may be slow.
const PATIENCE: Duration = Duration::from_secs(100);

struct Size {
    phones: usize,
    lasts: Duration,
    /// The longest sleep of a phone.
    sleep: Duration,
    /// The longest time without a change of the weather.
    calm: Duration,
}

fn size() -> Size {
    if soak() {
        let (sleep, calm) = (Duration::from_secs(120), Duration::from_secs(20));
        Size { phones: 200, lasts: Duration::from_secs(3600), sleep, calm }
    } else {
        let (sleep, calm) = (Duration::from_secs(2), Duration::from_secs(5));
        Size { phones: 12, lasts: Duration::from_secs(10), sleep, calm }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_network_does_nothing_is_lost_and_nothing_grows() -> Result<()> {
    let seed = std::env::var("PASARELA_SEED").ok().map_or(Ok(7), |seed| seed.parse())?;
    let size = size();
    let bench = Bench::start(Kind::Native).await?;
    let cutter = Cutter::start(bench.address()).await?;
    let bridge = Bridge::start(&[format!("http://{}/", cutter.address())], Tuning::default()).await?;
    let (port, root, ca) = (bridge.port()?, *bench.sim.root_key(), Arc::new(bench.sim.ca_der().to_vec()));
    let end = Instant::now() + size.lasts;
    let mut phones = JoinSet::new();
    for number in 0..size.phones {
        let (ca, mut rng) = (Arc::clone(&ca), StdRng::seed_from_u64(seed + 1 + number as u64));
        phones.spawn(async move {
            let mut chat = phone::chat(port, [Way::Raw, Way::Edge][number % 2], &root).await?;
            let mut rounds = 0_u64;
            while Instant::now() < end {
                tokio::time::sleep(size.sleep.mul_f64(rng.random())).await;
                chat.ask(PATIENCE).await.with_context(|| format!("phone {number} asks, round {rounds}"))?;
                if rng.random_range(0..4_u8) == 0 {
                    let bytes = rng.random_range(1 << 10..256 << 10);
                    let loaded = phone::download(port, &ca, bytes, |_| {}).await;
                    loaded.with_context(|| format!("phone {number} loads, round {rounds}"))?;
                }
                rounds += 1;
            }
            anyhow::Ok(rounds)
        });
    }
    let half = weather(&cutter, StdRng::seed_from_u64(seed), end, &size).await?;
    cutter.plan(Plan::default());
    cutter.cut_all(How::Reset);
    let mut rounds = 0;
    while let Some(phone) = phones.join_next().await {
        rounds += phone?.with_context(|| format!("PASARELA_SEED={seed}"))?;
    }
    let whole = process::resident(std::process::id())?;
    println!("{rounds} rounds, {} connections, {} MiB, then {}", cutter.accepted(), half >> 20, whole >> 20);
    // Small, a test shares its process with others.
    ensure!(!soak() || whole < half + half / 10 + (8 << 20), "grew from {} to {} MiB", half >> 20, whole >> 20);
    let standing = bridge.bridge.standing();
    ensure!(standing.failed == 0 && standing.refused == 0, "{standing:?}");
    bridge.bridge.shutdown().await;
    bench.must_be_idle().await
}

/// Changes it now and then until the end; gives what the process held at half time.
async fn weather(cutter: &Cutter, mut rng: StdRng, end: Instant, size: &Size) -> Result<u64> {
    let mut half = None;
    while Instant::now() < end {
        tokio::time::sleep(size.calm.mul_f64(rng.random())).await;
        let fast = Plan::default();
        let plan = match rng.random_range(0..4_u8) {
            0 => fast.rate(rng.random_range(32 << 10..256 << 10)),
            1 => fast.delay(Duration::from_millis(rng.random_range(0..300))),
            _ => fast,
        };
        cutter.plan(plan);
        match rng.random_range(0..3_u8) {
            0 => cutter.cut_all(How::Reset),
            1 => cutter.cut_all(How::Close),
            // As behind a NAT that forgets.
            _ => cutter.cut_all(How::Silence),
        }
        if half.is_none() && Instant::now() + size.lasts / 2 >= end {
            half = Some(process::resident(std::process::id())?);
        }
    }
    half.map_or_else(|| process::resident(std::process::id()), Ok)
}
