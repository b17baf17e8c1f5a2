//! Building the parts of the product.
//!
//! The Worker is built by `worker-build`, as `wrangler` does by wrangler.toml; the clients of the tests by `test`.

mod page;

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    run::{run, step},
    setup, tree,
};

/// The page's check, which goes into all that serves the page.
pub(crate) fn page() -> Result<()> {
    page::build()
}

/// The Worker: `build/index.js` and `build/index_bg.wasm`.
pub(crate) fn edge() -> Result<setup::Tools> {
    page()?;
    let tools = setup::worker()?;
    step("build the Worker", || run(tools.worker_build()?.arg("--release")))?;
    Ok(tools)
}

/// The native program, unoptimised: `target/debug/pasarela`.
pub(crate) fn native() -> Result<()> {
    page()?;
    step("build the native program", || run(cargo().args(["build", "--package", "pasarela"])))
}

/// A program of the tests' harness, unoptimised; returns where it is.
pub(crate) fn harness(program: &str) -> Result<PathBuf> {
    step(&format!("build {program}"), || run(cargo().args(["build", "--package", "pasarela-e2e", "--bin", program])))?;
    Ok(tree::root().join("target/debug").join(program))
}

/// Cargo at the project's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(tree::root());
    command
}
