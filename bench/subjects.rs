//! What is measured of a group, and with how much load.
//!
//! Who is in a group is `groups`' part; what the numbers must be, `targets`'.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::{
    figures::{
        Better::{self, Less, More},
        Figure, micros,
    },
    groups::{Cargo, Group},
    load,
    media::Media,
    systems::{Contender, Running},
    turns::{Bench, Lifetime, Name},
};

pub(super) const DOWNLOAD_CPU: &str = "download, CPU";
pub(super) const UPLOAD_CPU: &str = "upload, CPU";
pub(super) const ECHO_P50: &str = "echo of 128 bytes, p50";
pub(super) const ECHO_CPU: &str = "echo of 128 bytes, CPU";
pub(super) const CONNECTION_CPU: &str = "connection with one echo, CPU";
pub(super) const FIRST_BYTE: &str = "first byte of a connection, p50";
pub(super) const IDLE_MEMORY: &str = "idle connection, memory";
pub(super) const STALLED: &str = "stalled reader, growth of memory";
pub(super) const MESSAGE_CPU: &str = "message of 1 KiB, CPU";

const MIB: f64 = (1 << 20) as f64;

/// Something to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Subject {
    /// 256 MiB down, on one connection and on eight
    Download,
    /// 256 MiB up in messages of 64 KiB, on one connection and on eight; Workers also in messages of 1460 bytes
    Upload,
    /// Round trips of 128 bytes, one after another
    Echo,
    /// Connections with one echo each, and their end; how long one takes to its first byte
    Setup,
    /// Memory of idle connections
    Idle,
    /// Memory while a client reads nothing for 5 s
    Stall,
    /// /ws/chat: messages of 1 KiB
    Messages,
    /// The native program's size, and an idle bridge's memory
    Size,
    /// 1 to 5000 connections at once, of `serve` and of HAProxy
    Scale,
}

impl Subject {
    /// Those that are measured of this group.
    pub(super) fn is_of(self, group: Group) -> bool {
        match self {
            // Over TCP every message there must be a frame.
            Self::Download | Self::Upload => group != Group::Chat,
            Self::Messages => group == Group::Chat,
            Self::Echo | Self::Setup | Self::Idle | Self::Stall => true,
            Self::Size | Self::Scale => false,
        }
    }
}

/// Measures one subject of one group, of those contenders that are wanted.
pub(super) async fn measure(
    bench: &Bench,
    group: Group,
    subject: Subject,
    wanted: impl Fn(&Contender) -> bool,
) -> Result<Vec<Figure>> {
    let media = Media::start(&bench.sim).await?;
    let bulk = matches!(subject, Subject::Download | Subject::Upload | Subject::Stall) && group == Group::Pair;
    let cargo = if bulk { Cargo::Media(&media) } else { Cargo::Chat };
    let mut contenders = group.contenders(bench, cargo);
    contenders.retain(wanted);
    let of = Of { bench, group, cargo, contenders };
    Ok(match subject {
        Subject::Download => of.download().await,
        Subject::Upload => of.upload().await,
        Subject::Echo => of.echo().await,
        Subject::Setup => of.setup().await,
        Subject::Idle => of.idle().await,
        Subject::Stall => of.stall().await,
        Subject::Messages => of.messages().await,
        Subject::Size | Subject::Scale => Vec::new(),
    })
}

/// A group under measurement.
struct Of<'a> {
    bench: &'a Bench,
    group: Group,
    cargo: Cargo<'a>,
    contenders: Vec<Contender>,
}

const fn name(name: &'static str, unit: &'static str, better: Better) -> Name {
    Name(name, unit, better)
}

impl Of<'_> {
    async fn turns<const N: usize>(
        &self,
        names: [Name; N],
        lifetime: Lifetime,
        load: impl AsyncFn(&Running) -> Result<[f64; N]>,
    ) -> Vec<Figure> {
        let field = self.group.field(&self.contenders);
        eprintln!("measuring: {}, {}", field.group, names.first().map_or("", |name| name.0));
        self.bench.in_turn(&field, names, lifetime, load).await
    }

    /// CPU and speed of moving so many MiB.
    async fn moved(&self, running: &Running, mib: u32, work: impl AsyncFn() -> Result<()>) -> Result<[f64; 2]> {
        let (cpu, wall) = self.bench.cost(running, work).await?;
        Ok([cpu * 1e3 / f64::from(mib), f64::from(mib) / wall])
    }

    fn mib(&self) -> u32 {
        if self.bench.quick { 32 } else { 256 }
    }

    async fn download(&self) -> Vec<Figure> {
        let mib = self.mib();
        let load = async |running: &Running, count: u32| {
            let target = self.cargo.target(&running.target);
            let total = u64::from(mib / count) << 20;
            self.moved(running, mib, async || load::download(&target, total, count as usize).await).await
        };
        let names = [name(DOWNLOAD_CPU, "ms/MiB", Less), name("download, speed", "MiB/s", More)];
        let mut figures = self.turns(names, Lifetime::AllRounds, async |running| load(running, 1).await).await;
        let names = [name("download on 8, CPU", "ms/MiB", Less), name("download on 8, speed", "MiB/s", More)];
        figures.extend(self.turns(names, Lifetime::AllRounds, async |running| load(running, 8).await).await);
        figures
    }

    async fn upload(&self) -> Vec<Figure> {
        let load = async |running: &Running, mib: u32, size: usize, count: u32| {
            let target = self.cargo.target(&running.target);
            let cargo = load::Cargo::new((mib / count) as usize * (1 << 20));
            self.moved(running, mib, async || load::upload(&target, &cargo, size, count as usize).await).await
        };
        let (mib, large) = (self.mib(), 64 << 10);
        let names = [name(UPLOAD_CPU, "ms/MiB", Less), name("upload, speed", "MiB/s", More)];
        let one = async |running: &Running| load(running, mib, large, 1).await;
        let mut figures = self.turns(names, Lifetime::AllRounds, one).await;
        let names = [name("upload on 8, CPU", "ms/MiB", Less), name("upload on 8, speed", "MiB/s", More)];
        let eight = async |running: &Running| load(running, mib, large, 8).await;
        figures.extend(self.turns(names, Lifetime::AllRounds, eight).await);
        if self.group == Group::Pipe {
            let names = [name("upload in 1460-byte messages, CPU", "ms/MiB", Less)];
            let small = async |running: &Running| load(running, mib / 4, 1460, 1).await.map(|[cpu, _]| [cpu]);
            figures.extend(self.turns(names, Lifetime::AllRounds, small).await);
        }
        figures
    }

    async fn echo(&self) -> Vec<Figure> {
        let load = async |running: &Running| Ok(micros(&load::echo(&running.target, 500, 128).await?));
        let names = [name(ECHO_P50, "µs", Less), name("echo of 128 bytes, p99", "µs", Less)];
        let mut figures = self.turns(names, Lifetime::ManyRounds, load).await;
        let load = async |running: &Running| Ok([self.echo_cpu(running, 128).await?]);
        figures.extend(self.turns([name(ECHO_CPU, "µs", Less)], Lifetime::AllRounds, load).await);
        figures
    }

    /// CPU time of one round trip in microseconds, over some thousand of them a connection.
    async fn echo_cpu(&self, running: &Running, size: usize) -> Result<f64> {
        let count: u16 = if self.bench.quick { 1000 } else { 5000 };
        let echo = async || load::echo(&running.target, count.into(), size).await.map(drop);
        let (cpu, _) = self.bench.cost(running, echo).await?;
        Ok(cpu * 1e6 / f64::from(count))
    }

    async fn setup(&self) -> Vec<Figure> {
        let count: u32 = if self.bench.quick { 50 } else { 500 };
        let load = async |running: &Running| {
            let target = running.target.frugal();
            let connect = async || load::connections(&target, count as usize).await;
            let (cpu, wall) = self.bench.cost(running, connect).await?;
            Ok([cpu * 1e6 / f64::from(count), f64::from(count) / wall])
        };
        let names = [name(CONNECTION_CPU, "µs", Less), name("connections, 8 at once", "1/s", More)];
        let mut figures = self.turns(names, Lifetime::AllRounds, load).await;
        let load = async |running: &Running| Ok(micros(&load::first_bytes(&running.target.frugal(), 50).await?));
        let names = [name(FIRST_BYTE, "µs", Less), name("first byte of a connection, p99", "µs", Less)];
        figures.extend(self.turns(names, Lifetime::ManyRounds, load).await);
        figures
    }

    async fn idle(&self) -> Vec<Figure> {
        // One Durable Object carries 512.
        let count: u32 = match (self.bench.quick, self.group) {
            (true, _) => 100,
            (false, Group::Tunnel) => 400,
            (false, _) => 1000,
        };
        let load = async |running: &Running| {
            let target = running.target.frugal();
            load::connections(&target, 50).await?;
            let before = running.resident()?;
            let open = load::idle(&target, count as usize).await?;
            let after = running.resident()?;
            drop(open);
            Ok([if running.pids().is_empty() { f64::NAN } else { (after - before) / 1024.0 / f64::from(count) }])
        };
        self.turns([name(IDLE_MEMORY, "KiB", Less)], Lifetime::OneRound, load).await
    }

    async fn stall(&self) -> Vec<Figure> {
        let (patience, total) = if self.bench.quick { (1, 64) } else { (5, 256) };
        // What a chat carries must be frames.
        let frames = total << 10;
        let mode = match self.group == Group::Chat {
            true => format!("sim frames {frames} 1021"),
            false => format!("sim source {}", total << 20),
        };
        let load = async |running: &Running| {
            let target = self.cargo.target(&running.target);
            if self.group == Group::Chat {
                load::frames(&target, frames / 2, 1021).await?;
            } else {
                load::download(&target, total << 19, 1).await?;
            }
            let plateau = running.resident()?;
            let stalled = load::stalled(&target, &mode).await?;
            let mut highest = plateau;
            let end = Instant::now() + Duration::from_secs(patience);
            while Instant::now() < end {
                sleep(Duration::from_millis(50)).await;
                highest = highest.max(running.resident()?);
            }
            drop(stalled);
            Ok([if running.pids().is_empty() { f64::NAN } else { (highest - plateau) / MIB }])
        };
        self.turns([name(STALLED, "MiB", Less)], Lifetime::OneRound, load).await
    }

    async fn messages(&self) -> Vec<Figure> {
        let count: u32 = if self.bench.quick { 5000 } else { 50_000 };
        let each = |cpu: f64| cpu * 1e6 / f64::from(count);
        let load = async |running: &Running| {
            // A frame's header of three bytes makes it 1 KiB.
            let receive = async || load::frames(&running.target, count.into(), 1021).await;
            Ok([each(self.bench.cost(running, receive).await?.0)])
        };
        let mut figures = self.turns([name(MESSAGE_CPU, "µs", Less)], Lifetime::AllRounds, load).await;
        let load = async |running: &Running| {
            let both_ways = async || load::stream(&running.target, count as usize, 1024, 1000).await;
            Ok([each(self.bench.cost(running, both_ways).await?.0)])
        };
        let names = [name("message of 1 KiB sent and echoed in a stream, CPU", "µs", Less)];
        figures.extend(self.turns(names, Lifetime::AllRounds, load).await);
        let load = async |running: &Running| Ok([self.echo_cpu(running, 1024).await?]);
        figures.extend(self.turns([name("echo of 1 KiB, CPU", "µs", Less)], Lifetime::AllRounds, load).await);
        figures
    }
}
