//! A compiler with the standard library of another target.
//!
//! Usually `rustup target add` is all it takes. For a target that rustup has not built, or where it has no such target, the library is
//! built from its source once, rustup's or Debian's, into a sysroot of our own in the cache, so that nothing of the system's is changed.
//! What is compiled with it is for the other modules here to say.

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

/// Where Debian's compiler is.
const DEBIANS: &str = "/usr";

/// The standard library's source, below where a compiler is.
const SOURCE: &str = "lib/rustlib/src/rust/library";

/// Targets and how their standard library is built.
pub(super) struct Recipe<'a> {
    /// Names the sysroot in the cache.
    pub(super) name: &'a str,
    pub(super) targets: &'a [&'static str],
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

impl Recipe<'_> {
    pub(super) fn find_or_install(&self) -> Result<Toolchain> {
        if self.targets.iter().all(|target| is_there(target)) {
            return Ok(Toolchain::Default);
        }
        for compiler in Compiler::all() {
            let sysroot = self.sysroot(&compiler)?;
            if sysroot.join("finished").is_file() {
                return Ok(Toolchain::Private(sysroot));
            }
        }
        let list = self.targets.join(" ");
        if rustup(&[&["target", "add"], self.targets].concat())? {
            return Ok(Toolchain::Default);
        }
        let compiler = Compiler::with_source(&list)?;
        let name = self.name;
        let sysroot =
            step(&format!("build the standard library for {name} (once; a minute or two)"), || self.build(&compiler))?;
        Ok(Toolchain::Private(sysroot))
    }

    /// The sysroot in the cache that goes with a compiler.
    fn sysroot(&self, compiler: &Compiler) -> Result<PathBuf> {
        let version = output(Command::new(compiler.rustc()).arg("--version"))?;
        let number = version.split(' ').nth(1).context("rustc --version printed no version")?;
        Ok(tree::cache()?.join(format!("{}-sysroot-{number}", self.name)))
    }

    fn build(&self, compiler: &Compiler) -> Result<PathBuf> {
        let sysroot = self.sysroot(compiler)?;
        if sysroot.exists() {
            remove(&sysroot)?;
        }
        let work = sysroot.join("std");
        self.build_std(compiler, &work)?;
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
                let source = compiler.root.join(SOURCE).join("rtstartup").join(name);
                run(Command::new(compiler.rustc())
                    .args(["--target", target, "--crate-type=lib", "--emit=obj", "-o"])
                    .arg(libraries.join(name).with_extension("o"))
                    .arg(source.with_extension("rs"))
                    .env("RUSTC_BOOTSTRAP", "1"))?;
            }
        }
        remove(&work)?;
        compiler.link_host(&sysroot)?;
        fs::write(sysroot.join("finished"), "")?;
        Ok(sysroot)
    }

    /// Builds std as the dependency of an empty library.
    fn build_std(&self, compiler: &Compiler, work: &Path) -> Result<()> {
        fs::create_dir_all(work.join("src"))?;
        fs::write(work.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2021\"\n\n[workspace]\n")?;
        fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;
        run(Command::new("cargo")
            .args(["build", "--release"])
            .args(self.targets.iter().flat_map(|target| ["--target", target]))
            .arg(format!("-Zbuild-std={}", self.crates))
            .current_dir(work)
            // Bitcode, because what uses it is linked with lto.
            .envs([("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Cembed-bitcode=yes")])
            .env("RUSTC", compiler.rustc())
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

/// Tells rustup to get something; whether it did.
fn rustup(words: &[&str]) -> Result<bool> {
    step(&format!("rustup {}", words.join(" ")), || {
        let got = run(Command::new("rustup").args(words).env("RUST_BACKTRACE", "0"));
        if let Err(error) = &got {
            eprintln!("    not to be had from rustup ({error:#})");
        }
        Ok(got.is_ok())
    })
}

/// A compiler, by the folder that it is in.
struct Compiler {
    root: PathBuf,
}

impl Compiler {
    /// Those that are installed: the one in PATH, and Debian's.
    fn all() -> Vec<Self> {
        let in_path = output(Command::new("rustc").args(["--print", "sysroot"])).ok().map(PathBuf::from);
        let roots = in_path.into_iter().chain([PathBuf::from(DEBIANS)]);
        roots.map(|root| Self { root }).filter(|compiler| compiler.rustc().is_file()).collect()
    }

    /// One that has the standard library's source. Rustup's knows every target that there is.
    fn with_source(list: &str) -> Result<Self> {
        let has_source = |compiler: &Self| compiler.root.join(SOURCE).is_dir();
        if rustup(&["component", "add", "rust-src"])?
            && let Some(compiler) = Self::all().into_iter().find(has_source)
        {
            return Ok(compiler);
        }
        if !debian::is_here() {
            bail!(
                "no compiler for {list}: `rustup target add {list}` or `rustup component add rust-src` must work, or this must be a Debian system"
            );
        }
        debian::install(&DEBIAN)?;
        Self::all().into_iter().find(has_source).context("Debian's packages have no source of the standard library")
    }

    fn rustc(&self) -> PathBuf {
        self.root.join("bin/rustc")
    }

    /// Links what the compiler needs of the host, and wraps it so that it uses this sysroot.
    fn link_host(&self, sysroot: &Path) -> Result<()> {
        let rustc = self.rustc();
        let version = output(Command::new(&rustc).arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
        let own = sysroot.join("lib/rustlib").join(host);
        fs::create_dir_all(own.join("bin"))?;
        symlink(self.root.join("lib/rustlib").join(host).join("lib"), own.join("lib"))?;
        symlink(linker(host)?, own.join("bin/rust-lld"))?;
        let bin = sysroot.join("bin");
        fs::create_dir_all(&bin)?;
        let wrapper = bin.join("rustc");
        let words = format!("exec '{}' --sysroot '{}' \"$@\"", rustc.display(), sysroot.display());
        fs::write(&wrapper, format!("#!/bin/sh\n{words}\n"))?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
        let cargo = output(Command::new("rustup").args(["which", "cargo"])).map(PathBuf::from);
        symlink(cargo.ok().or_else(|| find("cargo")).context("no cargo in PATH")?, bin.join("cargo"))?;
        symlink(self.root.join("bin/cargo-clippy"), bin.join("cargo-clippy"))?;
        Ok(())
    }
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
