//! How CPU and memory grow with the number of connections, of `serve`'s port for phones and of HAProxy.
//!
//! A number is a series here, and no figure of its own: what it is compared with is the same at other numbers.

use anyhow::Result;

use super::{
    figures::Row,
    groups::{Cargo, Group, HAPROXY},
    load::{self, Echo},
    systems::{Contender, PASARELA, Running},
    turns::Bench,
};

/// Numbers of connections.
const STEPS: [u32; 5] = [1, 10, 100, 1000, 5000];

/// What is much for one echo, in bytes: with 5000 under way no more than the system has room for.
const MUCH: u32 = 16 << 10;

/// One line of a chart.
pub(super) struct Series {
    pub(super) name: &'static str,
    /// Connections, and what was found.
    pub(super) points: Vec<(f64, Row)>,
}

/// One chart.
pub(super) struct Growth {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) series: Vec<Series>,
}

/// What is found at one number of connections.
const NAMES: [(&str, &str); 4] = [
    ("memory of all connections", "MiB"),
    ("opening a connection and one echo, CPU", "µs"),
    ("echo of 128 bytes on all, CPU", "µs"),
    ("MiB in echoes of 16 KiB on all, CPU", "ms"),
];

/// Measures all steps of both, in turn.
pub(super) async fn measure(bench: &Bench, wanted: impl Fn(&Contender) -> bool) -> Vec<Growth> {
    let mut contenders = Group::Raw.contenders(bench, Cargo::Chat);
    contenders.retain(|contender| [PASARELA, HAPROXY].contains(&contender.name) && wanted(contender));
    let steps = if bench.quick { STEPS.get(..3).unwrap_or_default() } else { &STEPS };
    let series = || contenders.iter().map(|it| Series { name: it.name, points: Vec::new() }).collect();
    let mut growths = NAMES.map(|(name, unit)| Growth { name, unit, series: series() });
    for count in steps {
        let mut taken = vec![Vec::new(); contenders.len()];
        for _ in 0..bench.rounds() {
            for (contender, taken) in contenders.iter().zip(&mut taken) {
                eprintln!("measuring: {count} connections of {}", contender.name);
                match step(bench, contender, *count).await {
                    Ok(found) => taken.push(found),
                    Err(error) => bench.trouble(contender, &format!("{count} connections"), &error),
                }
            }
        }
        for (n, growth) in growths.iter_mut().enumerate() {
            for (series, taken) in growth.series.iter_mut().zip(&taken) {
                let row = Row::new(series.name, taken.iter().filter_map(|found| found.get(n).copied()));
                series.points.extend(row.map(|row| (f64::from(*count), row)));
            }
        }
    }
    growths.into()
}

/// A fresh process for each number: memory is seldom given back.
async fn step(bench: &Bench, contender: &Contender, count: u32) -> Result<[f64; 4]> {
    let running = contender.start().await?;
    let target = running.target.clone();
    load::connections(&target, 50).await?;
    let before = running.resident()?;
    let mut open = load::idle(&target, count as usize).await?;
    let memory = (running.resident()? - before) / f64::from(1 << 20);
    // As much in all at every step, so that ticks of 10 ms matter equally.
    let (echoes, mib) = if bench.quick { (5000, 32) } else { (50_000, 256) };
    let (little, all);
    (open, little) = echo(&running, open, echoes, 128).await?;
    (open, all) = echo(&running, open, (mib << 20) / MUCH, MUCH).await?;
    drop(open);
    let connect = async || load::idle(&target, count as usize).await.map(drop);
    let connection = bench.cost(&running, connect).await?.0 / f64::from(count);
    running.kill().await;
    Ok([memory, connection * 1e6, little * 1e6, all * 1e3 * f64::from((1 << 20) / MUCH)])
}

/// So many echoes of this size at least, on all connections at once and on each one after another; CPU time of one, in
/// seconds.
async fn echo(running: &Running, open: Vec<Echo>, least: u32, size: u32) -> Result<(Vec<Echo>, f64)> {
    let (count, before) = (open.len(), running.cpu()?);
    let each = (least as usize).div_ceil(count);
    let open = load::at_once(open.into_iter().map(|mut echo| async move {
        echo.round_trips(each, size as usize).await?;
        Ok(echo)
    }));
    let open = open.await?;
    Ok((open, running.cpu()?.saturating_sub(before).as_secs_f64() / (each * count) as f64))
}
