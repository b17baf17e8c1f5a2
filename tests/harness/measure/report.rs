//! The measurements as a table for people and as JSON for comparing runs.

use std::{
    fmt::{self, Display, Write as _},
    fs,
    ops::Range,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{
    figures::TUNED,
    targets::Judged,
    turns::{Figure, Row},
};

/// Cores that others may keep busy without doing harm to the figures.
const QUIET: f64 = 0.2;

/// What the rest of the machine did in the meantime: whether the figures may be trusted.
pub(super) struct Company {
    started: Instant,
    others: Duration,
}

impl Company {
    /// Begins to watch.
    pub(super) fn watch() -> Result<Self> {
        Ok(Self { started: Instant::now(), others: others()? })
    }

    /// Cores that others kept busy since then. Processes of our own must have ended.
    pub(super) fn cores(&self) -> Result<f64> {
        Ok(others()?.saturating_sub(self.others).as_secs_f64() / self.started.elapsed().as_secs_f64())
    }
}

/// CPU time that the machine has spent on anything but this program and its children that have ended.
fn others() -> Result<Duration> {
    let sum = |text: &str, fields: Range<usize>| -> u64 {
        let fields = text.split_whitespace().skip(fields.start).take(fields.len());
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    // proc(5): the first line is `cpu user nice system idle iowait irq softirq ...`, in ticks of 10 ms.
    let machine = fs::read_to_string("/proc/stat").context("cannot read the machine's CPU time")?;
    let first = machine.lines().next().unwrap_or_default();
    let machine = sum(first, 1..4) + sum(first, 6..8);
    // utime, stime, cutime and cstime are the 14th to 17th fields, counted from the pid.
    let own = fs::read_to_string("/proc/self/stat").context("cannot read this process's CPU time")?;
    let own = sum(own.rsplit_once(')').map_or("", |(_, rest)| rest), 11..15);
    Ok(Duration::from_millis(machine.saturating_sub(own) * 10))
}

/// Figures with ratios, then targets.
pub(super) fn table(figures: &[Figure], targets: &[Judged], others: f64) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write_table(&mut text, figures, targets, others);
    text
}

fn write_table(text: &mut String, figures: &[Figure], targets: &[Judged], others: f64) -> fmt::Result {
    let [worker, median, spread, ratio] = ["Worker", "median", "min .. max", "ratio"];
    writeln!(text, "{:<36} {worker:<10} {median:>9} {:<7} {spread:>20}  {ratio:>8}", "", "")?;
    for figure in figures {
        let base = base(figure);
        for (n, row) in figure.rows.iter().enumerate() {
            let name = if n == 0 { figure.name } else { "" };
            let spread = format!("{} .. {}", Short(row.min()), Short(row.max()));
            let ratio = base.map_or(f64::NAN, |base| row.median() / base.median());
            let (median, worker, unit) = (Short(row.median()).to_string(), row.worker, figure.unit);
            writeln!(text, "{name:<36} {worker:<10} {median:>9} {unit:<7} {spread:>20}  {ratio:>8.2}")?;
        }
    }
    writeln!(text, "\nMedians; ratios to tuned, or to the last Worker where tuned has no row.")?;
    for Judged { target, found, met } in targets {
        writeln!(text, "{:<6} {target}: {found:.2}", if *met { "met" } else { "MISSED" })?;
    }
    let verdict = if others > QUIET { ": too much, measure again" } else { "" };
    writeln!(text, "Others kept {others:.2} cores busy meanwhile{verdict}.")
}

/// What ratios are to: tuned, or the last.
fn base(figure: &Figure) -> Option<&Row> {
    figure.row(TUNED).or(figure.rows.last())
}

/// The same as JSON, with every round's number.
pub(super) fn json(figures: &[Figure], targets: &[Judged], others: f64) -> Value {
    let row = |row: &Row| {
        json!({
            "worker": row.worker,
            "median": row.median(),
            "min": row.min(),
            "max": row.max(),
            "rounds": row.samples(),
        })
    };
    let figure = |figure: &Figure| {
        let rows: Vec<_> = figure.rows.iter().map(row).collect();
        json!({ "figure": figure.name, "unit": figure.unit, "rows": rows })
    };
    let target = |judged: &Judged| json!({ "target": judged.target, "found": judged.found, "met": judged.met });
    json!({
        "others_cores": others,
        "figures": figures.iter().map(figure).collect::<Vec<_>>(),
        "targets": targets.iter().map(target).collect::<Vec<_>>(),
    })
}

/// A number with about three digits that matter.
struct Short(f64);

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
