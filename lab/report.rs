//! The tables of what came of experiments, as Markdown: ours in full, and ours beside programs of others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use pasarela_e2e::peers::Found;

use crate::{
    experiment::{Experiment, NONE, Outcome},
    phone::Got,
    system::System,
};

/// What stands above the tables where they are kept.
pub const PREAMBLE: &str = "\
# What a phone gets behind which censor

Written by `cargo xtask lab`, which see. A relay of one's own with two addresses, not behind a CDN; the line is 100 ms a round trip where
nothing else is said. `–`: in vain, in 40 s. The censor has the relay's name and WhatsApp's own names on its list, and the relay's first
address. Links give the addresses, and systems know them; behind `dns-…` neither does, and DNS is asked. Behind `ipv…` and
`name-dropped-ipv4` one address is of IPv6, the first. On line `moving` the client's address changes between two of the 20 messages.
`cargo run -p pasarela-lab -- list` tells what each behaviour and line is, and who saw it where.

";

/// What is said of ours.
const OURS: &str = "\
## Ours

`ours`: a link with `sibling=` and `ports=`. `bare`: a link with nothing but the name and the addresses. `plain`: the same with
`ways=plain`, which is what there was before. `allowed`: a link with `sni=` and a name that the censor lets through, where it has a list
of such. Last, what the bridge told programs of the network in the end, and how it went on.

";

/// What is said of the others.
const OTHERS: &str = "\
Seconds until WhatsApp's proven answer · until 200 kB had come; `no chat` where 20 messages were not all answered. Each has its own far
end in place of our relay, as a person would set it up.

- `haproxy`: HAProxy with the official proxy's configuration, the phone given its first address: chat in TLS on port 443, media on port 587,
  where WhatsApp's name is seen. What name the app gives for chat is not known; none here. `haproxy-raw`: the same with chat port 5222.
- The others: TLS on port 443 under the relay's name, for which their system knows both addresses, or asks; each with a client of its own, with
  its usual settings. `xray`: VLESS in a WebSocket, with Chrome's hello; `xray-fragment`: that hello cut into records, by Xray's documented
  setting. Chrome's hello and penguin's are larger than a packet, and what stands where in them is chance: so the name is hidden at times
  from a censor that reads packets by themselves.

";

/// A figure must be less by so many seconds to be better: less may be chance.
const BETTER: f64 = 0.1;

/// A censor that costs ours no more seconds than this is not why another is better: without it that is so as well.
const COST: f64 = 0.15;

/// So many letters of what a program says.
const SAID: usize = 100;

/// What is said before those that are better.
const BETTER_HEAD: &str = "\
Where others do better than `ours`, which is an open fault of ours. What they do better without any censor is said there alone.";

/// How a figure is had from what a phone got.
type Had = fn(&Got) -> Option<f64>;

/// What a phone may get sooner, and what the table says of that.
const FIGURES: [(&str, Had); 4] = [
    ("connected", |got| got.connected),
    ("the next phone", |got| got.again),
    ("the slowest message", |got| got.slowest_message),
    ("200 kB", |got| got.small_file),
];

/// As Markdown.
#[must_use]
pub fn render(outcomes: &[Outcome], found: &Found) -> String {
    let mut text = String::new();
    let (ours, others): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.experiment.system.is_ours());
    if !ours.is_empty() {
        text.push_str(OURS);
        text.push_str(
            "| behaviour | line | system | connected, s | next phone, s | slowest message, s | 200 kB, s | 5 MB, s | hellos | says |\n\
             |---|---|---|--:|--:|--:|--:|--:|--:|---|\n",
        );
        for outcome in ours {
            let _ = writeln!(text, "{}", row(outcome));
        }
    }
    if !others.is_empty() || !found.missing.is_empty() {
        text.push_str("\n## Beside others\n\n");
        text.push_str(OTHERS);
        let versions: Vec<_> = found.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        if !versions.is_empty() {
            let _ = writeln!(text, "Versions: {}.", versions.join(", "));
        }
        for (name, why) in &found.missing {
            let _ = writeln!(text, "MISSING, and not tried: {name} ({why}).");
        }
        let lines: BTreeSet<_> = others.iter().map(|outcome| &outcome.experiment.line).collect();
        for line in lines {
            beside(&mut text, line, outcomes);
        }
    }
    text
}

/// One experiment in full.
pub(crate) fn row(Outcome { experiment, got, hellos, trouble, .. }: &Outcome) -> String {
    let Experiment { behaviour, line, system, whole, .. } = experiment;
    let system = system.name();
    if let Some(trouble) = trouble {
        let trouble = in_a_cell(trouble);
        return format!("| {behaviour} | {line} | {system} | did not run: {trouble} | | | | | | |");
    }
    let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let large = if *whole { seconds(got.large_file) } else { "not tried".to_owned() };
    let [connected, again, message, small] =
        [got.connected, got.again, got.slowest_message, got.small_file].map(seconds);
    let says = got.says.as_ref().map(|says| format!("`{says}`")).unwrap_or_default();
    let row = [behaviour, line, &system, &connected, &again, &message, &small, &large, &hellos.to_string(), &says];
    format!("| {} |", row.map(String::as_str).join(" | "))
}

/// All systems that are not kinds of ours only, side by side on one line.
fn beside(text: &mut String, line: &str, outcomes: &[Outcome]) {
    let is_beside = |outcome: &&Outcome| {
        let Experiment { line: own, system, .. } = &outcome.experiment;
        own == line && (*system == System::Ours || !system.is_ours())
    };
    let mut behaviours = Vec::new();
    let mut all = BTreeMap::new();
    for outcome in outcomes.iter().filter(is_beside) {
        let Experiment { behaviour, system, .. } = &outcome.experiment;
        if !behaviours.contains(behaviour) {
            behaviours.push(behaviour.clone());
        }
        all.insert((behaviour.as_str(), *system), outcome);
    }
    let systems: BTreeSet<_> = all.keys().map(|(_, system)| *system).collect();
    let heads: Vec<_> = systems.iter().map(|system| system.name()).collect();
    let _ = writeln!(text, "\n| line `{line}` | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
    for behaviour in &behaviours {
        let of = |system: &System| all.get(&(behaviour.as_str(), *system)).map_or_else(String::new, |it| cell(it));
        let cells: Vec<_> = systems.iter().map(of).collect();
        let _ = writeln!(text, "| {behaviour} | {} |", cells.join(" | "));
    }
    let mut said = Vec::new();
    for behaviour in &behaviours {
        let Some(ours) = all.get(&(behaviour.as_str(), System::Ours)) else { continue };
        let others = systems.iter().filter(|system| !system.is_ours());
        let others: Vec<_> = others.filter_map(|system| all.get(&(behaviour.as_str(), *system)).copied()).collect();
        let free = |system: System| all.get(&(NONE, system)).copied().filter(|_| behaviour != NONE);
        said.extend(FIGURES.iter().filter_map(|(what, had)| {
            let found = better(*had, ours, free, &others)?;
            Some(format!("- {behaviour}, {what}: {found}"))
        }));
    }
    if !said.is_empty() {
        let _ = writeln!(text, "\n{BETTER_HEAD}\n\n{}", said.join("\n"));
    }
}

fn cell(Outcome { got, trouble, .. }: &Outcome) -> String {
    let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    match (trouble, got.connected) {
        (Some(trouble), _) => format!("did not run: {}", in_a_cell(trouble)),
        (None, None) => "–".to_owned(),
        (None, Some(_)) => {
            let chat = if got.slowest_message.is_some() { "" } else { ", no chat" };
            format!("{} · {}{chat}", seconds(got.connected), seconds(got.small_file))
        }
    }
}

/// What a program says in the end, as far as it fits: its first line without colours.
fn in_a_cell(said: &str) -> String {
    let mut plain = String::new();
    // Behind an escape stands what it does, up to the first letter.
    for (index, part) in said.lines().next().unwrap_or_default().split('\u{1b}').enumerate() {
        let shown =
            if index == 0 { part } else { part.split_once(|c: char| c.is_alphabetic()).map_or("", |(_, rest)| rest) };
        plain.extend(shown.chars().map(|c| if c == '|' { ' ' } else { c }));
    }
    match plain.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", plain[..end].trim_end()),
        None => plain,
    }
}

/// Who had this sooner than ours, if anybody, unless that is so without the censor as well.
fn better<'a>(
    had: Had,
    ours: &Outcome,
    free: impl Fn(System) -> Option<&'a Outcome>,
    others: &[&Outcome],
) -> Option<String> {
    let own = had(&ours.got);
    let is_better = |value: f64, own: Option<f64>| own.is_none_or(|own| value < own - BETTER);
    let free = |system| free(system).and_then(|outcome| had(&outcome.got));
    let own_free = free(System::Ours);
    let costs = own.zip(own_free).is_none_or(|(own, free)| own >= free + COST);
    let found = others.iter().filter_map(|Outcome { got, experiment, .. }| {
        let value = had(got).filter(|value| is_better(*value, own))?;
        let there_too = free(experiment.system).is_some_and(|value| is_better(value, own_free));
        (costs || !there_too).then(|| format!("{} {value:.2} s", experiment.system.name()))
    });
    let found: Vec<_> = found.collect();
    let own = own.map_or_else(|| "never".to_owned(), |own| format!("{own:.2} s"));
    (!found.is_empty()).then(|| format!("{}; ours {own}", found.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(system: System, connected: Option<f64>, small_file: Option<f64>) -> Outcome {
        let experiment = Experiment::of("none", system);
        let got = Got { connected, again: connected, slowest_message: connected, small_file, ..Got::default() };
        Outcome { got, trouble: None, ..Outcome::failed(experiment, String::new()) }
    }

    #[test]
    fn who_does_better_is_named_and_who_is_as_good_is_not() {
        let outcomes = [
            outcome(System::Ours, Some(1.0), None),
            outcome(System::Websocat, Some(0.95), Some(2.0)),
            outcome(System::Xray, None, None),
        ];
        let text = render(&outcomes, &Found::default());
        assert!(text.contains("| line `good` | ours | websocat | xray |"), "{text}");
        assert!(text.contains(" · 2.0 | – |"), "{text}");
        assert!(text.contains("- none, 200 kB: websocat 2.00 s; ours never\n"), "{text}");
        assert_eq!(text.matches("- none, ").count(), 1, "{text}");
    }

    #[test]
    fn what_others_do_better_without_a_censor_is_said_once() {
        let behind = |system, connected| {
            let mut outcome = outcome(system, connected, Some(1.0));
            outcome.experiment.behaviour = "name-dropped".to_owned();
            outcome
        };
        let free = [outcome(System::Ours, Some(0.4), Some(1.0)), outcome(System::Chisel, Some(0.2), Some(1.0))];
        let quick = [behind(System::Ours, Some(0.5)), behind(System::Chisel, Some(0.2))];
        let text = render(&[free.clone(), quick].concat(), &Found::default());
        assert!(text.contains("- none, connected: chisel 0.20 s; ours 0.40 s\n"), "{text}");
        assert!(!text.contains("- name-dropped"), "{text}");
        // Who is better behind the censor alone is named, though ours loses nothing there.
        let better = [behind(System::Ours, Some(0.4)), behind(System::Websocat, Some(0.2))];
        let usual = [free[0].clone(), outcome(System::Websocat, Some(0.4), Some(1.0))];
        let text = render(&[usual, better].concat(), &Found::default());
        assert!(text.contains("- name-dropped, connected: websocat 0.20 s; ours 0.40 s\n"), "{text}");
        let slow = [behind(System::Ours, Some(1.8)), behind(System::Chisel, Some(0.2))];
        let text = render(&[free, slow].concat(), &Found::default());
        assert!(text.contains("- name-dropped, connected: chisel 0.20 s; ours 1.80 s\n"), "{text}");
    }

    #[test]
    fn who_is_missing_or_does_not_run_is_named() {
        let mut found = Found::default();
        found.missing.insert("chisel".to_owned(), "no go".to_owned());
        let failed = Outcome::failed(outcome(System::Xray, None, None).experiment, "it ends".to_owned());
        let text = render(&[outcome(System::Ours, Some(1.0), Some(1.0)), failed], &found);
        assert!(text.contains("MISSING, and not tried: chisel (no go).\n"), "{text}");
        assert!(text.contains("| 1.0 · 1.0 | did not run: it ends |"), "{text}");
        assert_eq!(in_a_cell("it ends: \u{1b}[2m2026\u{1b}[0m a|b\nmore"), "it ends: 2026 a b");
        assert_eq!(in_a_cell(&"x".repeat(150)).chars().count(), 101);
    }
}
