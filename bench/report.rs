//! The measurements as text for people, in a terminal or in Markdown, and as JSON for comparing runs.
//!
//! Pictures are `chart`'s part.

use std::fmt::{self, Display};

use serde_json::{Value, json};

use super::{
    figures::{Better, Figure, Row, TLS},
    groups::Group,
    machine::Conditions,
    scale::Growth,
    subjects::{CONNECTION_CPU, DOWNLOAD_CPU, ECHO_CPU, FIRST_BYTE, IDLE_MEMORY, STALLED, UPLOAD_CPU},
    systems::PASARELA,
    targets::Judged,
    turns::Trouble,
};

/// What tells most, for a first look.
const HIGHLIGHTS: [(Group, &str); 11] = [
    (Group::Pipe, DOWNLOAD_CPU),
    (Group::Pipe, UPLOAD_CPU),
    (Group::Pipe, CONNECTION_CPU),
    (Group::Pipe, STALLED),
    (Group::Pair, DOWNLOAD_CPU),
    (Group::Pair, UPLOAD_CPU),
    (Group::Pair, ECHO_CPU),
    (Group::Pair, FIRST_BYTE),
    (Group::Pair, IDLE_MEMORY),
    (Group::Raw, DOWNLOAD_CPU),
    (Group::Raw, IDLE_MEMORY),
];

/// All that there is to tell.
pub(super) struct Report {
    pub(super) conditions: Conditions,
    pub(super) figures: Vec<Figure>,
    pub(super) growths: Vec<Growth>,
    pub(super) targets: Vec<Judged>,
    pub(super) troubles: Vec<Trouble>,
}

impl Report {
    /// The groups that were measured, in order.
    pub(super) fn groups(&self) -> Vec<(&'static str, Vec<&Figure>)> {
        let mut groups: Vec<(&'static str, Vec<&Figure>)> = Vec::new();
        for figure in self.figures.iter().filter(|figure| !figure.rows.is_empty()) {
            match groups.iter_mut().find(|(name, _)| *name == figure.group) {
                Some((_, figures)) => figures.push(figure),
                None => groups.push((figure.group, vec![figure])),
            }
        }
        groups
    }

    /// The figures that tell most, without TLS.
    pub(super) fn highlights(&self) -> Vec<Figure> {
        let plain = |figure: &Figure| {
            let rows = figure.rows.iter().filter(|row| !row.name.ends_with(TLS)).cloned().collect();
            Figure { rows, ..*figure }
        };
        let found = |(group, name): &(Group, &str)| {
            self.figures.iter().find(|it| it.group == group.name() && it.name == *name && !it.rows.is_empty())
        };
        HIGHLIGHTS.iter().filter_map(found).map(plain).collect()
    }

    /// For a terminal.
    pub(super) fn table(&self) -> String {
        let mut lines = Vec::new();
        for (group, figures) in self.groups() {
            lines.push(format!("{group}: {}", about(group)));
            let [median, spread, ratio] = ["median", "min .. max", "ratio"];
            lines.push(format!("  {:<52} {:<18} {median:>9} {:<7} {spread:>18} {ratio:>7}", "", "", ""));
            for figure in figures {
                for (n, row) in figure.rows.iter().enumerate() {
                    let name = if n == 0 { figure.name } else { "" };
                    let Cells { median, spread, ratio } = Cells::of(figure, row);
                    let (who, unit) = (row.name, figure.unit);
                    lines.push(format!("  {name:<52} {who:<18} {median:>9} {unit:<7} {spread:>18} {ratio:>7}"));
                }
            }
            lines.push(String::new());
        }
        for growth in &self.growths {
            lines.push(format!("{}, {}", growth.name, growth.unit));
            for series in &growth.series {
                let points = series.points.iter().map(|(at, row)| format!("{at}: {}", Short(row.median())));
                lines.push(format!("  {:<12} {}", series.name, points.collect::<Vec<_>>().join("   ")));
            }
        }
        lines.extend(self.targets.iter().map(verdict));
        lines.extend(self.closing());
        lines.join("\n") + "\n"
    }

    /// For a README.
    pub(super) fn markdown(&self) -> String {
        let mut lines = vec!["# Benchmark".to_owned(), String::new()];
        lines.extend(self.closing().into_iter().map(|sentence| format!("- {sentence}")));
        let highlights = self.highlights();
        if !highlights.is_empty() {
            let head =
                ["", "## In short", "", "![in short](short.svg)", "", "| median | Pasarela | others |\n|---|--:|---|"];
            lines.extend(head.map(str::to_owned));
            lines.extend(highlights.iter().map(in_short));
        }
        for (group, figures) in self.groups() {
            let file = file_name(group);
            lines.extend([String::new(), format!("## {group}"), String::new(), sentence(group), String::new()]);
            lines.extend([format!("![{group}]({file}.svg)"), String::new()]);
            lines.push("| figure | | median | min .. max | ratio |\n|---|---|--:|--:|--:|".to_owned());
            for figure in figures {
                for (n, row) in figure.rows.iter().enumerate() {
                    let name = if n == 0 { titled(figure) } else { String::new() };
                    let Cells { median, spread, ratio } = Cells::of(figure, row);
                    lines.push(format!("| {name} | {} | {median} {} | {spread} | {ratio} |", row.name, figure.unit));
                }
            }
        }
        if !self.growths.is_empty() {
            let head =
                ["", "## Growth", "", "![growth](growth.svg)", "", "| | | connections: found |", "|---|---|---|"];
            lines.extend(head.map(str::to_owned));
            for growth in &self.growths {
                for series in &growth.series {
                    let points = series.points.iter().map(|(at, row)| format!("{at}: {}", Short(row.median())));
                    let points = points.collect::<Vec<_>>().join(" · ");
                    lines.push(format!("| {}, {} | {} | {points} |", growth.name, growth.unit, series.name));
                }
            }
        }
        if !self.targets.is_empty() {
            lines.extend([String::new(), "## Targets".to_owned(), String::new()]);
            lines.extend(self.targets.iter().map(|judged| format!("- {}", verdict(judged))));
        }
        lines.join("\n") + "\n"
    }

    /// What all figures have in common, and what is not among them.
    fn closing(&self) -> Vec<String> {
        let mut sentences = self.conditions.sentences();
        let ways = [
            "Ratios are of medians, to the baseline named in each chart; with TLS to the same with TLS, if there is one.",
            "Speeds and numbers of connections end where the clients' core does; CPU tells the rest.",
        ];
        sentences.extend(ways.map(str::to_owned));
        let mut noise: Vec<_> = self.figures.iter().filter_map(|figure| Some((figure.noise()?, figure))).collect();
        noise.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        if self.conditions.rounds == 1 {
            sentences.push("Noise: not known of one round.".to_owned());
        } else if let (Some((middle, _)), Some((most, figure))) = (noise.get(noise.len() / 2), noise.last()) {
            let (middle, most, Figure { group, name, .. }) = (middle * 100.0, most * 100.0, figure);
            sentences.push(format!(
                "Noise, the baseline's own spread from round to round: {middle:.0} % in the middle, {most:.0} % at most \
                 ({group}: {name})."
            ));
        }
        let failed = |Trouble { who, what, .. }: &Trouble| format!("FAILED, and has no figure: {who} ({what}).");
        sentences.extend(self.troubles.iter().map(failed));
        sentences
    }

    /// With every round's number.
    pub(super) fn json(&self) -> Value {
        let Conditions { date, command, rounds, quick, cpu, cores, kernel, peers, others, stolen, again } =
            &self.conditions;
        let failed = |it: &Trouble| json!({ "who": it.who, "what": it.what });
        json!({
            "date": date,
            "command": command,
            "rounds": rounds,
            "quick": quick,
            "machine": { "cpu": cpu, "cores": cores, "kernel": kernel, "others_cores": others, "host_cores": stolen, "rounds_again": again },
            "versions": peers.versions,
            "missing": peers.missing,
            "failed": self.troubles.iter().map(failed).collect::<Vec<_>>(),
            "figures": self.figures.iter().map(figure_json).collect::<Vec<_>>(),
            "growth": self.growths.iter().map(growth_json).collect::<Vec<_>>(),
            "targets": self.targets.iter().map(target_json).collect::<Vec<_>>(),
        })
    }
}

/// A group's name as a file's.
pub(super) fn file_name(group: &str) -> String {
    group.replace(['/', ' '], "-").replace("--", "-").to_lowercase()
}

/// What is compared in a group.
pub(super) fn about(group: &str) -> &'static str {
    Group::ALL.into_iter().find(|it| it.name() == group).map_or("the program itself", Group::about)
}

fn sentence(group: &str) -> String {
    let text = about(group);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect::<String>() + ".")
}

/// A figure's name where its group is not.
pub(super) fn long_name(figure: &Figure) -> String {
    format!("{}: {}", figure.group, figure.name)
}

/// A figure's name, with whom its ratios are to if that is not the group's baseline.
fn titled(figure: &Figure) -> String {
    let base = figure.base_name();
    if base == figure.baseline { figure.name.to_owned() } else { format!("{} (ratio to {base})", figure.name) }
}

/// All of a figure in one line of a table.
fn in_short(figure: &Figure) -> String {
    let own = figure.row(PASARELA).map_or_else(String::new, |row| format!("{} {}", Short(row.median()), figure.unit));
    let others = figure.rows.iter().filter(|row| row.name != PASARELA);
    let others: Vec<_> = others.map(|row| format!("{} {}", row.name, Short(row.median()))).collect();
    format!("| {} | {own} | {} |", long_name(figure), others.join(" · "))
}

fn verdict(judged: &Judged) -> String {
    let Judged { target, found, met } = judged;
    format!("{} {target}: {found:.2}", if *met { "met   " } else { "MISSED" })
}

struct Cells {
    median: String,
    spread: String,
    ratio: String,
}

impl Cells {
    fn of(figure: &Figure, row: &Row) -> Self {
        let ratio = figure.base(row).map_or(f64::NAN, |base| row.median() / base.median());
        Self {
            median: Short(row.median()).to_string(),
            spread: format!("{} .. {}", Short(row.min()), Short(row.max())),
            ratio: if ratio.is_finite() { format!("{ratio:.2}") } else { "–".to_owned() },
        }
    }
}

fn figure_json(figure: &Figure) -> Value {
    let row = |row: &Row| {
        json!({
            "name": row.name,
            "median": row.median(),
            "min": row.min(),
            "max": row.max(),
            "ratio": figure.base(row).map(|base| row.median() / base.median()),
            "rounds": row.samples(),
        })
    };
    json!({
        "group": figure.group,
        "figure": figure.name,
        "unit": figure.unit,
        "less_is_better": figure.better == Better::Less,
        "baseline": figure.base_name(),
        "noise": figure.noise(),
        "rows": figure.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn growth_json(growth: &Growth) -> Value {
    let point = |(at, row): &(f64, Row)| json!({ "connections": at, "median": row.median(), "min": row.min(), "max": row.max() });
    let series = growth
        .series
        .iter()
        .map(|series| json!({ "name": series.name, "points": series.points.iter().map(point).collect::<Vec<_>>() }));
    json!({ "figure": growth.name, "unit": growth.unit, "series": series.collect::<Vec<_>>() })
}

fn target_json(judged: &Judged) -> Value {
    json!({ "target": judged.target, "found": judged.found, "met": judged.met })
}

/// A number with about three digits that matter.
pub(super) struct Short(pub(super) f64);

impl Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0.abs() {
            ..1.0 => 3,
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        write!(f, "{:.digits$}", self.0)
    }
}
