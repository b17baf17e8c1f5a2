//! `cargo xtask bench`: what the Worker costs beside baselines in JavaScript, in one run.
//!
//! Sets up and builds; the measuring itself is `pasarela-measure` in `tests/`.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::build;

/// Builds, then becomes the measuring program with these arguments.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    build::edge()?;
    let mut command = Command::new(build::harness("pasarela-measure")?);
    Err(command.args(arguments).exec()).context("cannot start pasarela-measure")
}
