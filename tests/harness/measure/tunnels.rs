//! What the tunnel costs beside `/pipe`, which does the same without acknowledgements: in a Durable Object and without one.

use anyhow::Result;
use pasarela_e2e::workerd::{Options, Sessions};

use super::{
    figures::{MIB, OBJECT, PIPE, TUNNEL, TUNNEL_DOWN_CPU, TUNNEL_ECHO_P50, TUNNEL_UP_CPU},
    load, tunnel_load,
    turns::{Bench, Contender, Figure, Lifetime, Running, percentile},
};

/// Measures all of it.
pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let contender = |name, options, path| Contender { name, options, path };
    let options = Options::towards(&bench.sim);
    let contenders = [
        contender(OBJECT, options.clone(), "/tunnel"),
        contender(TUNNEL, options.clone().sessions(Sessions::Absent), "/tunnel"),
        contender(PIPE, options.sessions(Sessions::Absent), "/pipe/chat"),
    ];
    let mut figures = download(bench, &contenders).await?;
    figures.extend(upload(bench, &contenders).await?);
    figures.extend(echo(bench, &contenders).await?);
    Ok(figures)
}

fn is_tunnel(running: &Running) -> bool {
    running.url.ends_with("/tunnel")
}

async fn download(bench: &Bench, contenders: &[Contender]) -> Result<Vec<Figure>> {
    let total: u64 = if bench.quick { 64 << 20 } else { 256 << 20 };
    let load = async |running: &Running| {
        let receive = async || match is_tunnel(running) {
            true => tunnel_load::download(&running.url, total).await,
            false => load::download(&running.url, total).await,
        };
        let (cpu, wall) = bench.cost(running, receive).await?;
        let mib = total as f64 / MIB;
        Ok([cpu * 1e3 / mib, mib / wall])
    };
    let names = [(TUNNEL_DOWN_CPU, "ms/MiB"), ("tunnel: download, speed", "MiB/s")];
    bench.in_turn(names, contenders, Lifetime::AllRounds, load).await
}

async fn upload(bench: &Bench, contenders: &[Contender]) -> Result<Vec<Figure>> {
    let (size, mib) = (64 << 10, if bench.quick { 64 } else { 256 });
    let cargo = load::Cargo::new(mib << 20);
    let load = async |running: &Running| {
        let send = async || match is_tunnel(running) {
            true => tunnel_load::upload(&running.url, &cargo, size).await,
            // The same window.
            false => load::upload(&running.url, &cargo, size, 1 << 20).await,
        };
        let (cpu, _) = bench.cost(running, send).await?;
        Ok([cpu * 1e3 / mib as f64])
    };
    bench.in_turn([(TUNNEL_UP_CPU, "ms/MiB")], contenders, Lifetime::AllRounds, load).await
}

async fn echo(bench: &Bench, contenders: &[Contender]) -> Result<Vec<Figure>> {
    let load = async |running: &Running| {
        let taken = match is_tunnel(running) {
            true => tunnel_load::echo(&running.url, 500, 128).await?,
            false => {
                let mut echo = load::Echo::open(&running.url).await?;
                let taken = echo.round_trips(500, 128).await?;
                load::end(echo).await?;
                taken
            }
        };
        let mut micros: Vec<_> = taken.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        micros.sort_by(f64::total_cmp);
        Ok([percentile(&micros, 0.5), percentile(&micros, 0.99)])
    };
    let names = [(TUNNEL_ECHO_P50, "µs"), ("tunnel: echo of 128 bytes, p99", "µs")];
    bench.in_turn(names, contenders, Lifetime::ManyRounds, load).await
}
