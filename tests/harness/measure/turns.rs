//! Gives several contenders the same load in turn, round after round, and sums up what each took.
//!
//! In turn, so that whatever else the machine does meets all of them alike. What the load is, is `figures`' business, and
//! for native programs `natives`'.

use std::time::{Duration, Instant};

use anyhow::Result;
use pasarela::sim::Sim;
use pasarela_e2e::{
    process,
    workerd::{Options, Workerd},
};

/// What all measurements share.
pub(super) struct Bench {
    pub(super) sim: Sim,
    rounds: u8,
    pub(super) quick: bool,
}

/// Something to be measured.
pub(super) trait Contend {
    type Running: Run;

    /// As the report calls it.
    fn name(&self) -> &'static str;

    async fn start(&self) -> Result<Self::Running>;
}

/// Something under load.
pub(super) trait Run {
    /// Its processes.
    fn pids(&self) -> Vec<u32>;

    async fn kill(self) -> Result<()>;
}

/// A Worker to be measured.
pub(super) struct Contender {
    /// As the report calls it.
    pub(super) name: &'static str,
    pub(super) options: Options,
    pub(super) path: &'static str,
}

/// A Worker under load.
pub(super) struct Running {
    pub(super) workerd: Workerd,
    pub(super) url: String,
}

/// Whether the Workers live through all rounds, or a fresh one is started for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    AllRounds,
    /// The same with many more and short rounds: for times, which drift within seconds with the machine's mood.
    ManyRounds,
    OneRound,
}

/// One thing measured, of every contender.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) rows: Vec<Row>,
}

/// What one contender took, a number a round.
pub(super) struct Row {
    pub(super) worker: &'static str,
    /// In ascending order, never empty.
    samples: Vec<f64>,
}

impl Bench {
    pub(super) fn new(sim: Sim, rounds: u8, quick: bool) -> Self {
        Self { sim, rounds, quick }
    }

    /// Gives every contender its turn in every round. `load` tells a number for each of `names`, a name with its unit.
    pub(super) async fn in_turn<C: Contend, const N: usize>(
        &self,
        names: [(&'static str, &'static str); N],
        contenders: &[C],
        lifetime: Lifetime,
        load: impl AsyncFn(&C::Running) -> Result<[f64; N]>,
    ) -> Result<Vec<Figure>> {
        let mut lasting = Vec::new();
        if lifetime != Lifetime::OneRound {
            for contender in contenders {
                let running = contender.start().await?;
                // Compiles what is hot and fills the heap; not counted.
                load(&running).await?;
                lasting.push(running);
            }
        }
        let mut taken = vec![Vec::new(); contenders.len()];
        let times = if lifetime == Lifetime::ManyRounds { 20 } else { 1 };
        for _ in 0..usize::from(self.rounds) * times {
            for (index, (contender, taken)) in contenders.iter().zip(&mut taken).enumerate() {
                taken.push(match lasting.get(index) {
                    Some(running) => load(running).await?,
                    None => once(contender, &load).await?,
                });
            }
        }
        for running in lasting {
            running.kill().await?;
        }
        let row =
            |worker, taken: &[[f64; N]], n| Row::new(worker, taken.iter().filter_map(|round| round.get(n).copied()));
        let figure = |(n, (name, unit))| Figure {
            name,
            unit,
            rows: contenders.iter().zip(&taken).map(|(contender, taken)| row(contender.name(), taken, n)).collect(),
        };
        Ok(names.into_iter().enumerate().map(figure).collect())
    }

    /// Repeats `work` until the contender has used enough CPU time for a tick of 10 ms not to matter; CPU and wall time of
    /// one repetition, in seconds.
    pub(super) async fn cost(&self, running: &impl Run, work: impl AsyncFn() -> Result<()>) -> Result<(f64, f64)> {
        let enough = Duration::from_millis(if self.quick { 100 } else { 1000 });
        let cpu = || running.pids().into_iter().map(process::cpu).sum::<Result<Duration>>();
        let (before, start) = (cpu()?, Instant::now());
        let mut repetitions = 0.0;
        loop {
            work().await?;
            repetitions += 1.0;
            let used = cpu()?.saturating_sub(before);
            if used >= enough {
                return Ok((used.as_secs_f64() / repetitions, start.elapsed().as_secs_f64() / repetitions));
            }
        }
    }
}

impl Contend for Contender {
    type Running = Running;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn start(&self) -> Result<Running> {
        let workerd = Workerd::start(&self.options).await?;
        let url = workerd.url(self.path);
        Ok(Running { workerd, url })
    }
}

impl Run for Running {
    fn pids(&self) -> Vec<u32> {
        vec![self.workerd.pid()]
    }

    async fn kill(self) -> Result<()> {
        self.workerd.kill().await
    }
}

async fn once<C: Contend, T>(contender: &C, load: impl AsyncFn(&C::Running) -> Result<T>) -> Result<T> {
    let running = contender.start().await?;
    let taken = load(&running).await?;
    running.kill().await?;
    Ok(taken)
}

impl Figure {
    /// The row of one Worker.
    pub(super) fn row(&self, worker: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.worker == worker)
    }

    /// The median of one Worker over that of another.
    pub(super) fn ratio(&self, of: &str, to: &str) -> Option<f64> {
        Some(self.row(of)?.median() / self.row(to)?.median())
    }
}

impl Row {
    pub(super) fn new(worker: &'static str, samples: impl Iterator<Item = f64>) -> Self {
        let mut samples: Vec<_> = samples.collect();
        samples.sort_by(f64::total_cmp);
        Self { worker, samples }
    }

    pub(super) fn samples(&self) -> &[f64] {
        &self.samples
    }

    pub(super) fn median(&self) -> f64 {
        percentile(&self.samples, 0.5)
    }

    pub(super) fn min(&self) -> f64 {
        percentile(&self.samples, 0.0)
    }

    pub(super) fn max(&self) -> f64 {
        percentile(&self.samples, 1.0)
    }
}

/// The element at this share of an ascending list; not a number if there is none.
pub(super) fn percentile(ascending: &[f64], share: f64) -> f64 {
    let last = ascending.len().saturating_sub(1);
    ascending.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}
