//! `cargo xtask bench`: what the Worker costs beside baselines in JavaScript, in one run.
//!
//! Sets up and builds; the measuring itself is `pasarela-measure` in `tests/`.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{build, run::step, tree};

/// Builds, then becomes the measuring program with these arguments.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    build::edge()?;
    step("build the measuring program", || {
        let build = ["build", "--package", "pasarela-e2e", "--bin", "pasarela-measure"];
        crate::run::run(Command::new("cargo").args(build).current_dir(tree::root()))
    })?;
    let mut command = Command::new(tree::root().join("target/debug/pasarela-measure"));
    Err(command.args(arguments).exec()).context("cannot start pasarela-measure")
}
