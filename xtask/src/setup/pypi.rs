//! Programs that PyPI has built: nothing to compile, and no Python is needed to run them. They go to the cache, by version.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{debian, remove};
use crate::{
    run::{output, run, step},
    tree,
};

/// Unpacks these, requirements with hashes, into a folder of the cache, once.
pub(super) fn unpack(folder: &str, requirements: &str, what: &str) -> Result<PathBuf> {
    let folder = tree::cache()?.join(folder);
    let finished = folder.join("finished");
    if finished.is_file() {
        return Ok(folder);
    }
    let pip = ["-m", "pip"];
    if output(Command::new("python3").args(pip).arg("--version")).is_err() {
        debian::install(&["python3-pip"])?;
    }
    step(&format!("install {what} from PyPI (once)"), || {
        if folder.exists() {
            remove(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        install(&folder, requirements)?;
        fs::write(&finished, "")?;
        Ok(())
    })?;
    Ok(folder)
}

fn install(folder: &Path, requirements: &str) -> Result<()> {
    let list = folder.join("requirements.txt");
    fs::write(&list, requirements)?;
    run(Command::new("python3")
        .args(["-m", "pip", "install", "--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore", "--target"])
        .arg(folder)
        .arg("--requirement")
        .arg(&list))
}
