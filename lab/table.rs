//! All experiments, several at a time, and the table of what came of them.
//!
//! Each is a process of its own, whose networks end with it.

use std::{fmt::Write as _, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{process::Command, sync::Semaphore, time::timeout};

use crate::{
    behaviour,
    experiment::{Experiment, NONE, Outcome},
    line,
    phone::System,
};

/// At most so many run at once: they mostly wait.
const AT_ONCE: usize = 4;

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

/// Runs an experiment in a process of this program.
///
/// # Errors
/// It could not be run; what came of it is no error.
pub async fn run(program: &Path, experiment: &Experiment) -> Result<Outcome> {
    let Experiment { behaviour, line, system, whole, seed } = experiment;
    let system = clap::ValueEnum::to_possible_value(system).context("it has a name")?;
    let mut command = Command::new(program);
    command.args(["one", behaviour, "--line", line, "--system", system.get_name(), "--seed", &seed.to_string()]);
    if *whole {
        command.arg("--whole");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = timeout(LIMIT, command.output()).await.with_context(|| format!("{behaviour} takes too long"))??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{behaviour}: {}", said.trim_end());
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs all of them, and tells of each as it is done.
///
/// # Errors
/// One could not be run.
pub async fn run_all(program: &Path, experiments: Vec<Experiment>) -> Result<Vec<Outcome>> {
    let places = Semaphore::new(AT_ONCE);
    let one = async |experiment: &Experiment| {
        let _place = places.acquire().await?;
        let outcome = run(program, experiment).await?;
        eprintln!("{}", row(&outcome));
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

/// What stands above the table where it is kept.
pub const PREAMBLE: &str = "\
# What a phone gets behind which censor

Written by `cargo xtask lab`, which see. A relay of one's own with two addresses, not behind a CDN; the line is 100 ms a round trip where
nothing else is said. `ours`: a link with `sibling=` and `ports=`. `bare`: a link with nothing but the name and the addresses.
`plain`: the same with `ways=plain`, which is what there was before. `–`: in vain, in 40 s. The censor has the relay's name on its
list, and its first address; the links give addresses, so nobody asks DNS. `cargo run -p pasarela-lab -- list` tells what each does, and who saw it where.

";

/// As Markdown.
#[must_use]
pub fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| behaviour | line | system | connected, s | next phone, s | slowest message, s | 200 kB, s | 5 MB, s | hellos |\n\
         |---|---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for outcome in outcomes {
        let _ = writeln!(text, "{}", row(outcome));
    }
    text
}

fn row(Outcome { experiment, got, hellos, .. }: &Outcome) -> String {
    let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let large = if experiment.whole { seconds(got.large_file) } else { "not tried".to_owned() };
    let system = match experiment.system {
        System::Ours => "ours",
        System::Bare => "bare",
        System::Plain => "plain",
    };
    let Experiment { behaviour, line, .. } = experiment;
    let [connected, again, message, small] =
        [got.connected, got.again, got.slowest_message, got.small_file].map(seconds);
    format!("| {behaviour} | {line} | {system} | {connected} | {again} | {message} | {small} | {large} | {hellos} |")
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
