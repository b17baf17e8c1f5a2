//! How large the native program is, as a file and while it waits.

use anyhow::{Context, Result};

use super::{
    figures::{Better, Figure, Row},
    programs::{self, Way},
    systems::{Contender, PASARELA, Start},
    turns::{Bench, Field, Lifetime, Name},
};

pub(super) const PROGRAM_SIZE: &str = "program, size";
pub(super) const BRIDGE_MEMORY: &str = "idle bridge, memory";

const GROUP: &str = "program";

/// The program's file, and a bridge's memory.
pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let bytes = programs::program()?.metadata().context("no program")?.len();
    let rows = Row::new(PASARELA, [bytes as f64 / 1e6].into_iter()).into_iter().collect();
    let (group, baseline, better) = (GROUP, PASARELA, Better::Less);
    let mut figures = vec![Figure { group, name: PROGRAM_SIZE, unit: "MB", better, baseline, rows }];
    let contenders = [Contender { name: PASARELA, start: Start::Native(Way::Bridge, bench.sim.chat()) }];
    let field = Field { group, baseline, contenders: &contenders };
    let names = [Name(BRIDGE_MEMORY, "MB", better)];
    figures.extend(bench.in_turn(&field, names, Lifetime::OneRound, async |it| Ok([it.resident()? / 1e6])).await);
    Ok(figures)
}
