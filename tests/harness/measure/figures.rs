//! What is measured of which Workers, and with how much load.
//!
//! How Workers take turns is in `turns`; what the numbers must be, in `targets`.

use std::time::Duration;

use anyhow::Result;
use pasarela_e2e::{process, workerd::Options};
use tokio::time::{Instant, sleep};

use super::{
    load, natives, tunnels,
    turns::{Bench, Contender, Figure, Lifetime, Running, percentile},
};

pub(super) const DOWNLOAD_CPU: &str = "download, CPU";
pub(super) const UPLOAD_64K_CPU: &str = "upload in 64 KiB messages, CPU";
pub(super) const ECHO_P50: &str = "echo of 128 bytes, p50";
pub(super) const WEB_CPU: &str = "/ws/chat, 1 KiB message, CPU";
const WEB_STREAM_CPU: &str = "/ws/chat, 1 KiB message sent and echoed in a stream, CPU";
const WEB_ECHO_CPU: &str = "/ws/chat, echo of 1 KiB, CPU";
pub(super) const TUNNEL_DOWN_CPU: &str = "tunnel: download, CPU";
pub(super) const TUNNEL_UP_CPU: &str = "tunnel: upload in 64 KiB messages, CPU";
pub(super) const TUNNEL_ECHO_P50: &str = "tunnel: echo of 128 bytes, p50";
pub(super) const IDLE_MEMORY: &str = "idle connection, memory";

pub(super) const OURS: &str = "ours";
pub(super) const TUNED: &str = "tuned";
pub(super) const NAIVE: &str = "naive";
pub(super) const WSS: &str = "ours, wss";
pub(super) const TCP: &str = "ours, tcp";
pub(super) const OBJECT: &str = "object";
pub(super) const TUNNEL: &str = "tunnel";
pub(super) const PIPE: &str = "pipe";

pub(super) const MIB: f64 = (1 << 20) as f64;

/// Something to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Subject {
    Download,
    Upload,
    Echo,
    Web,
    Tunnel,
    Idle,
    Setup,
    Stall,
    Pair,
    Raw,
    Size,
}

impl Subject {
    pub(super) const ALL: [Self; 11] = [
        Self::Download,
        Self::Upload,
        Self::Echo,
        Self::Web,
        Self::Tunnel,
        Self::Idle,
        Self::Setup,
        Self::Stall,
        Self::Pair,
        Self::Raw,
        Self::Size,
    ];

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Download => "downloads of 256 MiB",
            Self::Upload => "uploads in messages of 64 KiB and of 1460 bytes, 4 MiB in flight",
            Self::Echo => "echoes of 128 bytes, one after another",
            Self::Web => "/ws/chat, 50000 messages of 1 KiB, over WebSocket and over TCP",
            Self::Tunnel => "the tunnel in a Durable Object and without one, beside /pipe",
            Self::Idle => "memory of 1000 idle connections",
            Self::Setup => "500 connections, one after another",
            Self::Stall => "memory while a client stops to read",
            Self::Pair => "bridge and serve as native programs, beside penguin and websocat",
            Self::Raw => "serve's ports for phones, beside nginx",
            Self::Size => "the native program's size, and an idle bridge's memory",
        }
    }
}

/// Measures one subject.
pub(super) async fn measure(subject: Subject, bench: &Bench) -> Result<Vec<Figure>> {
    match subject {
        Subject::Download => download(bench).await,
        Subject::Upload => upload(bench).await,
        Subject::Echo => echo(bench).await,
        Subject::Web => web(bench).await,
        Subject::Tunnel => tunnels::measure(bench).await,
        Subject::Idle => idle(bench).await,
        Subject::Setup => setup(bench).await,
        Subject::Stall => stall(bench).await,
        Subject::Pair => natives::pair(bench).await,
        Subject::Raw => natives::raw(bench).await,
        Subject::Size => natives::size(bench).await,
    }
}

/// The `/pipe/chat` of these Workers.
fn pipes(bench: &Bench, names: &[&'static str]) -> Vec<Contender> {
    let options = |name| match name {
        TUNED => Options::towards(&bench.sim).script("tests/workers/tuned.mjs"),
        NAIVE => Options::towards(&bench.sim).script("tests/workers/naive.mjs"),
        _ => Options::towards(&bench.sim),
    };
    names.iter().map(|name| Contender { name, options: options(*name), path: "/pipe/chat" }).collect()
}

async fn download(bench: &Bench) -> Result<Vec<Figure>> {
    let total: u64 = if bench.quick { 64 << 20 } else { 256 << 20 };
    let names = [(DOWNLOAD_CPU, "ms/MiB"), ("download, speed", "MiB/s")];
    let load = async |running: &Running| {
        let (cpu, wall) = bench.cost(running, async || load::download(&running.url, total).await).await?;
        let mib = total as f64 / MIB;
        Ok([cpu * 1e3 / mib, mib / wall])
    };
    bench.in_turn(names, &pipes(bench, &[OURS, TUNED, NAIVE]), Lifetime::AllRounds, load).await
}

async fn upload(bench: &Bench) -> Result<Vec<Figure>> {
    let sizes = [(64 << 10, 256, UPLOAD_64K_CPU), (1460, 64, "upload in 1460-byte messages, CPU")];
    let mut figures = Vec::new();
    for (size, mib, name) in sizes {
        let mib = if bench.quick { mib / 4 } else { mib };
        let cargo = load::Cargo::new(mib << 20);
        let load = async |running: &Running| {
            let send = async || load::upload(&running.url, &cargo, size, 4 << 20).await;
            let (cpu, _) = bench.cost(running, send).await?;
            Ok([cpu * 1e3 / mib as f64])
        };
        let contenders = pipes(bench, &[OURS, TUNED, NAIVE]);
        figures.extend(bench.in_turn([(name, "ms/MiB")], &contenders, Lifetime::AllRounds, load).await?);
    }
    Ok(figures)
}

async fn echo(bench: &Bench) -> Result<Vec<Figure>> {
    let contenders = pipes(bench, &[OURS, TUNED, NAIVE]);
    let load = async |running: &Running| {
        let mut echo = load::Echo::open(&running.url).await?;
        let taken = echo.round_trips(500, 128).await?;
        load::end(echo).await?;
        let mut micros: Vec<_> = taken.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        micros.sort_by(f64::total_cmp);
        Ok([percentile(&micros, 0.5), percentile(&micros, 0.99)])
    };
    let names = [(ECHO_P50, "µs"), ("echo of 128 bytes, p99", "µs")];
    let mut figures = bench.in_turn(names, &contenders, Lifetime::ManyRounds, load).await?;
    let load = async |running: &Running| Ok([echo_cpu(bench, running, 128).await?]);
    let names = [("echo of 128 bytes, CPU", "µs")];
    figures.extend(bench.in_turn(names, &contenders, Lifetime::AllRounds, load).await?);
    Ok(figures)
}

/// CPU time of one round trip in microseconds, over 5000 of them a connection.
async fn echo_cpu(bench: &Bench, running: &Running, size: usize) -> Result<f64> {
    let count: u16 = 5000;
    let work = async || {
        let mut echo = load::Echo::open(&running.url).await?;
        echo.round_trips(count.into(), size).await?;
        load::end(echo).await
    };
    let (cpu, _) = bench.cost(running, work).await?;
    Ok(cpu * 1e6 / f64::from(count))
}

async fn web(bench: &Bench) -> Result<Vec<Figure>> {
    let count: u32 = if bench.quick { 10_000 } else { 50_000 };
    let mode = |name, value| {
        let options = Options::towards(&bench.sim).var("WEB_UPSTREAM", value);
        Contender { name, options, path: "/ws/chat" }
    };
    let load = async |running: &Running| {
        // A frame's header of three bytes makes it 1 KiB.
        let receive = async || load::frames(&running.url, count.into(), 1021).await;
        let (cpu, _) = bench.cost(running, receive).await?;
        Ok([cpu * 1e6 / f64::from(count)])
    };
    let modes = [mode(WSS, "wss"), mode(TCP, "tcp")];
    let mut figures = bench.in_turn([(WEB_CPU, "µs")], &modes, Lifetime::AllRounds, load).await?;
    let load = async |running: &Running| {
        let both_ways = async || load::Echo::open(&running.url).await?.stream(count as usize, 1024, 1000).await;
        let (cpu, _) = bench.cost(running, both_ways).await?;
        Ok([cpu * 1e6 / f64::from(count)])
    };
    figures.extend(bench.in_turn([(WEB_STREAM_CPU, "µs")], &modes, Lifetime::AllRounds, load).await?);
    let load = async |running: &Running| Ok([echo_cpu(bench, running, 1024).await?]);
    figures.extend(bench.in_turn([(WEB_ECHO_CPU, "µs")], &modes, Lifetime::AllRounds, load).await?);
    Ok(figures)
}

async fn idle(bench: &Bench) -> Result<Vec<Figure>> {
    let count: u32 = if bench.quick { 200 } else { 1000 };
    let load = async |running: &Running| {
        load::connections(&running.url, 50).await?;
        let before = process::resident(running.workerd.pid())?;
        let open = load::idle(&running.url, count as usize).await?;
        let after = process::resident(running.workerd.pid())?;
        drop(open);
        Ok([(after as f64 - before as f64) / 1024.0 / f64::from(count)])
    };
    bench.in_turn([(IDLE_MEMORY, "KiB")], &pipes(bench, &[OURS, TUNED]), Lifetime::OneRound, load).await
}

async fn setup(bench: &Bench) -> Result<Vec<Figure>> {
    let count: u32 = if bench.quick { 100 } else { 500 };
    let load = async |running: &Running| {
        let (cpu, _) = bench.cost(running, async || load::connections(&running.url, count as usize).await).await?;
        Ok([cpu * 1e6 / f64::from(count)])
    };
    let name = ("connection with one echo, CPU", "µs");
    bench.in_turn([name], &pipes(bench, &[OURS, TUNED]), Lifetime::AllRounds, load).await
}

async fn stall(bench: &Bench) -> Result<Vec<Figure>> {
    let patience = Duration::from_secs(if bench.quick { 2 } else { 5 });
    let load = async |running: &Running| {
        load::download(&running.url, 128 << 20).await?;
        let pid = running.workerd.pid();
        let plateau = process::resident(pid)?;
        let stalled = load::stalled(running.workerd.address(), &running.url, 256 << 20).await?;
        let mut highest = plateau;
        let end = Instant::now() + patience;
        while Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
            highest = highest.max(process::resident(pid)?);
        }
        drop(stalled);
        Ok([(highest - plateau) as f64 / MIB])
    };
    let name = ("stalled reader, growth of memory", "MiB");
    bench.in_turn([name], &pipes(bench, &[OURS, NAIVE]), Lifetime::OneRound, load).await
}
