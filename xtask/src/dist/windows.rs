//! The program for Windows, in target/dist/native beside those for Linux: alone, in a zip, in an installer, and a script that installs it.
//!
//! One file that needs nothing but what every Windows 10 has. Nobody has signed it. The stage `windows` runs it and the installer, under
//! Wine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{facts::Facts, native, zip};
use crate::{
    build,
    run::{run, step},
    setup::{self, windows},
    tree,
};

const NAME: &str = "pasarela-x86_64-windows.exe";

/// Libraries that every Windows from 10 on has, but for the parts of its C runtime and of its interface, which are many.
const SYSTEM: [&str; 11] = [
    "bcryptprimitives.dll",
    "combase.dll",
    "dbghelp.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "ntdll.dll",
    "oleaut32.dll",
    "psapi.dll",
    "rpcrt4.dll",
    "userenv.dll",
    "ws2_32.dll",
];
const PARTS: &str = "api-ms-win-";

/// Builds and collects it; what is there for other systems stays.
pub(super) fn make() -> Result<PathBuf> {
    build::edge(build::Form::Real)?;
    let built = build(&setup::windows()?, "dist")?;
    let folder = tree::root().join("target/dist/native");
    fs::create_dir_all(&folder)?;
    native::collect(&built, &folder.join(NAME))?;
    pack(&built, &folder)?;
    let script = fs::read_to_string(tree::root().join("packaging/windows/install.ps1"))?;
    fs::write(folder.join("install.ps1"), lines(&script))?;
    native::sum(&folder)?;
    Ok(folder)
}

/// Makes a zip and an installer of a program; returns the installer.
pub(crate) fn pack(program: &Path, folder: &Path) -> Result<PathBuf> {
    let facts = Facts::gather(None)?;
    let version = facts.get("version")?;
    let content = tree::root().join("target/windows/content");
    let name = format!("pasarela-{version}-windows-x86_64");
    step("make a zip and an installer for Windows", || {
        fs::create_dir_all(&content)?;
        let text = |path: &str| fs::read_to_string(tree::root().join(path)).with_context(|| format!("no {path}"));
        let files = [
            ("pasarela.exe", fs::read(program).with_context(|| format!("no {}", program.display()))?),
            ("README.txt", lines(&facts.fill("windows/README.txt", &[])?).into_bytes()),
            ("LICENSE-MIT.txt", lines(&text("LICENSE-MIT")?).into_bytes()),
            ("LICENSE-APACHE.txt", lines(&text("LICENSE-APACHE")?).into_bytes()),
        ];
        for (name, bytes) in &files {
            fs::write(content.join(name), bytes)?;
        }
        zip::write(&folder.join(format!("{name}.zip")), &files.map(|(name, bytes)| (name.to_owned(), bytes)))
    })?;
    let installer = folder.join(format!("{name}-setup.exe"));
    let mut makensis = setup::makensis()?;
    makensis.args(["-V2", "-WX"]).arg(format!("-DVERSION={version}")).arg(format!("-DNUMBERS={version}.0"));
    makensis.arg(format!("-DFOLDER={}", content.display())).arg(format!("-DOUTPUT={}", installer.display()));
    // It finds the files by their whole paths, wherever it is.
    makensis.arg(tree::root().join("packaging/windows/installer.nsi")).env("SOURCE_DATE_EPOCH", facts.get("epoch")?);
    run(&mut makensis)?;
    for file in [&installer, &folder.join(format!("{name}.zip"))] {
        eprintln!("    {}: {:.1} MB", file.display(), fs::metadata(file)?.len() as f64 / 1e6);
    }
    Ok(installer)
}

/// A text with the ends of lines that every Windows shows.
fn lines(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// Builds it alone, in a profile of Cargo.toml; returns where it is.
pub(crate) fn build(tools: &windows::Tools, profile: &str) -> Result<PathBuf> {
    let target = tree::root().join("target/windows");
    step("build the program for Windows (some minutes the first time)", || {
        let build = ["--package", "pasarela", "--bin", "pasarela", "--profile", profile];
        run(tools.cargo("zigbuild").args(build).arg("--target-dir").arg(&target))
    })?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let program = target.join(windows::TARGET).join(folder).join("pasarela.exe");
    needs_only_the_system(&program)?;
    Ok(program)
}

/// A library of a compiler's would have to be given away with it.
fn needs_only_the_system(program: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("no {}", program.display()))?;
    let letters = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"-_.+".contains(byte));
    let words = bytes.split(letters).filter_map(|word| std::str::from_utf8(word).ok()).map(str::to_ascii_lowercase);
    let libraries: BTreeSet<_> = words.filter(|word| word.len() > 4 && word.ends_with(".dll")).collect();
    let foreign: Vec<_> =
        libraries.iter().filter(|name| !SYSTEM.contains(&name.as_str()) && !name.starts_with(PARTS)).collect();
    ensure!(libraries.contains("kernel32.dll") && foreign.is_empty(), "it names {foreign:?}");
    Ok(())
}
