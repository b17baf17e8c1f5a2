//! `cargo xtask bench`: what Pasarela costs beside baselines and peers, in one run.
//!
//! Sets up and builds what is wanted; the measuring itself is `pasarela-bench` in `bench/`, and that of single functions
//! `micro`.

mod micro;

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{
    build, dist, lab,
    run::{print_times, run as execute, step},
    setup::{self, peers::Found},
    tree,
};

// The command's help text, under which these stand, is in `main`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// edge, native or all, and what to measure of it: download, upload, echo, setup, idle, stall, messages, size, scale;
    /// everything if nothing is named. --quick, --rounds N, --peer NAME; `cargo xtask bench -- --help` has all of it. Or micro
    /// [--keep]: instructions of the core's hot functions, beside the last release's. Or lines [LINE…]: speed on ordinary lines
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// What `pasarela-bench` needs to measure what it is asked for.
#[derive(Deserialize)]
struct Plan {
    /// The Worker.
    edge: bool,
    /// The native program.
    native: bool,
    /// By their names in bench/peers.toml.
    peers: Vec<String>,
}

/// Builds, then becomes the measuring program with these words.
pub(crate) fn run(Args { words }: &Args, start: Instant) -> Result<()> {
    if words.first().is_some_and(|word| word == "micro") {
        let keep = words.iter().any(|word| word == "--keep");
        ensure!(words.len() == 1 + usize::from(keep), "micro takes nothing but --keep");
        return micro::run(keep);
    }
    if let Some((first, lines)) = words.split_first()
        && first == "lines"
    {
        return lab::lines(lines);
    }
    let program = measure()?;
    let asked = Command::new(&program).args(words).arg("--plan").stderr(Stdio::inherit()).output();
    let asked = asked.context("cannot start pasarela-bench")?;
    ensure!(asked.status.success(), "pasarela-bench does not take these words; what it says is above");
    let Ok(plan) = serde_json::from_slice::<Plan>(&asked.stdout) else {
        // Its help.
        std::io::stdout().write_all(&asked.stdout)?;
        return Ok(());
    };
    let mut found = Found::default();
    if plan.edge {
        let tools = build::edge(build::Form::Real)?;
        found.version("workerd", &tree::pinned("workerd")?);
        if plan.peers.iter().any(|peer| peer == "naive-rust") {
            naive_rust(&tools)?;
        }
    }
    if plan.native {
        dist::native(false)?;
        found.place(&plan.peers)?;
    }
    found.write("target/bench")?;
    print_times(start);
    Err(Command::new(program).args(words).exec()).context("cannot start pasarela-bench")
}

/// The measuring program, optimised: it shares the machine with what it measures.
fn measure() -> Result<PathBuf> {
    let name = "pasarela-bench";
    let arguments = ["build", "--package", name, "--profile", "dist"];
    step(&format!("build {name}, optimised"), || execute(build::cargo().args(arguments)))?;
    Ok(tree::root().join("target/dist").join(name))
}

/// The Worker in Rust that ours is compared with, by the same tools and flags.
fn naive_rust(tools: &setup::Tools) -> Result<()> {
    let source = tree::root().join("bench/workers/naive-rust");
    step("build the naive Worker in Rust", || {
        // It builds into a folder of the crate's; a path out of it is one from there.
        let arguments = ["--release", "--out-dir", "../../../target/bench/naive-rust"];
        execute(tools.worker_build()?.current_dir(&source).args(arguments))
    })
}
