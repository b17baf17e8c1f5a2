//! How fast ours and programs of others are on ordinary lines: all figures, and where ours is not among the best.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::Result;
use pasarela_e2e::peers::Found;

use crate::{
    experiment::{Experiment, NONE, Outcome},
    line::{self, Conditions},
    ratio::median,
    speed::{FILE, HISTORY, Speed},
    system::{Cargo, System},
    table,
};

/// Who is compared.
pub const SYSTEMS: [System; 9] = [
    System::Ours,
    System::Haproxy,
    System::HaproxyRaw,
    System::Websocat,
    System::Penguin,
    System::V2rayPlugin,
    System::Chisel,
    System::Wstunnel,
    System::Xray,
];

/// So often where packets are lost: which ones, decides much.
const TIMES: u64 = 3;

/// On slow lines they wait even more than elsewhere.
const AT_ONCE: usize = 24;

/// Ours is among the best within this share of the best's figure, and within so many seconds: a process that waits for its turn
/// takes that.
const NEAR: (f64, f64) = (0.05, 0.01);

const PREAMBLE: &str = "\
# How fast, on ordinary lines

Written by `cargo xtask bench lines`, which see. Everything runs on one machine, with the lab's router between: so many milliseconds a round
trip, of so many packets each way one is lost, and so many Mbit/s either way, with a queue of a fifth of a second. Medians of three where
packets are lost, which spread by a third and more; elsewhere one. 24 are measured at a time, on two cores. `–`: in vain. **Bold**: the best.

- `haproxy`: the official proxy, chat in TLS on port 443, media on port 587. `haproxy-raw`: the same, chat without TLS on port 5222, which saves
  a round trip and hides nothing: it is shown, and nobody is measured by it.
- The others, ours among them: TLS on port 443 to the far end. Media are in TLS of their own behind that. penguin, v2ray-plugin and chisel carry
  all streams over one connection that is there already, and has become fast. Ours makes one connection ahead, but not its WebSocket, which
  would be a request of a free plan's: so what is sent begins a round trip later.
- Before each figure but the first there are two seconds of rest.

";

/// A figure: its title, of which cargo it is, how it is had, and how many bytes that were, if they count.
struct Figure(&'static str, Cargo, fn(&Speed) -> Option<f64>, Option<u64>);

const FIGURES: [Figure; 7] = [
    Figure("The first phone: seconds until WhatsApp's proven answer", Cargo::Chat, |speed| speed.first, None),
    Figure("The next phone: seconds until WhatsApp's proven answer", Cargo::Chat, |speed| speed.next, None),
    Figure("A chat's history down, 500 kB: Mbit/s", Cargo::Chat, |speed| speed.down, Some(HISTORY)),
    Figure("A chat's history up, 500 kB: Mbit/s", Cargo::Chat, |speed| speed.up, Some(HISTORY)),
    Figure("A file down, 2 MB: Mbit/s", Cargo::Media, |speed| speed.down, Some(FILE)),
    Figure("A file up, 2 MB: Mbit/s", Cargo::Media, |speed| speed.up, Some(FILE)),
    Figure(
        "The phone's address changes: seconds until a message is answered. An app that hears nothing dials again after 20 s",
        Cargo::Chat,
        |speed| speed.recovered,
        None,
    ),
];

/// Runs all of it on these lines, and gives it as Markdown.
///
/// # Errors
/// Ours could not be run.
pub async fn measure(program: &Path, lines: &[Conditions], systems: &[System], found: &Found) -> Result<String> {
    let mut experiments = Vec::new();
    for line in lines {
        let times = if line.loss > 0.0 { TIMES } else { 1 };
        for cargo in [Cargo::Chat, Cargo::Media] {
            // What they do for media it does as well.
            let systems = systems.iter().filter(|system| cargo == Cargo::Chat || **system != System::HaproxyRaw);
            for (system, seed) in systems.flat_map(|system| (1..=times).map(move |seed| (*system, seed))) {
                let line = line.name.to_owned();
                experiments.push(Experiment { line, seed, speed: Some(cargo), ..Experiment::of(NONE, system) });
            }
        }
    }
    Ok(render(&table::run_all(program, experiments, AT_ONCE).await?, lines, systems, found))
}

/// As Markdown.
fn render(outcomes: &[Outcome], lines: &[Conditions], systems: &[System], found: &Found) -> String {
    let mut text = PREAMBLE.to_owned();
    let versions: Vec<_> = found.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    if !versions.is_empty() {
        let _ = writeln!(text, "Versions: {}.", versions.join(", "));
    }
    for (name, why) in &found.missing {
        let _ = writeln!(text, "MISSING, and not measured: {name} ({why}).");
    }
    let did_not_run = outcomes.iter().filter_map(|outcome| Some((&outcome.experiment, outcome.trouble.as_ref()?)));
    for (Experiment { line, system, .. }, trouble) in did_not_run {
        let _ = writeln!(text, "DID NOT RUN: {} on {line}: {trouble}.", system.name());
    }
    FIGURES.iter().for_each(|figure| table(&mut text, figure, outcomes, lines, systems));
    text
}

/// One figure of all of them, and where ours is behind.
fn table(text: &mut String, figure: &Figure, outcomes: &[Outcome], lines: &[Conditions], systems: &[System]) {
    let of_figure = |experiment: &Experiment| experiment.speed == Some(figure.1);
    let is_tried =
        |system: &&System| outcomes.iter().any(|it| it.experiment.system == **system && of_figure(&it.experiment));
    let systems: Vec<_> = systems.iter().copied().filter(|system| is_tried(&system)).collect();
    let heads: Vec<_> = systems.iter().map(|system| system.name()).collect();
    let _ =
        writeln!(text, "\n## {}\n\n| line | {} |\n|---|{}", figure.0, heads.join(" | "), "--:|".repeat(heads.len()));
    let mut behind = Vec::new();
    for line in lines {
        let had = |system: &System| Some((*system, usual(outcomes, figure, line, *system)?));
        let row: BTreeMap<System, f64> = systems.iter().filter_map(had).collect();
        let counted = row.iter().filter(|(system, _)| **system != System::HaproxyRaw).map(|(_, seconds)| *seconds);
        let best = counted.reduce(f64::min).unwrap_or(f64::INFINITY);
        let shown = |seconds: f64| match figure.3 {
            Some(bytes) => format!("{:.2}", bytes as f64 * 8e-6 / seconds),
            None => format!("{seconds:.3}"),
        };
        let cell = |system: &System| match row.get(system) {
            Some(seconds) if *seconds <= best && *system != System::HaproxyRaw => format!("**{}**", shown(*seconds)),
            Some(seconds) => shown(*seconds),
            None => "–".to_owned(),
        };
        let _ = writeln!(text, "| {} | {} |", line.name, systems.iter().map(cell).collect::<Vec<_>>().join(" | "));
        let near = |own: f64| own <= (best * (1.0 + NEAR.0)).max(best + NEAR.1);
        if !row.get(&System::Ours).copied().is_some_and(near) {
            behind.push(line.name);
        }
    }
    let _ = match behind.is_empty() {
        true => writeln!(text, "\nOurs is the best, or as good but for 5 %, on each."),
        false => writeln!(text, "\nOurs is not within 5 % of the best on {}.", behind.join(", ")),
    };
}

/// The middle of what it took; nothing where that was in vain.
fn usual(outcomes: &[Outcome], figure: &Figure, line: &Conditions, system: System) -> Option<f64> {
    let of = |outcome: &&Outcome| {
        let Experiment { line: own, system: its, speed, .. } = &outcome.experiment;
        own == line.name && *its == system && *speed == Some(figure.1)
    };
    let seconds = |outcome: &Outcome| (figure.2)(&outcome.speed).unwrap_or(f64::INFINITY);
    let mut all: Vec<_> = outcomes.iter().filter(of).map(seconds).collect();
    Some(median(&mut all)).filter(|seconds| seconds.is_finite())
}

/// All lines on which speed is measured, or those of these names.
///
/// # Errors
/// There is no such line.
pub fn select(names: &[String]) -> Result<Vec<Conditions>> {
    if names.is_empty() {
        return Ok(line::ORDINARY.to_vec());
    }
    let find = |name: &String| line::find(name).copied().ok_or_else(|| anyhow::anyhow!("there is no line {name:?}"));
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_bold_and_where_ours_is_far_behind_is_said() -> Result<()> {
        let lines = select(&["20ms-1%-2mbit".to_owned(), "100ms-0%-20mbit".to_owned()])?;
        let outcome = |line: usize, system, first| {
            let line = lines[line].name.to_owned();
            let experiment = Experiment { line, speed: Some(Cargo::Chat), ..Experiment::of(NONE, system) };
            Outcome {
                speed: Speed { first, down: first, ..Speed::default() },
                ..Outcome::failed(experiment, String::new())
            }
        };
        let outcomes = [
            outcome(0, System::Ours, Some(1.0)),
            outcome(0, System::Ours, None),
            outcome(0, System::Ours, Some(2.0)),
            outcome(0, System::Wstunnel, Some(1.0)),
            outcome(1, System::Ours, Some(1.04)),
            outcome(1, System::Wstunnel, Some(1.0)),
        ];
        let text = render(&outcomes, &lines, &SYSTEMS, &Found::default());
        assert!(text.contains("| line | ours | wstunnel |\n"), "{text}");
        assert!(text.contains("| 20ms-1%-2mbit | 2.000 | **1.000** |\n"), "{text}");
        assert!(text.contains("| 100ms-0%-20mbit | 3.85 | **4.00** |\n"), "{text}");
        assert_eq!(text.matches("Ours is not within 5 % of the best on 20ms-1%-2mbit.\n").count(), 2, "{text}");
        Ok(())
    }
}
