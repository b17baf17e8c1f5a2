//! Folders to give away: the Worker ready to deploy, by somebody who has no Rust, the program as static
//! files, for Windows and for macOS, and the Android app.

mod facts;
mod zip;
mod sbom;
pub(crate) mod edge;
pub(crate) mod native;
pub(crate) mod android;
pub(crate) mod windows;
mod macos;
pub(crate) mod packages;
mod release;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{build, setup::musl};

/// What can be made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Folder {
    /// The built Worker with a wrangler.toml that builds nothing: target/dist/edge.
    Edge,
    /// The program as a static file for Linux on each kind of processor, for Windows and for macOS: target/dist/native.
    Native,
    /// The program for Windows alone, a zip and an installer of it, into the same folder.
    Windows,
    /// The program for macOS alone, into the same folder.
    Macos,
    /// The Android app with the program for ARM in it: target/dist/android.
    Android,
    /// Packages of the program for Linux and OpenWrt, and manifests for package managers: target/dist/packages.
    Packages,
    /// All that was made, as a release has it, with one list of sums: target/dist/release.
    Release,
}

/// Makes one of them; manifests say that a release's files are at `releases`.
pub(crate) fn make(folder: Folder, releases: Option<&str>) -> Result<()> {
    ensure!(releases.is_none() || folder == Folder::Packages, "--releases goes with `dist packages` alone");
    match folder {
        Folder::Edge => {
            build::edge(build::Form::Real)?;
            let made = edge::make()?;
            eprintln!("{} is ready: inside it, `npm install`, then `npx wrangler deploy`", made.display());
            Ok(())
        }
        Folder::Native => {
            native(true)?;
            windows::make()?;
            let made = macos::make()?;
            eprintln!("{} is ready: each file is the whole program; SHA256SUMS goes with them", made.display());
            Ok(())
        }
        Folder::Windows => {
            let made = windows::make()?;
            eprintln!(
                "{} has the program for Windows, alone, in a zip and in an installer, and SHA256SUMS of all that is there",
                made.display()
            );
            Ok(())
        }
        Folder::Macos => {
            let made = macos::make()?;
            eprintln!("{} has the program for macOS, and SHA256SUMS of all that is there", made.display());
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
        Folder::Release => {
            let made = release::make()?;
            eprintln!("{} is ready: sign SHA256SUMS as RELEASE.md says, and attach all of it", made.display());
            Ok(())
        }
    }
}

/// Makes and tries the static program, for this machine or for all.
pub(crate) fn native(all: bool) -> Result<PathBuf> {
    native::make(&musl::Machine::wanted(all)?)
}
