//! A compiler with the standard library of another target.
//!
//! Usually `rustup target add` is all it takes. Where only package registries can be reached, Debian has a recent rustc
//! and the standard library's source: the library is built from it once, into a sysroot of our own in the cache, so that
//! nothing of the system's is changed. What is compiled with it is for `wasm` and `musl` to say.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{debian, remove};
use crate::{
    run::{find, output, run, step},
    tree,
};

const DEBIAN: [&str; 4] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src", "rust-web-clippy"];
const RUSTC: &str = "/usr/bin/rustc";

/// Targets and how their standard library is built.
pub(super) struct Recipe {
    /// Names the sysroot in the cache.
    pub(super) name: &'static str,
    pub(super) targets: &'static [&'static str],
    /// The crates of the standard library, for cargo's `-Zbuild-std`.
    pub(super) crates: &'static str,
    /// What a panic does, as the programs' profile has it: the library must have been built for it.
    pub(super) panic: &'static str,
    /// Where programs of a target begin and end, of the standard library's folder for that.
    pub(super) objects: &'static [&'static str],
}

/// Which compiler has the targets.
pub(crate) enum Toolchain {
    /// The one in PATH.
    Default,
    /// One with a sysroot of its own in this folder.
    Private(PathBuf),
}

impl Toolchain {
    /// Tells a command to compile with it.
    pub(super) fn set(&self, command: &mut Command) {
        if let Self::Private(sysroot) = self {
            command.env("RUSTC", sysroot.join("bin/rustc")).env_remove("RUSTUP_TOOLCHAIN");
        }
    }

    /// The cargo that goes with it.
    pub(super) fn cargo(&self) -> PathBuf {
        match self {
            Self::Default => PathBuf::from("cargo"),
            Self::Private(sysroot) => sysroot.join("bin/cargo"),
        }
    }
}

impl Recipe {
    pub(super) fn find_or_install(&self) -> Result<Toolchain> {
        if self.targets.iter().all(|target| is_there(target)) {
            return Ok(Toolchain::Default);
        }
        let cache = tree::cache()?;
        if let Some(sysroot) = self.finished(&cache)? {
            return Ok(Toolchain::Private(sysroot));
        }
        let list = self.targets.join(" ");
        let added = step(&format!("rustup target add {list}"), || {
            let mut rustup = Command::new("rustup");
            let added = run(rustup.args(["target", "add"]).args(self.targets).env("RUST_BACKTRACE", "0"));
            if let Err(error) = &added {
                eprintln!("    not to be had from rustup; trying Debian's packages ({error:#})");
            }
            Ok(added.is_ok())
        })?;
        if added {
            return Ok(Toolchain::Default);
        }
        if !debian::is_here() {
            bail!("no compiler for {list}: `rustup target add {list}` must work, or this must be a Debian system");
        }
        debian::install(&DEBIAN)?;
        let name = self.name;
        let sysroot =
            step(&format!("build the standard library for {name} (once; a minute or two)"), || self.build(&cache))?;
        Ok(Toolchain::Private(sysroot))
    }

    /// The sysroot in the cache for the compiler that is installed now.
    fn finished(&self, cache: &Path) -> Result<Option<PathBuf>> {
        if !Path::new(RUSTC).is_file() {
            return Ok(None);
        }
        let sysroot = self.sysroot(cache)?;
        Ok(sysroot.join("finished").is_file().then_some(sysroot))
    }

    fn sysroot(&self, cache: &Path) -> Result<PathBuf> {
        let version = output(Command::new(RUSTC).arg("--version"))?;
        let number = version.split(' ').nth(1).context("rustc --version printed no version")?;
        Ok(cache.join(format!("{}-sysroot-{number}", self.name)))
    }

    fn build(&self, cache: &Path) -> Result<PathBuf> {
        let sysroot = self.sysroot(cache)?;
        if sysroot.exists() {
            remove(&sysroot)?;
        }
        let work = sysroot.join("std");
        self.build_std(&work)?;
        for target in self.targets {
            let libraries = sysroot.join("lib/rustlib").join(target).join("lib");
            fs::create_dir_all(&libraries)?;
            for entry in fs::read_dir(work.join("target").join(target).join("release/deps"))? {
                let file = entry?.path();
                if file.extension().is_some_and(|extension| extension == "rlib") {
                    fs::copy(&file, libraries.join(file.file_name().context("a library without a name")?))?;
                }
            }
            for name in self.objects {
                let sources = output(Command::new(RUSTC).args(["--print", "sysroot"]))?;
                let source = Path::new(&sources).join("lib/rustlib/src/rust/library/rtstartup").join(name);
                run(Command::new(RUSTC)
                    .args(["--target", target, "--crate-type=lib", "--emit=obj", "-o"])
                    .arg(libraries.join(name).with_extension("o"))
                    .arg(source.with_extension("rs"))
                    .env("RUSTC_BOOTSTRAP", "1"))?;
            }
        }
        remove(&work)?;
        link_host(&sysroot)?;
        fs::write(sysroot.join("finished"), "")?;
        Ok(sysroot)
    }

    /// Builds std as the dependency of an empty library.
    fn build_std(&self, work: &Path) -> Result<()> {
        fs::create_dir_all(work.join("src"))?;
        fs::write(work.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2021\"\n\n[workspace]\n")?;
        fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;
        run(Command::new("cargo")
            .args(["build", "--release"])
            .args(self.targets.iter().flat_map(|target| ["--target", target]))
            .arg(format!("-Zbuild-std={}", self.crates))
            .current_dir(work)
            // Bitcode, because what uses it is linked with lto.
            .envs([("RUSTC", RUSTC), ("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Cembed-bitcode=yes")])
            .env("CARGO_PROFILE_RELEASE_PANIC", self.panic)
            .env("CARGO_TARGET_DIR", work.join("target"))
            .env_remove("RUSTUP_TOOLCHAIN"))
    }
}

/// Whether the compiler in PATH has the target.
fn is_there(target: &str) -> bool {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
    libraries.is_ok_and(|folder| Path::new(&folder).is_dir())
}

/// Links what the compiler needs of the host, and wraps it so that it uses this sysroot.
fn link_host(sysroot: &Path) -> Result<()> {
    let version = output(Command::new(RUSTC).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    let own = sysroot.join("lib/rustlib").join(host);
    fs::create_dir_all(own.join("bin"))?;
    symlink(Path::new("/usr/lib/rustlib").join(host).join("lib"), own.join("lib"))?;
    symlink(linker(host)?, own.join("bin/rust-lld"))?;
    let bin = sysroot.join("bin");
    fs::create_dir_all(&bin)?;
    let rustc = bin.join("rustc");
    fs::write(&rustc, format!("#!/bin/sh\nexec {RUSTC} --sysroot '{}' \"$@\"\n", sysroot.display()))?;
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755))?;
    let cargo = output(Command::new("rustup").args(["which", "cargo"])).map(PathBuf::from);
    symlink(cargo.ok().or_else(|| find("cargo")).context("no cargo in PATH")?, bin.join("cargo"))?;
    symlink("/usr/bin/cargo-clippy", bin.join("cargo-clippy"))?;
    Ok(())
}

/// Rustup's own LLD, or Debian's.
fn linker(host: &str) -> Result<PathBuf> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let own = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
    if own.is_file() {
        return Ok(own);
    }
    debian::install(&["lld"])?;
    find("lld").context("no lld in PATH: install the package lld")
}
