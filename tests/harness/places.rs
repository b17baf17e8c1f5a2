//! Where the built Worker, the runtimes and the clients' drivers are.
//!
//! They are made by `cargo xtask`; a path that is missing says which command makes it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result, bail, ensure};

/// The project's root folder.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// A file that must be there, by its path from the root.
///
/// # Errors
/// It is not, with the command that makes it.
pub fn made(path: &str) -> Result<PathBuf> {
    let file = root().join(path);
    if !file.exists() {
        bail!("{path} is missing: run `cargo xtask test e2e` or `cargo xtask bench`, which make it");
    }
    Ok(file)
}

/// The native program, built as its sources are now.
///
/// # Errors
/// It does not build.
pub fn program() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    // With the package of the tests: alone it would have other features of its libraries, and so other libraries.
    let packages = ["--package", "pasarela", "--package", "pasarela-e2e", "--bin", "pasarela"];
    BUILT.get_or_init(|| built(&packages).map_err(|error| format!("{error:#}"))).clone().map_err(anyhow::Error::msg)
}

/// The first program that `cargo build` makes of these packages, as their sources are now.
///
/// # Errors
/// It does not build.
pub fn built(packages: &[&str]) -> Result<PathBuf> {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--message-format=json-render-diagnostics"]).args(packages).current_dir(root());
    let built = build.stderr(Stdio::inherit()).output().context("no cargo")?;
    ensure!(built.status.success(), "the program does not build");
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = messages.find_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
    program.context("cargo tells of no program")
}

/// Two versions of the runtime: with and without `bufferedAmount` and large reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// The newest that package.json pins.
    New,
    /// 2026-07-30.
    Old,
}

impl Runtime {
    /// Its program.
    ///
    /// # Errors
    /// It is not installed.
    pub fn program(self) -> Result<PathBuf> {
        let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
        let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
        made(&match self {
            Self::New => format!("node_modules/@cloudflare/workerd-{system}-{machine}/bin/workerd"),
            Self::Old => format!("node_modules/workerd-old-{system}-{machine}/bin/workerd"),
        })
    }
}
