//! Under what conditions figures were found: the machine, its other work, the programs' versions, and who is missing.
//!
//! Which peers there are `cargo xtask bench` writes down when it has set them up.

use std::{
    fs,
    ops::Range,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use pasarela_e2e::peers::Found;

/// Cores that others may keep busy without doing harm to the figures.
pub(super) const QUIET: f64 = 0.2;

/// Where the report and what it needs are, from the root.
pub(super) const FOLDER: &str = "target/bench";

/// All of it, when everything is measured.
pub(super) struct Conditions {
    pub(super) date: String,
    pub(super) command: String,
    pub(super) rounds: u8,
    pub(super) quick: bool,
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    /// The programs that figures depend on, and who cannot be measured.
    pub(super) peers: Found,
    /// Cores that others kept busy.
    pub(super) others: f64,
    /// Cores that the host of a virtual machine did not give it when it wanted them.
    pub(super) stolen: f64,
    /// Rounds that were had again because of these.
    pub(super) again: u32,
}

impl Conditions {
    /// Reads what there is to know but for the others' work.
    pub(super) fn now(rounds: u8, quick: bool, peers: Found) -> Self {
        let words: Vec<_> = std::env::args().skip(1).collect();
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, it)| it);
        Self {
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            command: format!("cargo xtask bench {}", words.join(" ")).trim_end().to_owned(),
            rounds,
            quick,
            cpu: model.unwrap_or("unknown").to_owned(),
            // Those of the machine; this process keeps off one.
            cores: cpu.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: said("uname", &["-srm"]),
            peers,
            others: f64::NAN,
            stolen: f64::NAN,
            again: 0,
        }
    }

    /// Sentences that tell all of it.
    pub(super) fn sentences(&self) -> Vec<String> {
        let Self { date, command, rounds, cpu, cores, kernel, peers, others, stolen, again, .. } = self;
        let mut all = vec![
            format!("{date}, by `{command}`: {rounds} rounds, in each of which everybody has a turn."),
            format!("{cpu}, {cores} cores, of which one is for what is measured alone; {kernel}."),
        ];
        if self.quick {
            all.push("Quick: short and once. These figures are not to be quoted.".to_owned());
        }
        let verdict = if others.max(*stolen) > QUIET { ": too much, measure again" } else { "" };
        all.push(format!("Others kept {others:.2} cores busy meanwhile, the host {stolen:.2}{verdict}."));
        if *again > 0 {
            all.push(format!("{again} rounds in which that was more than {QUIET} were had again."));
        }
        if !peers.versions.is_empty() {
            let versions: Vec<_> = peers.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
            all.push(format!("Versions: {}.", versions.join("; ")));
        }
        all.extend(peers.missing.iter().map(|(name, why)| format!("MISSING, and not measured: {name} ({why}).")));
        all
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |it| String::from_utf8_lossy(&it.stdout).trim().to_owned())
}

/// What the rest of the machine did in the meantime: whether the figures may be trusted.
pub(super) struct Company {
    started: Instant,
    before: Used,
}

impl Company {
    /// Begins to watch.
    pub(super) fn watch() -> Result<Self> {
        Ok(Self { started: Instant::now(), before: Used::now()? })
    }

    /// Cores that others, and the host, kept busy since then. Processes of our own that have not ended have used so much meanwhile.
    pub(super) fn cores(&self, own: Duration) -> Result<[f64; 2]> {
        let (now, seconds) = (Used::now()?, self.started.elapsed().as_secs_f64());
        let others = now.others - self.before.others - own.as_secs_f64();
        Ok([others, now.host - self.before.host].map(|used| used / seconds))
    }
}

/// CPU time in seconds.
struct Used {
    /// Of anything but this program and its children that have ended.
    others: f64,
    /// Of the host, while this machine wanted it.
    host: f64,
}

impl Used {
    fn now() -> Result<Self> {
        let sum = |text: &str, fields: Range<usize>| -> u64 {
            let fields = text.split_whitespace().skip(fields.start).take(fields.len());
            fields.filter_map(|field| field.parse::<u64>().ok()).sum()
        };
        let seconds = |ticks: u64| ticks as f64 / 100.0;
        // proc(5): the first line is `cpu user nice system idle iowait irq softirq steal ...`, in ticks of 10 ms.
        let machine = fs::read_to_string("/proc/stat").context("cannot read the machine's CPU time")?;
        let first = machine.lines().next().unwrap_or_default();
        // utime, stime, cutime and cstime are the 14th to 17th fields, counted from the pid.
        let own = fs::read_to_string("/proc/self/stat").context("cannot read this process's CPU time")?;
        let own = sum(own.rsplit_once(')').map_or("", |(_, rest)| rest), 11..15);
        let busy = sum(first, 1..4) + sum(first, 6..8);
        Ok(Self { others: seconds(busy) - seconds(own), host: seconds(sum(first, 8..9)) })
    }
}
