//! Packages of Debian and its kin, installed by `apt-get` where that is possible.
//!
//! Without the right to install it says what is missing; on other systems, what will be needed.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::run::{find, output, run, step};

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
    output(Command::new("dpkg-query").args(query)).is_ok_and(|status| status == "installed")
}

/// What to put before a command that installs; `None` if it cannot be done.
fn privilege() -> Option<Vec<&'static str>> {
    if output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0") {
        return Some(Vec::new());
    }
    output(Command::new("sudo").args(["-n", "true"])).ok().map(|_| vec!["sudo", "-n"])
}
