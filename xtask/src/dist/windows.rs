//! The program for Windows, in target/dist/native beside those for Linux.
//!
//! One file that needs nothing but what every Windows 10 has. Nobody has signed it. The stage `windows` runs it, under Wine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::native;
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
    native::sum(&folder)?;
    Ok(folder)
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
