//! Instructions that the core's hot functions take, counted by valgrind, beside the last release's.
//!
//! A count is the same on a loaded machine, but not with another compiler: who releases keeps the figures with `--keep`. No
//! stage of `cargo xtask test` does this: valgrind is not everywhere, and a new compiler is nobody's fault.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::{
    build,
    run::{find, output, run as execute, step},
    tree,
};

/// A rise of more than this share is reported.
const RISE: f64 = 0.05;

/// Times that a function is called: the difference is what is counted.
const FEW: u32 = 1000;
const MANY: u32 = 5000;

/// Instructions of one call, by the function's name.
type Counts = BTreeMap<String, f64>;

/// Counts, and keeps or compares.
pub(super) fn run(keep: bool) -> Result<()> {
    if find("valgrind").is_none() {
        bail!("no valgrind in PATH: install it (its Debian name)");
    }
    let file = tree::root().join("src/core/tests/micro.txt");
    let compiler = output(Command::new("rustc").arg("--version"))?;
    let program = program()?;
    let mut counts = Counts::new();
    for name in output(&mut Command::new(&program))?.lines() {
        let of = |times| instructions(&program, name, times);
        counts.insert(name.to_owned(), (of(MANY)? - of(FEW)?) / f64::from(MANY - FEW));
    }
    if keep {
        let lines = counts.iter().map(|(name, count)| format!("{name} {count:.1}\n"));
        let head = "# Instructions a call, by `cargo xtask bench micro --keep`, of";
        fs::write(&file, format!("{head} {compiler}\n{}", lines.collect::<String>()))?;
        return Ok(());
    }
    let kept = fs::read_to_string(&file).context("no figures of a release: keep some with --keep")?;
    report(&counts, &kept, &compiler)
}

/// Builds it as the native program is built.
fn program() -> Result<PathBuf> {
    let micro = ["build", "--package", "pasarela-core", "--example", "micro", "--profile", "dist"];
    step("build the core's hot functions, optimised", || execute(build::cargo().args(micro)))?;
    Ok(tree::root().join("target/dist/examples/micro"))
}

/// Of the whole program that calls a function so many times.
fn instructions(program: &PathBuf, name: &str, times: u32) -> Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1"]).arg(program);
    let said = output(valgrind.args([name, &times.to_string()]))?;
    let line = said.lines().find_map(|line| line.split_once("Collected :")).context("valgrind counts nothing")?;
    line.1.trim().parse().context("valgrind counts no number")
}

fn report(counts: &Counts, kept: &str, compiler: &str) -> Result<()> {
    let before = |name: &str| -> Option<f64> {
        let line = kept.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line?.parse().ok()
    };
    if !kept.lines().next().is_some_and(|head| head.ends_with(compiler)) {
        println!("The release's figures are another compiler's: {}", kept.lines().next().unwrap_or_default());
    }
    let release: Counts = counts.keys().filter_map(|name| Some((name.clone(), before(name)?))).collect();
    let folder = tree::root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let json = json!({ "compiler": compiler, "instructions": counts, "release": release });
    fs::write(folder.join("micro.json"), format!("{json:#}\n"))?;
    let mut risen = Vec::new();
    println!("{:<30} {:>12} {:>12} {:>8}", "instructions a call", "now", "release", "change");
    for (name, count) in counts {
        let change = before(name).map(|before| count / before - 1.0);
        let (release, percent) = before(name).zip(change).map_or_else(
            || ("new".to_owned(), String::new()),
            |(before, change)| (format!("{before:.1}"), format!("{:+.1} %", change * 100.0)),
        );
        println!("{name:<30} {count:>12.1} {release:>12} {percent:>8}");
        if change.is_some_and(|change| change > RISE) {
            risen.push(name.as_str());
        }
    }
    if !risen.is_empty() {
        bail!("more instructions than the last release by over {:.0} %: {}", RISE * 100.0, risen.join(", "));
    }
    Ok(())
}
