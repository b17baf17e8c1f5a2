//! `cargo xtask bench`: what the Worker costs beside baselines in JavaScript, and the native program beside peers, in one run.
//!
//! Sets up and builds what the subjects take; the measuring itself is `pasarela-measure` in `tests/`.

use std::{fs, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{
    build,
    run::{run as execute, step},
    setup::peers,
    tree,
};

/// The subjects that need the native program and its peers; all others need the Worker.
const NATIVE: [&str; 3] = ["pair", "raw", "size"];

const WORKER: [&str; 8] = ["download", "upload", "echo", "web", "tunnel", "idle", "setup", "stall"];

/// Builds, then becomes the measuring program with these arguments.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let any_of = |subjects: &[&str]| arguments.iter().any(|argument| subjects.contains(&argument.as_str()));
    let (native, worker) = (any_of(&NATIVE), any_of(&WORKER));
    if worker || !native {
        build::edge()?;
    }
    if native || !worker {
        build::page()?;
        step("build the native program, optimised", || {
            execute(build::cargo().args(["build", "--package", "pasarela", "--profile", "dist"]))
        })?;
        place_peers()?;
    }
    let mut command = Command::new(build::harness("pasarela-measure")?);
    Err(command.args(arguments).exec()).context("cannot start pasarela-measure")
}

/// Puts the peers where `pasarela-measure` looks for them.
fn place_peers() -> Result<()> {
    let folder = tree::root().join("target/clients");
    fs::create_dir_all(&folder)?;
    let nginx = peers::nginx()?;
    let module = folder.join(peers::STREAM_MODULE);
    fs::copy(&nginx.module, &module).with_context(|| format!("no {}", nginx.module.display()))?;
    for (name, peer) in [("nginx", nginx.peer), ("penguin", peers::penguin()?), ("websocat", peers::websocat()?)] {
        peer.place(&folder.join(name))?;
    }
    Ok(())
}
