//! Gives several contenders the same load in turn, round after round, and sums up what each took.
//!
//! In turn, so that whatever else the machine does meets all of them alike. What the load is, is `subjects`' business.

use std::{
    cell::RefCell,
    iter::Sum,
    time::{Duration, Instant},
};

use anyhow::Result;
use pasarela_e2e::process;
use pasarela_sim::Sim;

use super::{
    figures::{Better, Figure, Row},
    systems::{Contender, Running},
};

/// What all measurements share.
pub(super) struct Bench {
    pub(super) sim: Sim,
    rounds: u8,
    pub(super) quick: bool,
    troubles: RefCell<Vec<Trouble>>,
}

/// Something that could not be measured.
pub(super) struct Trouble {
    pub(super) who: String,
    /// Whether it is one of ours.
    pub(super) ours: bool,
    pub(super) what: String,
}

/// What a number is.
pub(super) struct Name(pub(super) &'static str, pub(super) &'static str, pub(super) Better);

/// Contenders that are compared with each other.
pub(super) struct Field<'a> {
    pub(super) group: &'static str,
    pub(super) baseline: &'static str,
    pub(super) contenders: &'a [Contender],
}

/// Whether the contenders live through all rounds, or a fresh one is started for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    AllRounds,
    /// The same with many more and short rounds: for times, which drift within seconds with the machine's mood.
    ManyRounds,
    OneRound,
}

impl Bench {
    pub(super) fn new(sim: Sim, rounds: u8, quick: bool) -> Self {
        Self { sim, rounds: if quick { 1 } else { rounds }, quick, troubles: RefCell::default() }
    }

    /// How often everybody has a turn.
    pub(super) fn rounds(&self) -> u8 {
        self.rounds
    }

    /// Gives every contender its turn in every round. `load` tells a number for each of `names`. A contender that fails has
    /// no row, and is named at the end.
    pub(super) async fn in_turn<const N: usize>(
        &self,
        field: &Field<'_>,
        names: [Name; N],
        lifetime: Lifetime,
        load: impl AsyncFn(&Running) -> Result<[f64; N]>,
    ) -> Vec<Figure> {
        let about = || format!("{}: {}", field.group, names.first().map_or("", |name| name.0));
        let mut turns = Vec::new();
        for contender in field.contenders {
            let lasting =
                if lifetime == Lifetime::OneRound { Ok(None) } else { warm(contender, &load).await.map(Some) };
            match lasting {
                Ok(lasting) => turns.push(Turn { contender, lasting, taken: Vec::new() }),
                Err(error) => self.trouble(contender, &about(), &error),
            }
        }
        let times = if lifetime == Lifetime::ManyRounds { 20 } else { 1 };
        for _ in 0..usize::from(self.rounds) * times {
            // Nobody comes always first.
            if !turns.is_empty() {
                turns.rotate_right(1);
            }
            let mut fit = Vec::new();
            for mut turn in turns {
                let taken = match &turn.lasting {
                    Some(running) => load(running).await,
                    None => once(turn.contender, &load).await,
                };
                match taken {
                    Ok(taken) => {
                        turn.taken.push(taken);
                        fit.push(turn);
                    }
                    Err(error) => self.trouble(turn.contender, &about(), &error),
                }
            }
            turns = fit;
        }
        turns.sort_by_key(|turn| field.contenders.iter().position(|it| it.name == turn.contender.name));
        let figure = |(n, Name(name, unit, better)): (usize, Name)| {
            let row = |turn: &Turn<'_, N>| {
                Row::new(turn.contender.name, turn.taken.iter().filter_map(|round| round.get(n).copied()))
            };
            let rows = turns.iter().filter_map(row).collect();
            Figure { group: field.group, name, unit, better, baseline: field.baseline, rows }
        };
        let figures = names.into_iter().enumerate().map(figure).collect();
        for running in turns.into_iter().filter_map(|turn| turn.lasting) {
            running.kill().await;
        }
        figures
    }

    /// Repeats `work` until the contender has used enough CPU time for a tick of 10 ms not to matter; CPU and wall time of
    /// one repetition, in seconds. CPU time is not a number where nobody is in between.
    pub(super) async fn cost(&self, running: &Running, work: impl AsyncFn() -> Result<()>) -> Result<(f64, f64)> {
        let enough = Duration::from_millis(if self.quick { 100 } else { 1000 });
        let (before, start) = (running.cpu()?, Instant::now());
        let mut repetitions = 0.0;
        loop {
            work().await?;
            repetitions += 1.0;
            let (used, wall) = (running.cpu()?.saturating_sub(before), start.elapsed());
            let nobody = running.pids().is_empty();
            if used >= enough || (nobody && wall >= enough) {
                let used = if nobody { f64::NAN } else { used.as_secs_f64() };
                return Ok((used / repetitions, wall.as_secs_f64() / repetitions));
            }
        }
    }

    /// Notes that something could not be measured.
    pub(super) fn trouble(&self, contender: &Contender, about: &str, error: &anyhow::Error) {
        eprintln!("    {} fails: {error:#}", contender.name);
        let trouble =
            Trouble { who: contender.name.to_owned(), ours: contender.is_ours(), what: format!("{about}: {error:#}") };
        self.troubles.borrow_mut().push(trouble);
    }

    /// What could not be measured.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        self.troubles.take()
    }
}

struct Turn<'a, const N: usize> {
    contender: &'a Contender,
    lasting: Option<Running>,
    taken: Vec<[f64; N]>,
}

/// Starts it, compiles what is hot and fills the heap; not counted.
async fn warm<T>(contender: &Contender, load: &impl AsyncFn(&Running) -> Result<T>) -> Result<Running> {
    let running = contender.start().await?;
    load(&running).await?;
    Ok(running)
}

async fn once<T>(contender: &Contender, load: &impl AsyncFn(&Running) -> Result<T>) -> Result<T> {
    let running = contender.start().await?;
    let taken = load(&running).await?;
    running.kill().await;
    Ok(taken)
}

impl Running {
    /// CPU time of all its processes, with those that they started.
    pub(super) fn cpu(&self) -> Result<Duration> {
        self.sum(process::cpu)
    }

    /// Resident memory of all of them, in bytes.
    pub(super) fn resident(&self) -> Result<f64> {
        Ok(self.sum(process::resident)? as f64)
    }

    fn sum<T: Sum>(&self, of: impl Fn(u32) -> Result<T>) -> Result<T> {
        let mut all = Vec::new();
        for pid in self.pids() {
            all.push(of(pid)?);
            // Those that it started may end at any time.
            all.extend(process::family(pid).into_iter().skip(1).filter_map(|child| of(child).ok()));
        }
        Ok(all.into_iter().sum())
    }
}
