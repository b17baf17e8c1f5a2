//! The program for Windows: clippy of what is compiled for it alone, and the program itself under Wine, with the relay of this system.
//!
//! Wine is not run unless it is asked for: it takes a download of 100 MB once, and 1.4 GB of disk while it runs. What Wine
//! does not have cannot be tried: the firewall's question, a console of Windows' own, and the message that its window is closed.

mod trial;
mod installer;

use std::{fs, path::Path};

use anyhow::Result;

use crate::{
    dist::windows,
    run::{run, step},
    setup, tree,
};
use trial::Trial;

/// Clippy of what is compiled for Windows alone.
pub(super) fn clippy() -> Result<()> {
    let tools = setup::windows()?;
    step("clippy, Windows", || {
        let what = ["--package", "pasarela", "--all-targets", "--target-dir"];
        let target = tree::root().join("target/windows");
        run(tools.cargo("clippy").args(what).arg(target).args(["--", "--deny", "warnings"]))
    })
}

/// Runs the program; with the program that is given away, or one that is quicker to build.
pub(super) fn run_all(real: bool) -> Result<()> {
    let tools = setup::windows()?;
    let program = windows::build(&tools, if real { "dist" } else { "dev" })?;
    let prefix = tree::root().join("target/windows/wine");
    let wine = tools.wine(&prefix)?;
    let result = Trial::start(&wine, &program)
        .and_then(|trial| try_it(&trial, &prefix))
        .and_then(|()| installer::try_it(&wine, &program));
    wine.stop();
    let removed = fs::remove_dir_all(&prefix);
    result?;
    Ok(removed?)
}

fn try_it(trial: &Trial<'_>, folder: &Path) -> Result<()> {
    step("Windows: help says nothing of other systems", || trial.help())?;
    step("Windows: files as Notepad and PowerShell write them", || trial.files(folder))?;
    step("Windows: bridge and check, with a relay on Linux", || trial.bridge_and_check())?;
    step("Windows: serve, checked from Linux", || trial.serve(folder))?;
    step("Windows: a port that is taken is named", || trial.taken())?;
    step("Windows: Ctrl-C ends it, and it does not outlive its terminal", || trial.ends())?;
    step("Windows: a double click asks for the link", || trial.double_click())?;
    // Last: it starts Wine's server anew.
    step("Windows: no IPv6", || trial.no_ipv6())
}
