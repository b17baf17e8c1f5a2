//! The packages of package.json: wrangler, workerd, a Node.js new enough for them, esbuild, binaryen, Baileys, and
//! what drives a browser and judges what it shows.
//!
//! Tools and tests only; none of it is part of the relay.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    run::{fetch_into, find, run},
    tree,
};

/// Installs exactly what package-lock.json says, unless that is what is there.
pub(super) fn install() -> Result<()> {
    let root = tree::root();
    let lock = fs::read(root.join("package-lock.json")).context("cannot read package-lock.json")?;
    let stamp = root.join("node_modules/.pasarela-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if find("npm").is_none() {
        bail!("no npm in PATH: install Node.js 18 or newer with npm (https://nodejs.org, or your system's packages)");
    }
    fetch_into("npm install, as package-lock.json says", &root.join("node_modules"), || {
        // Not `npm ci`: it refuses a lock without the optional packages of other systems, and not every registry has them.
        let install = ["install", "--no-save", "--no-fund", "--no-audit", "--loglevel=error"];
        run(Command::new("npm").args(install).current_dir(&root))?;
        fs::write(&stamp, &lock).context("cannot write into node_modules")
    })
}
