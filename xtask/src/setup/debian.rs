//! Packages of Debian and its kin, installed by `apt-get` where that is possible.
//!
//! On other systems, or without the right to install, it says what is missing.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::run::{find, output, run, step};

/// Installs those of `packages` that are missing.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<_> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let Some(prefix) = privilege() else {
        bail!(
            "missing: {list}\non Debian: apt-get install {list}\nelsewhere: your system's packages of the same purpose"
        );
    };
    step(&format!("apt-get install {list}"), || {
        let apt = |arguments: &[&str]| {
            let mut words = prefix.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied());
            let mut command = Command::new(words.next().unwrap_or("apt-get"));
            run(command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()))
        };
        apt(&["update", "-qq"])?;
        let install = ["install", "-y", "-qq", "--no-install-recommends"];
        apt(&[&install[..], &missing].concat())
    })
}

/// Whether this system has Debian's packages at all.
pub(super) fn is_here() -> bool {
    find("apt-get").is_some() && find("dpkg-query").is_some()
}

fn is_installed(package: &str) -> bool {
    let query = ["--showformat=${db:Status-Status}", "--show", package];
    !is_here() || output(Command::new("dpkg-query").args(query)).is_ok_and(|status| status == "installed")
}

/// What to put before a command that installs; `None` if it cannot be done.
fn privilege() -> Option<Vec<&'static str>> {
    if !is_here() {
        return None;
    }
    if output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0") {
        return Some(Vec::new());
    }
    output(Command::new("sudo").args(["-n", "true"])).ok().map(|_| vec!["sudo", "-n"])
}
