//! The native program beside its peers: the pair of bridge and relay, a relay's port for phones, and how large it all is.
//!
//! Programs and their load are in `programs` and `tcp_load`.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use pasarela_e2e::process;

use super::{
    load::Cargo,
    programs::{self, Native, Started, Way},
    tcp_load::{self, First},
    turns::{Bench, Contend, Figure, Lifetime, Row, Run, percentile},
};

pub(super) const PAIR_DOWN_CPU: &str = "pair: download, CPU";
pub(super) const PAIR_UP_CPU: &str = "pair: upload, CPU";
pub(super) const PAIR_ECHO_P50: &str = "pair: echo of 128 bytes, p50";
pub(super) const RAW_DOWN_CPU: &str = "raw port: download, CPU";
pub(super) const RAW_UP_CPU: &str = "raw port: upload, CPU";
pub(super) const RAW_MEMORY: &str = "raw port: idle connection, memory";
pub(super) const PROGRAM_SIZE: &str = "program, size";
pub(super) const BRIDGE_MEMORY: &str = "idle bridge, memory";

pub(super) const PASARELA: &str = "pasarela";
pub(super) const PENGUIN: &str = "penguin";
pub(super) const WEBSOCAT: &str = "websocat";
pub(super) const NGINX: &str = "nginx";

/// Bridge and relay together, both without TLS. Much at once is media; chat has a smaller window, and is what echoes.
pub(super) async fn pair(bench: &Bench) -> Result<Vec<Figure>> {
    let ways = [(PASARELA, Way::Pasarela), (PENGUIN, Way::Penguin), (WEBSOCAT, Way::Websocat)];
    let media = First::media()?;
    let (bulk, chat) = (media.upstream(&bench.sim).await?, bench.sim.chat());
    apart(async || {
        let names = [PAIR_DOWN_CPU, "pair: download, speed", PAIR_UP_CPU];
        let mut figures = loads(bench, &ways.map(|way| native(way, bulk)), &media, names).await?;
        let contenders = ways.map(|way| native(way, chat));
        figures.extend(echo(bench, &contenders, [PAIR_ECHO_P50, "pair: echo of 128 bytes, p99"]).await?);
        let names = ["pair: chat's download, CPU", "pair: chat's download, speed", "pair: chat's upload, CPU"];
        figures.extend(loads(bench, &contenders, &First::Chat, names).await?);
        Ok(figures)
    })
    .await
}

/// A relay's port for phones.
pub(super) async fn raw(bench: &Bench) -> Result<Vec<Figure>> {
    let contenders = [(PASARELA, Way::Raw), (NGINX, Way::Nginx)].map(|way| native(way, bench.sim.chat()));
    apart(async || {
        let names = [RAW_DOWN_CPU, "raw port: download, speed", RAW_UP_CPU];
        let mut figures = loads(bench, &contenders, &First::Chat, names).await?;
        let names = ["raw port: echo of 128 bytes, p50", "raw port: echo of 128 bytes, p99"];
        figures.extend(echo(bench, &contenders, names).await?);
        figures.extend(idle(bench, &contenders).await?);
        Ok(figures)
    })
    .await
}

/// The program's file, and its memory while it waits.
pub(super) async fn size(bench: &Bench) -> Result<Vec<Figure>> {
    let bytes = programs::program()?.metadata().context("no program")?.len();
    let file = Row::new(PASARELA, [bytes as f64 / 1e6].into_iter());
    let mut figures = vec![Figure { name: PROGRAM_SIZE, unit: "MB", rows: vec![file] }];
    let load = async |running: &Started| Ok([resident(running)? / 1e6]);
    let bridge = [native((PASARELA, Way::Bridge), bench.sim.chat())];
    figures.extend(bench.in_turn([(BRIDGE_MEMORY, "MB")], &bridge, Lifetime::OneRound, load).await?);
    Ok(figures)
}

fn native((name, way): (&'static str, Way), upstream: SocketAddr) -> Native {
    Native { name, way, upstream }
}

/// Does it while this process keeps off the core of what is measured.
async fn apart(work: impl AsyncFn() -> Result<Vec<Figure>>) -> Result<Vec<Figure>> {
    programs::keep_off(true).await?;
    let done = work().await;
    programs::keep_off(false).await?;
    done
}

/// Download and upload.
async fn loads(
    bench: &Bench,
    contenders: &[Native],
    first: &First,
    [down, speed, up]: [&'static str; 3],
) -> Result<Vec<Figure>> {
    let mib: u32 = if bench.quick { 64 } else { 256 };
    let download = async |running: &Started| {
        let receive = async || tcp_load::download(running.phones, first, u64::from(mib) << 20).await;
        let (cpu, wall) = bench.cost(running, receive).await?;
        Ok([cpu * 1e3 / f64::from(mib), f64::from(mib) / wall])
    };
    let names = [(down, "ms/MiB"), (speed, "MiB/s")];
    let mut figures = bench.in_turn(names, contenders, Lifetime::AllRounds, download).await?;
    let cargo = Cargo::new((mib as usize) << 20);
    let upload = async |running: &Started| {
        let (cpu, _) = bench.cost(running, async || tcp_load::upload(running.phones, first, &cargo).await).await?;
        Ok([cpu * 1e3 / f64::from(mib)])
    };
    figures.extend(bench.in_turn([(up, "ms/MiB")], contenders, Lifetime::AllRounds, upload).await?);
    Ok(figures)
}

async fn echo(bench: &Bench, contenders: &[Native], [p50, p99]: [&'static str; 2]) -> Result<Vec<Figure>> {
    let echo = async |running: &Started| {
        let taken = tcp_load::echo(running.phones, 500, 128).await?;
        let mut micros: Vec<_> = taken.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        micros.sort_by(f64::total_cmp);
        Ok([percentile(&micros, 0.5), percentile(&micros, 0.99)])
    };
    bench.in_turn([(p50, "µs"), (p99, "µs")], contenders, Lifetime::ManyRounds, echo).await
}

async fn idle(bench: &Bench, contenders: &[impl Contend<Running = Started>]) -> Result<Vec<Figure>> {
    let count: u32 = if bench.quick { 500 } else { 2000 };
    let load = async |running: &Started| {
        drop(tcp_load::idle(running.phones, 50).await?);
        let before = resident(running)?;
        let open = tcp_load::idle(running.phones, count as usize).await?;
        let after = resident(running)?;
        drop(open);
        Ok([(after - before) / 1024.0 / f64::from(count)])
    };
    bench.in_turn([(RAW_MEMORY, "KiB")], contenders, Lifetime::OneRound, load).await
}

/// Resident memory of all its processes in bytes.
fn resident(running: &impl Run) -> Result<f64> {
    let pids = running.pids().into_iter();
    Ok(pids.map(process::resident).sum::<Result<u64>>()? as f64)
}
