//! What the other commands need on this machine: found if it is there, installed if not.
//!
//! Nothing is installed into the tree but `node_modules`; the rest goes to a cache folder, keyed by version, and is kept.
//! What cannot be installed from here is named with what to do.

mod debian;
mod pypi;
mod npm;
pub(crate) mod android;
pub(crate) mod peers;
pub(crate) mod browser;
mod sysroot;
mod wasm;
mod zig;
pub(crate) mod musl;
pub(crate) mod boring;
pub(crate) mod windows;
pub(crate) mod macos;
mod packaging;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    run::{find, path_with, run, step},
    tree,
};

/// What building the Worker and the page's check takes.
pub(crate) struct Tools {
    wasm: sysroot::Toolchain,
}

/// Sets everything up, for every command but `bench`.
pub(crate) fn everything() -> Result<()> {
    worker()?;
    wasm_bindgen()?;
    go()?;
    static_linux(musl::Machine::here()?)?;
    peers::FOR_TESTS.iter().try_for_each(|name| peers::place(name))?;
    browser::chromium()?;
    cargo_deny()?;
    cargo_machete()?;
    Ok(())
}

/// What building and running the Worker takes.
pub(crate) fn worker() -> Result<Tools> {
    npm::install()?;
    Ok(Tools { wasm: wasm::find_or_install()? })
}

/// wasm-bindgen's programs: the runner of its unit tests, and what worker-build works with.
fn wasm_bindgen() -> Result<PathBuf> {
    cargo_tool("wasm-bindgen-cli", &tree::locked("wasm-bindgen")?, &[])
}

/// What making static programs for such a machine with Linux takes.
pub(crate) fn static_linux(machine: &'static musl::Machine) -> Result<musl::Tools> {
    musl::find_or_install(machine)
}

/// What making programs for Windows takes, and Wine to run them.
pub(crate) fn windows() -> Result<windows::Tools> {
    windows::find_or_install()
}

/// What making programs for macOS takes.
pub(crate) fn macos() -> Result<macos::Tools> {
    macos::find_or_install()
}

/// What makes packages.
pub(crate) fn nfpm() -> Result<PathBuf> {
    packaging::nfpm()
}

/// What makes installers for Windows.
pub(crate) fn makensis() -> Result<Command> {
    packaging::makensis()
}

/// What each system has to look at packages, all installed then.
pub(crate) fn package_checkers() -> Result<()> {
    packaging::checkers()
}

/// What building the Android app takes; what testing it takes besides is its stage's to fetch.
pub(crate) fn android() -> Result<android::Tools> {
    android::find_or_install()
}

/// The Go toolchain, for the driver of whatsmeow.
pub(crate) fn go() -> Result<PathBuf> {
    find("go").context("no go in PATH: install Go 1.26 or newer (https://go.dev/dl), the tests drive a Go client")
}

/// The Node.js that wrangler and the test clients run on, whatever the machine has.
pub(crate) fn node() -> PathBuf {
    tree::root().join("node_modules/.bin/node")
}

impl Tools {
    /// A command that compiles for wasm32, or runs programs that do.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let bin = tree::root().join("node_modules/.bin");
        let mut command = Command::new(program);
        command.current_dir(tree::root());
        self.wasm.set(&mut command);
        match &self.wasm {
            sysroot::Toolchain::Default => command.env("PATH", path_with(&[&bin])?),
            sysroot::Toolchain::Private(sysroot) => {
                command.env("PATH", path_with(&[&sysroot.join("bin"), &bin])?).env("SYSROOT", sysroot)
            }
        };
        Ok(command)
    }

    /// Cargo with the compiler that knows wasm32.
    pub(crate) fn cargo(&self) -> Result<Command> {
        self.command(self.wasm.cargo())
    }

    /// The same for unit tests, which run in Node.js.
    pub(crate) fn testing_cargo(&self) -> Result<Command> {
        let mut cargo = self.cargo()?;
        let runner = wasm_bindgen()?.join("wasm-bindgen-test-runner");
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
        Ok(cargo)
    }

    /// What other Workers in Rust are built with.
    pub(crate) fn worker_build(&self) -> Result<Command> {
        let installed = cargo_tool("worker-build", &tree::locked("worker")?, &["pkg-config", "libssl-dev"])?;
        let bin = tree::root().join("node_modules/.bin");
        let mut command = self.command(installed.join("worker-build"))?;
        command
            .env("WASM_BINDGEN_BIN", wasm_bindgen()?.join("wasm-bindgen"))
            .env("WASM_OPT_BIN", bin.join("wasm-opt"))
            .env("ESBUILD_BIN", bin.join("esbuild"));
        Ok(command)
    }
}

/// What looks at licences and sources; returns the folder of its program.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_tool("cargo-deny", "0.20.2", &[])
}

/// What finds dependencies that nobody uses; returns the folder of its program.
pub(crate) fn cargo_machete() -> Result<PathBuf> {
    cargo_tool("cargo-machete", "0.9.2", &[])
}

/// What looks at the workflows of `.github`.
pub(crate) fn actionlint() -> Result<PathBuf> {
    let bin = go_tool("github.com/rhysd/actionlint", "1.7.12", "github.com/rhysd/actionlint/cmd/actionlint")?;
    Ok(bin.join("actionlint"))
}

/// A program from the crates registry, in the cache; returns the folder of its binaries.
fn cargo_tool(name: &str, version: &str, debian: &[&str]) -> Result<PathBuf> {
    let folder = tool_folder(name, version)?;
    if !is_installed(&folder) {
        debian::install(debian)?;
    }
    install(name, version, &folder, |command| {
        command
            // It runs for a second at a time: building it quickly matters more than its speed.
            .envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off")])
            .envs([("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"), ("CARGO_PROFILE_RELEASE_DEBUG", "0")])
    })
}

/// The same for a program whose speed is measured: built as its authors and our own program are, with these features only.
fn optimised_tool(name: &str, version: &str, features: &str) -> Result<PathBuf> {
    // With others it is another program, which the cache may have as well.
    let folder = tool_folder(&format!("{name}+{}", features.replace(',', "+")), version)?;
    install(name, version, &folder, |command| {
        command
            .args(["--no-default-features", "--features", features])
            .envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"), ("CARGO_PROFILE_RELEASE_LTO", "thin")])
            .envs([("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"), ("CARGO_PROFILE_RELEASE_DEBUG", "0")])
    })
}

/// A program from the Go module proxy, in the cache; returns the folder of its binaries.
fn go_tool(module: &str, version: &str, package: &str) -> Result<PathBuf> {
    let folder = tool_folder(&package.replace('/', "-"), version)?;
    let bin = folder.join("bin");
    // Go puts a program there when it is whole.
    if bin.read_dir().is_ok_and(|mut files| files.next().is_some()) {
        return Ok(bin);
    }
    step(&format!("install {package} {version} (once; some minutes)"), || {
        std::fs::create_dir_all(&bin)?;
        // Of a module of our own that needs it: `go install` asks for a list of all versions, which a proxy may refuse.
        std::fs::write(folder.join("go.mod"), format!("module peer\n\nrequire {module} v{version}\n"))?;
        let mut command = Command::new(go()?);
        command.args(["build", "-mod=mod", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(&bin).arg(package);
        run(command.current_dir(&folder).env("CGO_ENABLED", "0"))
    })?;
    Ok(bin)
}

/// Installs it into this folder, unless it is there.
fn install(name: &str, version: &str, folder: &Path, set: impl Fn(&mut Command) -> &mut Command) -> Result<PathBuf> {
    let bin = folder.join("bin");
    if is_installed(folder) {
        return Ok(bin);
    }
    step(&format!("install {name} {version} (once; some minutes)"), || {
        let target = tree::cache()?.join("tools/target");
        let build = |locked: &[&str]| {
            let mut command = Command::new("cargo");
            command.args(["install", name, "--version", version, "--root"]).arg(folder).args(locked);
            run(set(&mut command).env("CARGO_TARGET_DIR", &target))
        };
        build(&["--locked"]).or_else(|error| {
            // A mirror may lack, and a registry may have taken back, what the program's authors had that day.
            eprintln!("    {error:#}\n    again, with what the registry has instead");
            build(&[])
        })?;
        remove(&target)
    })?;
    Ok(bin)
}

/// Cargo begins its list before it builds, and fills it when the program is there.
fn is_installed(folder: &Path) -> bool {
    folder.join(".crates.toml").metadata().is_ok_and(|list| list.len() > 0)
}

fn tool_folder(name: &str, version: &str) -> Result<PathBuf> {
    Ok(tree::cache()?.join(format!("tools/{name}-{version}")))
}

fn remove(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}
