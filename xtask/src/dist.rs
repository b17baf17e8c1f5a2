//! Folders to give away: the Worker ready to deploy, by somebody who has no Rust, the program as static
//! files and for Windows, and the Android app.

mod facts;
mod native;
pub(crate) mod android;
pub(crate) mod windows;
pub(crate) mod packages;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::{build, run::step, setup::musl, tree};

/// What can be made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Folder {
    /// The built Worker with a wrangler.toml that builds nothing: target/dist/edge.
    Edge,
    /// The program as a static file for x86-64 and for ARM Linux, and for Windows: target/dist/native.
    Native,
    /// The program for Windows alone, into the same folder.
    Windows,
    /// The Android app with the program for ARM in it: target/dist/android.
    Android,
    /// Packages of the program for Linux and OpenWrt, and manifests for package managers: target/dist/packages.
    Packages,
}

/// Makes one of them; manifests say that a release's files are at `releases`.
pub(crate) fn make(folder: Folder, releases: Option<&str>) -> Result<()> {
    ensure!(releases.is_none() || folder == Folder::Packages, "--releases goes with `dist packages` alone");
    match folder {
        Folder::Edge => {
            build::edge(build::Form::Real)?;
            let made = edge()?;
            eprintln!("{} is ready: inside it, `npm install`, then `npx wrangler deploy`", made.display());
            Ok(())
        }
        Folder::Native => {
            native(true)?;
            let made = windows::make()?;
            eprintln!("{} is ready: each file is the whole program; SHA256SUMS goes with them", made.display());
            Ok(())
        }
        Folder::Windows => {
            let made = windows::make()?;
            eprintln!("{} has the program for Windows, and SHA256SUMS of all that is there", made.display());
            Ok(())
        }
        Folder::Android => {
            let made = android::make()?;
            eprintln!("{} is ready: one file to install on a phone, and SHA256SUMS", made.display());
            Ok(())
        }
        Folder::Packages => {
            let made = packages::make(releases)?;
            eprintln!("{} is ready: a package for each system, manifests, and SHA256SUMS", made.display());
            Ok(())
        }
    }
}

/// Makes and tries the static program, for this machine or for all.
pub(crate) fn native(all: bool) -> Result<PathBuf> {
    if all { native::make(&musl::MACHINES) } else { native::make(&[std::env::consts::ARCH]) }
}

/// Makes the folder from what is in build/.
pub(crate) fn edge() -> Result<PathBuf> {
    let root = tree::root();
    let folder = root.join("target/dist/edge");
    step("make target/dist/edge", || {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("build"))?;
        for file in ["build/index.js", "build/index_bg.wasm", ".dev.vars.example", "LICENSE-MIT", "LICENSE-APACHE"] {
            fs::copy(root.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        fs::write(folder.join("wrangler.toml"), for_volunteers(&fs::read_to_string(root.join("wrangler.toml"))?))?;
        fs::write(folder.join("package.json"), package(&fs::read_to_string(root.join("package.json"))?)?)?;
        fs::write(folder.join("README.md"), README)?;
        Ok(())
    })?;
    Ok(folder)
}

/// The same file without what a volunteer has no use for: the build command and the developers' environment. A table's
/// comment stands above it, behind the last empty line.
fn for_volunteers(toml: &str) -> String {
    let kept = toml.split("\n\n").filter(|block| {
        let header = block.lines().find(|line| line.starts_with('['));
        !header.is_some_and(|header| header == "[build]" || header.starts_with("[env."))
    });
    kept.collect::<Vec<_>>().join("\n\n").trim_end().to_owned() + "\n"
}

/// Only wrangler, at the same version.
fn package(json: &str) -> Result<String> {
    let whole: serde_json::Value = serde_json::from_str(json)?;
    let wrangler = whole.pointer("/devDependencies/wrangler").context("package.json pins no wrangler")?;
    let own = serde_json::json!({ "name": "pasarela", "private": true, "devDependencies": { "wrangler": wrangler } });
    Ok(serde_json::to_string_pretty(&own)? + "\n")
}

const README: &str = "\
# Pasarela's relay, built

1. `npm install` (Node.js 22.12 or newer), then `npx wrangler login`
2. `npx wrangler deploy`
3. `npx wrangler secret put RELAY_KEYS` and type `me=` and a key of 16 to 128 letters and digits

Then open the address that wrangler printed. What may be changed is explained in wrangler.toml.
";
