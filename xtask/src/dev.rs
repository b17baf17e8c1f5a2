//! `cargo xtask dev`: everything on one machine, without internet.
//!
//! Sets up and builds; the running itself is `pasarela-dev` in `tests/`, with the same harness as the tests.

use std::{os::unix::process::CommandExt, process::Command, time::Instant};

use anyhow::{Context, Result};

use crate::{
    build::{self, Form},
    run::print_times,
};

/// Builds, then becomes the program that runs everything: Ctrl-C is its business.
pub(crate) fn run(port: Option<u16>, start: Instant) -> Result<()> {
    build::edge(Form::Real)?;
    let mut command = Command::new(build::harness("pasarela-dev")?);
    command.args(port.map(|port| format!("--port={port}")));
    print_times(start);
    Err(command.exec()).context("cannot start pasarela-dev")
}
