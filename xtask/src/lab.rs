//! `cargo xtask lab`: tries ways to a relay behind simulated censors and bad lines.
//!
//! What is tried, and how, is the lab's own (`lab/`).

use anyhow::{Result, ensure};

use crate::{
    build::cargo,
    run::{run as execute, step},
    tree,
};

/// Where the whole table is written.
const TABLE: &str = "docs/lab/table.md";

/// Runs these experiments, or all, whose table is then written.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "the lab needs Linux: networks of its own, and TUN devices");
    step("build the lab", || execute(cargo().args(["build", "--package", "pasarela-lab"])))?;
    let mut lab = cargo();
    lab.args(["run", "--quiet", "--package", "pasarela-lab", "--", "table"]).args(arguments);
    if arguments.is_empty() {
        lab.arg("--write").arg(tree::root().join(TABLE));
    }
    execute(&mut lab)
}
