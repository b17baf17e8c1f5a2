//! `cargo xtask lab`: tries ways to a relay behind simulated censors and bad lines.
//!
//! What is tried, and how, is the lab's own (`lab/`). The programs of others that it wants are set up here.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::{
    build::cargo,
    run::{output, run as execute, step},
    setup::peers::Found,
    tree,
};

/// Where the whole table is written.
const TABLE: &str = "docs/lab/table.md";

/// And that of speeds.
const LINES: &str = "docs/bench/lines.md";

/// Runs these experiments, or all, whose table is then written.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    with_peers("dev", "table", arguments, TABLE)
}

/// Measures speeds on these lines, or on all, whose table is then written. Optimised: it shares the machine with what it measures.
pub(crate) fn lines(arguments: &[String]) -> Result<()> {
    with_peers("dist", "lines", arguments, LINES)
}

/// Sets up the programs of others that the lab wants for this command, then runs it.
fn with_peers(profile: &str, command: &str, arguments: &[String], table: &str) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "the lab needs Linux: networks of its own, and TUN devices");
    let package = ["--package", "pasarela-lab", "--profile", profile];
    step("build the lab", || execute(cargo().arg("build").args(package)))?;
    let lab = || {
        let mut lab = cargo();
        lab.args(["run", "--quiet"]).args(package).args(["--", command]).args(arguments);
        lab
    };
    let plan = output(lab().arg("--plan").stderr(Stdio::inherit()))?;
    if let Ok(peers) = serde_json::from_str::<Vec<String>>(&plan) {
        let mut found = Found::default();
        found.place(&peers).context("bench/peers.toml")?;
        found.write("target/lab")?;
    }
    let mut lab = lab();
    if arguments.is_empty() {
        lab.arg("--write").arg(tree::root().join(table));
    }
    execute(&mut lab)
}
