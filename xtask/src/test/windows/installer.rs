//! The installer and the zip under Wine: silently installed, run from there, installed over itself, removed with nothing left.
//!
//! What Wine cannot show: SmartScreen's warning, and what the installer's own window looks like.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    dist::windows,
    run::{output, run, step},
    setup::windows::Wine,
    tree,
};

/// The uninstaller goes on after its first process has ended.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// What Windows lists among its apps.
const ENTRY: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Pasarela";

pub(super) fn try_it(wine: &Wine, program: &Path) -> Result<()> {
    let folder = tree::root().join("target/windows/packed");
    fs::create_dir_all(&folder)?;
    let installer = windows::pack(program, &folder)?;
    let first = fs::read(&installer)?;
    windows::pack(program, &folder)?;
    ensure!(fs::read(&installer)? == first, "made again, the installer is another: {}", installer.display());
    step("Windows: the installer installs, updates and removes", || installs(wine, &installer))?;
    step("Windows: the program in the zip runs", || unzipped(wine, &installer))?;
    Ok(fs::remove_dir_all(folder)?)
}

fn installs(wine: &Wine, installer: &Path) -> Result<()> {
    let before = files(wine)?;
    // The second time as an update.
    for _ in 0..2 {
        run(wine.command(installer).arg("/S"))?;
    }
    let added: Vec<_> = files(wine)?.into_iter().filter(|file| !before.contains(file)).collect();
    let find =
        |name: &str| added.iter().find(|file| file.ends_with(name)).with_context(|| format!("no {name} in {added:?}"));
    let program = find("AppData/Local/Pasarela/pasarela.exe")?;
    find("Start Menu/Programs/Pasarela.lnk")?;
    let uninstaller = find("Pasarela/uninstall.exe")?;
    says_help(wine, program)?;
    let listed = output(wine.command("reg").args(["query", ENTRY]))?;
    let version = tree::of_all_packages("version")?;
    ensure!(listed.contains(&version) && listed.contains("UninstallString"), "Windows lists it as {listed}");
    run(wine.command(uninstaller).arg("/S"))?;
    let limit = Instant::now() + PATIENCE;
    let mut left = added.clone();
    while !left.is_empty() {
        ensure!(Instant::now() < limit, "it leaves behind {left:?}");
        thread::sleep(LOOK);
        left.retain(|file| file.exists());
    }
    let folder = program.parent().context("no folder")?;
    ensure!(!folder.exists(), "it leaves {} behind", folder.display());
    ensure!(output(wine.command("reg").args(["query", ENTRY])).is_err(), "Windows still lists it");
    Ok(())
}

fn unzipped(wine: &Wine, installer: &Path) -> Result<()> {
    let zip = installer.to_string_lossy().replace("-setup.exe", ".zip");
    let room = wine.folder().join("unzipped");
    run(Command::new("python3").args(["-m", "zipfile", "-e", &zip]).arg(&room))?;
    for file in ["README.txt", "LICENSE-MIT.txt", "LICENSE-APACHE.txt"] {
        ensure!(fs::read_to_string(room.join(file))?.contains("\r\n"), "{file} is not as Notepad has texts");
    }
    says_help(wine, &room.join("pasarela.exe"))
}

fn says_help(wine: &Wine, program: &Path) -> Result<()> {
    let help = output(wine.command(program).arg("--help"))?;
    ensure!(help.contains("Usage: pasarela"), "{} --help says {help:?}", program.display());
    Ok(())
}

/// All files of users.
fn files(wine: &Wine) -> Result<Vec<PathBuf>> {
    let users = wine.folder().join("drive_c/users");
    let found = output(Command::new("find").arg(users).args(["-type", "f", "-not", "-path", "*/Temp/*"]))?;
    Ok(found.lines().map(PathBuf::from).collect())
}
