//! A compiler for wasm32-unknown-unknown.
//!
//! Usually `rustup target add` is all it takes. Where only package registries can be reached, Debian has a recent rustc
//! and the standard library's source: the library is built from it once, into a sysroot of our own in the cache, so that
//! nothing of the system's is changed.

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

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN: [&str; 4] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src", "rust-web-clippy"];
const RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds the Worker.
pub(crate) enum Toolchain {
    /// The one in PATH has the target.
    Default,
    /// One with a sysroot of its own in this folder.
    Private(PathBuf),
}

pub(super) fn find_or_install() -> Result<Toolchain> {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if libraries.is_ok_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(Toolchain::Default);
    }
    let cache = tree::cache()?;
    if let Some(sysroot) = finished(&cache)? {
        return Ok(Toolchain::Private(sysroot));
    }
    let added = step(&format!("rustup target add {TARGET}"), || {
        let added = output(Command::new("rustup").args(["target", "add", TARGET]).env("RUST_BACKTRACE", "0"));
        match &added {
            Ok(_) => eprintln!("    added"),
            Err(error) => eprintln!("    not to be had from rustup; trying Debian's packages ({error:#})"),
        }
        Ok(added.is_ok())
    })?;
    if added {
        return Ok(Toolchain::Default);
    }
    if !debian::is_here() {
        bail!("no compiler for {TARGET}: `rustup target add {TARGET}` must work, or this must be a Debian system");
    }
    debian::install(&DEBIAN)?;
    step("build the standard library for wasm32 (once; about a minute)", || build(&cache)).map(Toolchain::Private)
}

/// The sysroot in the cache for the compiler that is installed now.
fn finished(cache: &Path) -> Result<Option<PathBuf>> {
    if !Path::new(RUSTC).is_file() {
        return Ok(None);
    }
    let sysroot = sysroot(cache)?;
    Ok(sysroot.join("finished").is_file().then_some(sysroot))
}

fn sysroot(cache: &Path) -> Result<PathBuf> {
    let version = output(Command::new(RUSTC).arg("--version"))?;
    let number = version.split(' ').nth(1).context("rustc --version printed no version")?;
    Ok(cache.join(format!("wasm-sysroot-{number}")))
}

fn build(cache: &Path) -> Result<PathBuf> {
    let sysroot = sysroot(cache)?;
    if sysroot.exists() {
        remove(&sysroot)?;
    }
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries)?;
    let work = sysroot.join("std");
    build_std(&work)?;
    for entry in fs::read_dir(work.join("target").join(TARGET).join("release/deps"))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "rlib") {
            fs::copy(&file, libraries.join(file.file_name().context("a library without a name")?))?;
        }
    }
    remove(&work)?;
    link_host(&sysroot)?;
    fs::write(sysroot.join("finished"), "")?;
    Ok(sysroot)
}

/// Builds std as the dependency of an empty library.
fn build_std(work: &Path) -> Result<()> {
    fs::create_dir_all(work.join("src"))?;
    fs::write(work.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2021\"\n\n[workspace]\n")?;
    fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;
    run(Command::new("cargo")
        .args(["build", "--quiet", "--release", "--target", TARGET])
        .arg("-Zbuild-std=std,panic_abort,panic_unwind,test,proc_macro")
        .current_dir(work)
        // Bitcode, because the Worker is linked with lto.
        .envs([("RUSTC", RUSTC), ("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Cembed-bitcode=yes")])
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env_remove("RUSTUP_TOOLCHAIN"))
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
