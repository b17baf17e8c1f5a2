//! What the project depends on: licences, sources, bans as `deny.toml` says; nothing that is not used; workflows that GitHub can read;
//! compilers that are older or stricter than usual, where they are at hand.

use std::process::Command;

use anyhow::Result;

use crate::{
    build::cargo,
    run::{output, run, step},
    setup, tree,
};

/// Licences, sources, bans, workflows, and dependencies that nobody uses.
pub(crate) fn check() -> Result<()> {
    let (deny, machete) = (setup::cargo_deny()?, setup::cargo_machete()?);
    step("licences and sources of dependencies", || {
        // All of them, those of other systems too. What follows needs no network.
        run(cargo().args(["fetch", "--locked", "--quiet"]))?;
        let check = ["--offline", "--workspace", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
        run(Command::new(deny.join("cargo-deny")).args(check).current_dir(tree::root()))
    })?;
    let actionlint = setup::actionlint()?;
    step("workflows", || {
        // Without other programs, which are not everywhere.
        run(Command::new(actionlint).args(["-no-color", "-shellcheck=", "-pyflakes="]).current_dir(tree::root()))
    })?;
    step("dependencies that nobody uses", || {
        let folders = ["Cargo.toml", "src", "tests", "bench", "xtask"].map(|part| tree::root().join(part));
        run(Command::new(machete.join("cargo-machete")).arg("--skip-target-dir").args(&folders))
    })
}

/// Builds with the oldest compiler that Cargo.toml promises, if it is another than the usual one and at hand.
pub(crate) fn oldest_compiler() -> Result<()> {
    let promised = tree::of_all_packages("rust-version")?;
    let usual = output(Command::new("rustc").arg("--version"))?;
    if usual.starts_with(&format!("rustc {promised}.")) {
        eprintln!("    the compiler here is the oldest that is promised, {promised}");
        return Ok(());
    }
    let toolchain = format!("+{promised}");
    if output(Command::new("cargo").args([&toolchain, "--version"])).is_err() {
        eprintln!("    Rust {promised}, the oldest that is promised, is not at hand and was not tried");
        return Ok(());
    }
    step(&format!("build with Rust {promised}"), || {
        let check = ["check", "--package", "pasarela", "--package", "pasarela-sim", "--target-dir", "target/oldest"];
        run(Command::new("cargo").arg(toolchain).args(check).current_dir(tree::root()))
    })
}

/// Runs the only unsafe code that is ours under Miri, if that is at hand.
pub(crate) fn miri() -> Result<()> {
    if output(Command::new("cargo").args(["+nightly", "miri", "--version"])).is_err() {
        eprintln!("    Miri is not at hand, and memory.rs was not tried with it: rustup +nightly component add miri");
        return Ok(());
    }
    step("memory.rs under Miri", || {
        let test = ["+nightly", "miri", "test", "--package", "pasarela", "--lib", "--", "memory::"];
        run(Command::new("cargo").args(test).current_dir(tree::root()).env("MIRIFLAGS", "-Zmiri-disable-isolation"))
    })
}
