//! Gives several contenders the same load in turn, round after round, and sums up what each took.
//!
//! In turn, so that whatever else the machine does meets all of them alike. What the load is, is `subjects`' business.

use std::{
    cell::{Cell, RefCell},
    iter::Sum,
    time::{Duration, Instant},
};

use anyhow::Result;
use pasarela_e2e::process;
use pasarela_sim::Sim;

use super::{
    figures::{Better, Figure, Row},
    machine::{Company, QUIET},
    systems::{Contender, Running},
};

/// What all measurements share.
pub(super) struct Bench {
    pub(super) sim: Sim,
    rounds: u8,
    pub(super) quick: bool,
    troubles: RefCell<Vec<Trouble>>,
    /// Rounds that were had again because the machine had other work in them.
    again: Cell<u32>,
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
        Self { sim, rounds: if quick { 1 } else { rounds }, quick, troubles: RefCell::default(), again: Cell::new(0) }
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
        // In many short rounds the others' part is too small to be known, and what they did in some of them does not matter.
        let (times, may_repeat) = if lifetime == Lifetime::ManyRounds { (20, false) } else { (1, !self.quick) };
        let mut spare = if may_repeat { self.rounds } else { 0 };
        let mut left = usize::from(self.rounds) * times;
        while left > 0 {
            // Nobody comes always first.
            if !turns.is_empty() {
                turns.rotate_right(1);
            }
            let quiet = Quiet::watch(&turns);
            turns = self.round(turns, &about(), &load).await;
            if spare > 0 && !quiet.and_then(|quiet| quiet.was(&turns)).unwrap_or(true) {
                spare -= 1;
                self.again.set(self.again.get() + 1);
                for turn in &mut turns {
                    turn.taken.pop();
                }
            } else {
                left -= 1;
            }
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

    /// Gives everybody his turn once. Who fails is out.
    async fn round<'t, const N: usize>(
        &self,
        turns: Vec<Turn<'t, N>>,
        about: &str,
        load: &impl AsyncFn(&Running) -> Result<[f64; N]>,
    ) -> Vec<Turn<'t, N>> {
        let mut fit = Vec::new();
        for mut turn in turns {
            let taken = match &turn.lasting {
                Some(running) => load(running).await,
                None => once(turn.contender, load).await,
            };
            match taken {
                Ok(taken) => {
                    turn.taken.push(taken);
                    fit.push(turn);
                }
                Err(error) => self.trouble(turn.contender, about, &error),
            }
        }
        fit
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

    /// Rounds that were had again because the machine had other work in them.
    pub(super) fn again(&self) -> u32 {
        self.again.get()
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

/// A round, while it is watched whether the machine has other work.
struct Quiet {
    company: Company,
    own: Duration,
}

impl Quiet {
    fn watch<const N: usize>(turns: &[Turn<'_, N>]) -> Result<Self> {
        Ok(Self { company: Company::watch()?, own: own(turns)? })
    }

    /// Whether it had little.
    fn was<const N: usize>(self, turns: &[Turn<'_, N>]) -> Result<bool> {
        let cores = self.company.cores(own(turns)?.saturating_sub(self.own))?;
        Ok(cores.into_iter().all(|busy| busy <= QUIET))
    }
}

/// CPU time of all that live through the rounds.
fn own<const N: usize>(turns: &[Turn<'_, N>]) -> Result<Duration> {
    turns.iter().filter_map(|turn| turn.lasting.as_ref()).map(Running::cpu).sum()
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
