//! What building the Worker and the page's check have in common: compiling for wasm32, wasm-bindgen, and telling whether there
//! is anything to do.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

use super::cargo;
use crate::{run::run, setup::Tools, tree};

const TRIPLE: &str = "wasm32-unknown-unknown";

/// The Wasm of a package as the compiler makes it in a profile, whose folder sees only the compiler that knows wasm32. It never
/// goes to CARGO_TARGET_DIR: the guide looks for the page's in the tree.
pub(super) fn compile(tools: &Tools, package: &str, profile: &str, features: &[&str]) -> Result<PathBuf> {
    let target = tree::root().join("target");
    let mut command = tools.cargo()?;
    command.args(["build", "--lib", "--package", package, "--target", TRIPLE, "--profile", profile]);
    command.args(features.iter().flat_map(|feature| ["--features", feature])).arg("--target-dir").arg(&target);
    if profile != super::QUICK {
        command.env("CARGO_ENCODED_RUSTFLAGS", nameless()?);
    }
    run(&mut command)?;
    Ok(target.join(TRIPLE).join(profile).join(package.replace('-', "_")).with_extension("wasm"))
}

/// Panics name source files; where these are on the builder's machine is nobody's business.
fn nameless() -> Result<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let folders = [Some(tree::root()), Some(tree::cache()?), home];
    let flags = folders.iter().flatten().map(|folder| format!("--remap-path-prefix={}=", folder.display()));
    Ok(flags.collect::<Vec<_>>().join("\x1f"))
}

/// Makes `folder/index.js` and `folder/index_bg.wasm` of it, for the Worker (`edge`) or the page (`page`).
pub(super) fn bindgen(whose: &str, wasm: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    run(cargo().args(["run", "--quiet", "--package", "xtask-bindgen", "--", whose]).arg(wasm).arg(folder))
}

/// Builds what `bindgen` runs, so that it shows how it gets on.
pub(super) fn build_bindgen() -> Result<()> {
    run(cargo().args(["build", "--package", "xtask-bindgen"]))
}

/// Whether one of the outputs is missing or older than one of the inputs, the tools or this program.
pub(super) fn is_older(outputs: &[PathBuf], inputs: &[PathBuf]) -> Result<bool> {
    let own = [tree::root().join("package-lock.json"), tree::root().join("Cargo.lock"), env::current_exe()?];
    let newest = inputs.iter().chain(&own).map(|file| changed(file)).collect::<Result<Vec<_>>>()?.into_iter().max();
    let oldest = outputs.iter().map(|file| changed(file).ok()).min().flatten();
    Ok(oldest <= newest)
}

fn changed(file: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(file).with_context(|| format!("no {}", file.display()))?;
    Ok(metadata.modified()?)
}
