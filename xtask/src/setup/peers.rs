//! Programs of others that tests hold ours against.
//!
//! They are the system's own or, without any right to install, Debian's in the cache.

use std::{env::consts::ARCH, path::PathBuf};

use anyhow::Result;

use super::debian;
use crate::run::find;

/// A program and where its libraries are, if not where the system's are.
pub(crate) struct Peer {
    program: PathBuf,
    libraries: Vec<PathBuf>,
}

/// What the official WhatsApp proxy is made of.
pub(crate) fn haproxy() -> Result<Peer> {
    system_program("haproxy")
}

impl Peer {
    /// A shell script that becomes the program.
    pub(crate) fn script(&self) -> String {
        let folders: Vec<_> = self.libraries.iter().map(|folder| folder.display().to_string()).collect();
        format!("#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n", folders.join(":"), self.program.display())
    }
}

/// A program of /usr/sbin, which few users have in PATH, from the package of its name.
fn system_program(name: &str) -> Result<Peer> {
    let installed = find(name).or_else(|| Some(PathBuf::from("/usr/sbin").join(name)).filter(|file| file.is_file()));
    if let Some(program) = installed {
        return Ok(Peer { program, libraries: Vec::new() });
    }
    let root = debian::unpack(name, &[])?;
    let libraries = ["lib", "usr/lib"].map(|folder| root.join(folder).join(format!("{ARCH}-linux-gnu")));
    Ok(Peer { program: root.join("usr/sbin").join(name), libraries: libraries.into() })
}
