//! Building the parts of the product.
//!
//! `wrangler` builds the Worker by wrangler.toml, and so with the same command. The clients of the tests are built by `test`.

mod wasm;
mod page;
mod edge;

use std::{path::PathBuf, process::Command};

use anyhow::Result;

pub(crate) use self::edge::Form;
use crate::{
    run::{run, step},
    setup, tree,
};

/// The profile of Wasm that nobody is given: for unit tests, lints and the instrumented Worker.
pub(crate) const QUICK: &str = "wasm-quick";

/// The page's check, which goes into all that serves the page, and so comes first.
pub(crate) fn page() -> Result<setup::Tools> {
    let tools = setup::worker()?;
    step("build wasm-bindgen", wasm::build_bindgen)?;
    page::build(&tools)?;
    Ok(tools)
}

/// The Worker, in one of its forms, with the page in it.
pub(crate) fn edge(form: Form) -> Result<setup::Tools> {
    let tools = page()?;
    edge::build(&tools, form)?;
    Ok(tools)
}

/// The same where the page is built already.
pub(crate) fn edge_with(tools: &setup::Tools, form: Form) -> Result<()> {
    edge::build(tools, form)
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
