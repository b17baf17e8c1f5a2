//! All experiments, several at a time.
//!
//! Each is a process of its own, whose networks end with it. The table of what came of them is `report`'s.

use std::{fmt::Write as _, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{peers::Found, places};
use tokio::{process::Command, sync::Semaphore, time::timeout};

use crate::{
    behaviour::{self, Exempt},
    experiment::{Experiment, NONE, Outcome},
    line, report,
    system::System,
};

/// Usually so many run at once: they mostly wait.
pub const AT_ONCE: usize = 8;

/// One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// All behaviours of this name or number, or all there are, and no censor before them.
///
/// # Errors
/// There is no such behaviour.
pub fn select(wanted: &[String]) -> Result<Vec<String>> {
    let all = behaviour::BEHAVIOURS.iter();
    if wanted.is_empty() {
        let names = all.map(|behaviour| behaviour.name.to_owned());
        return Ok(std::iter::once(NONE.to_owned()).chain(names).collect());
    }
    let mut selected = Vec::new();
    for word in wanted {
        let of = |behaviour: &&behaviour::Behaviour| behaviour.name == word || behaviour.number.to_string() == *word;
        let found: Vec<_> = all.clone().filter(of).map(|behaviour| behaviour.name.to_owned()).collect();
        ensure!(!found.is_empty() || word == NONE, "there is no behaviour {word:?}; `list` tells which there are");
        selected.extend(if found.is_empty() { vec![NONE.to_owned()] } else { found });
    }
    Ok(selected)
}

/// Each behaviour on each line with each system.
#[must_use]
pub fn experiments(behaviours: &[String], systems: &[System], lines: &[String], whole: bool) -> Vec<Experiment> {
    let mut experiments = Vec::new();
    for behaviour in behaviours {
        for line in lines {
            let one = |system: &System| Experiment { line: line.clone(), whole, ..Experiment::of(behaviour, *system) };
            let suits = |system: &&System| **system != System::Allowed || allows_names(behaviour);
            experiments.extend(systems.iter().filter(suits).map(one));
        }
    }
    experiments
}

/// This censor has a list of names that it lets through. Elsewhere it does not matter which is shown.
fn allows_names(behaviour: &str) -> bool {
    let rules = behaviour::find(behaviour).map_or(&[][..], |behaviour| behaviour.rules);
    rules.iter().any(|rule| rule.exempt.contains(&Exempt::Name))
}

/// Those of these systems that can be tried here. Whose program is not there is added to what was not found.
#[must_use]
pub fn available(systems: &[System], found: &mut Found) -> Vec<System> {
    let mut available = Vec::new();
    for system in systems {
        match system.program() {
            Some(name) if places::made(&format!("target/clients/{name}")).is_err() => {
                let why = || "`cargo xtask lab` has not set it up".to_owned();
                found.missing.entry(name.to_owned()).or_insert_with(why);
            }
            Some(_) | None => available.push(*system),
        }
    }
    available
}

/// Runs an experiment in a process of this program.
///
/// # Errors
/// It could not be run; what came of it is no error.
pub async fn run(program: &Path, experiment: &Experiment) -> Result<Outcome> {
    let Experiment { behaviour, line, system, whole, first, speed, program: bridge, seed } = experiment;
    let system = system.name();
    let mut command = Command::new(program);
    command.args(["one", behaviour, "--line", line, "--system", &system, "--seed", &seed.to_string()]);
    if *whole {
        command.arg("--whole");
    }
    if *first {
        command.arg("--first");
    }
    if let Some(cargo) = speed {
        command.args(["--speed", cargo.name()]);
    }
    if let Some(bridge) = bridge {
        command.arg("--program").arg(bridge);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let what = format!("{behaviour}, {system}");
    let output = timeout(LIMIT, command.output()).await.with_context(|| format!("{what} takes too long"))??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what}: {}", said.trim_end());
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs all of them, so many at once, and tells of each as it is done. If a program of others does not run that is what came of it.
///
/// # Errors
/// One of ours could not be run.
pub async fn run_all(program: &Path, experiments: Vec<Experiment>, at_once: usize) -> Result<Vec<Outcome>> {
    let places = Semaphore::new(at_once);
    let one = async |experiment: &Experiment| {
        let _place = places.acquire().await?;
        let outcome = match run(program, experiment).await {
            Err(error) if !experiment.system.is_ours() => Outcome::failed(experiment.clone(), format!("{error:#}")),
            outcome => outcome?,
        };
        match experiment.speed {
            Some(cargo) => {
                eprintln!("{}, {}, {}: {:?}", experiment.line, experiment.system.name(), cargo.name(), outcome.speed);
            }
            None => eprintln!("{}", report::row(&outcome)),
        }
        anyhow::Ok(outcome)
    };
    let mut running = Vec::new();
    for experiment in &experiments {
        running.push(one(experiment));
    }
    let mut outcomes = Vec::new();
    for outcome in futures_util::future::join_all(running).await {
        outcomes.push(outcome?);
    }
    Ok(outcomes)
}

/// What there is to choose from.
#[must_use]
pub fn list() -> String {
    let mut text = String::new();
    for behaviour in behaviour::BEHAVIOURS {
        let _ =
            writeln!(text, "{:2} {:24} {} [{}]", behaviour.number, behaviour.name, behaviour.what, behaviour.source);
    }
    for line in line::LINES {
        let _ = writeln!(text, "   {:24} {}", line.name, line.what);
    }
    text
}
