//! Packages of Debian and its kin: installed by `apt-get` where that is possible, or unpacked into the cache, for which
//! nobody needs to be root.
//!
//! Without the right to install it says what is missing; on other systems, what will be needed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::remove;
use crate::{
    run::{fetch_into, find, is_root, output, run, step},
    tree,
};

/// Installs those of `packages` that are missing.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if !is_here() && !packages.is_empty() {
        // What another system has cannot be looked up here; should the next step fail, this is why.
        eprintln!("    the next step needs, by their Debian names: {}", packages.join(" "));
        return Ok(());
    }
    let missing: Vec<_> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let Some(prefix) = privilege() else {
        bail!("missing, and not allowed to install: {list}\nas root: apt-get install {list}");
    };
    step(&format!("apt-get install {list}"), || {
        let apt = |arguments: &[&str]| {
            let mut words = prefix.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied());
            let mut command = Command::new(words.next().unwrap_or("apt-get"));
            run(command.args(words).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        apt(&["update", "-q"])?;
        let install = ["install", "-y", "-q", "--no-install-recommends"];
        apt(&[&install[..], &missing].concat())
    })
}

/// Unpacks packages, with those that they need and the system lacks, into a folder of the cache that looks like the root
/// folder and is named after the first. Nothing of the system is changed and no script of a package is run. Only the files
/// in `only` are kept, or all if it is empty.
pub(super) fn unpack(packages: &[&str], only: &[&str]) -> Result<PathBuf> {
    let list = packages.join(" ");
    if !is_here() {
        bail!("no {list}: install it (its Debian name) and have it in PATH");
    }
    let folder = tree::cache()?.join("debian").join(packages.first().context("no package is asked for")?);
    let finished = folder.join("finished");
    // An older one may have kept fewer.
    if finished.is_file() && only.iter().all(|file| folder.join(file).exists()) {
        return Ok(folder);
    }
    fetch_into(&format!("unpack Debian's {list} into the cache (once)"), &folder, || {
        if folder.exists() {
            remove(&folder)?;
        }
        let (apt, whole) = (folder.join("apt"), folder.join("whole"));
        for file in download(packages, &apt)? {
            run(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&whole))?;
        }
        remove(&apt)?;
        keep(&whole, &folder, only)?;
        fs::write(&finished, "")?;
        Ok(())
    })?;
    Ok(folder)
}

/// Fetches the package files with an `apt-get` that keeps everything in a folder of ours.
fn download(packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
    let (lists, archives) = (folder.join("lists"), folder.join("archives"));
    for partial in [&lists, &archives] {
        fs::create_dir_all(partial.join("partial"))?;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
        command.arg("-o").arg(format!("Dir::Cache={}", folder.display()));
        // The system's locks and the user that apt downloads as are root's to use.
        command.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]).args(arguments);
        output(&mut command)
    };
    apt(&["update"])?;
    let install = ["install", "--yes", "--download-only", "--no-install-recommends", "--reinstall"];
    apt(&[&install[..], packages].concat())?;
    let files = fs::read_dir(&archives)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let files: Vec<_> = files.into_iter().filter(|file| file.extension().is_some_and(|it| it == "deb")).collect();
    if files.is_empty() {
        bail!("apt-get fetched nothing for {}", packages.join(" "));
    }
    Ok(files)
}

/// Moves the files into `folder` and removes the rest.
fn keep(whole: &Path, folder: &Path, only: &[&str]) -> Result<()> {
    if only.is_empty() {
        for entry in fs::read_dir(whole)? {
            let entry = entry?;
            fs::rename(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    for file in only {
        let to = folder.join(file);
        fs::create_dir_all(to.parent().unwrap_or(folder))?;
        fs::rename(whole.join(file), to).with_context(|| format!("the package has no {file}"))?;
    }
    remove(whole)
}

/// Whether this system has Debian's packages at all.
pub(super) fn is_here() -> bool {
    find("apt-get").is_some() && find("dpkg-query").is_some()
}

fn is_installed(package: &str) -> bool {
    let query = ["--showformat=${db:Status-Status}", "--show", package];
    output(Command::new("dpkg-query").args(query)).is_ok_and(|status| status == "installed")
}

/// What to put before a command that installs; `None` if it cannot be done.
fn privilege() -> Option<Vec<&'static str>> {
    if is_root() {
        return Some(Vec::new());
    }
    output(Command::new("sudo").args(["-n", "true"])).ok().map(|_| vec!["sudo", "-n"])
}
