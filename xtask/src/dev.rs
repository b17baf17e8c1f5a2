//! `cargo xtask dev`: everything on one machine, without internet.
//!
//! Sets up and builds; the running itself is `pasarela-dev` in `tests/`, with the same harness as the tests.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{build, run::step, tree};

/// Builds, then becomes the program that runs everything: Ctrl-C is its business.
pub(crate) fn run(port: Option<u16>) -> Result<()> {
    build::edge()?;
    step("build the simulated WhatsApp", || {
        crate::run::run(cargo().args(["build", "--package", "pasarela-e2e", "--bin", "pasarela-dev"]))
    })?;
    let mut command = Command::new(tree::root().join("target/debug/pasarela-dev"));
    command.args(port.map(|port| format!("--port={port}")));
    Err(command.exec()).context("cannot start pasarela-dev")
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(tree::root());
    command
}
