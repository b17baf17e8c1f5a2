//! Whether a first connection without a censor takes longer than it did: two bridges in turn, in one run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    experiment::{Experiment, NONE, Outcome},
    system::System,
    table,
};

/// What one of the two came to.
#[derive(Debug, Default)]
struct Side {
    seconds: Vec<f64>,
    hellos: u32,
    packets: Vec<f64>,
}

/// Connects so often with each, and says how they compare: the bridge that is built in and the same with `ways=plain`, or those of two
/// programs, the newer first.
///
/// # Errors
/// One could not be run, or did not connect.
pub async fn compare(program: &Path, rounds: u32, line: &str, programs: Option<[PathBuf; 2]>) -> Result<String> {
    let (system, name) =
        if programs.is_some() { (System::Bare, "the older program") } else { (System::Plain, "ways=plain") };
    let [newer, older] = programs.map_or([None, None], |programs| programs.map(Some));
    let (mut ours, mut other) = (Side::default(), Side::default());
    for round in 0..rounds {
        let turns = [(System::Bare, newer.clone(), &mut ours), (system, older.clone(), &mut other)];
        // Whoever is first may have it easier.
        let turns: Vec<_> = if round % 2 == 0 { turns.into() } else { turns.into_iter().rev().collect() };
        for (system, program_of, side) in turns {
            let experiment = Experiment {
                line: line.to_owned(),
                first: true,
                program: program_of,
                seed: round.into(),
                ..Experiment::of(NONE, system)
            };
            side.take(&table::run(program, &experiment).await?)?;
        }
    }
    let ratio = median(&mut ours.seconds) / median(&mut other.seconds);
    let mut said = format!("{rounds} first connections each, in turn, line {line}: ratio {ratio:.3}\n");
    for (name, side) in [("ours", &mut ours), (name, &mut other)] {
        let (seconds, packets) = (median(&mut side.seconds), median(&mut side.packets));
        let hellos = side.hellos;
        said.push_str(&format!("{name}: {seconds:.4} s and {packets} packets in the middle, {hellos} hellos in all\n"));
    }
    Ok(said)
}

impl Side {
    fn take(&mut self, outcome: &Outcome) -> Result<()> {
        self.seconds.push(outcome.got.connected.context("not connected")?);
        self.hellos += outcome.hellos;
        self.packets.push(outcome.packets.into());
        Ok(())
    }
}

/// Sorts them; gives the middle one, or of an even number the upper of the two.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_is_not_moved_by_one_that_is_far_off() {
        assert_eq!(median(&mut [3.0, 1.0, 100.0, 2.0, 1.5]), 2.0);
        assert!(median(&mut []).is_nan());
    }
}
