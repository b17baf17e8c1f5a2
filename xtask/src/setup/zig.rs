//! Zig, a C compiler and linker for systems other than this one, and cargo-zigbuild, which gives it to cargo. Both come from PyPI.
//!
//! Where the Rust compiler for a target comes from is `sysroot`'s part.

use std::{
    env::consts::ARCH,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::{pypi, sysroot::Toolchain};
use crate::{run::run, tree};

/// Versions, with the hashes of the wheels for Linux on x86-64 and on ARM.
const PROGRAMS: &str = "\
cargo-zigbuild==0.24.0 \
--hash=sha256:484412e39e4c6039474535ce97ee75a22bab22d58233056f8ec8a8f9034bb957 \
--hash=sha256:6942e4320f7b05d8fb29e0a8ce5670bcbb3d254275100b85b5b7c86552f9a744
ziglang==0.17.1 \
--hash=sha256:ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54 \
--hash=sha256:b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e
";
const FOLDER: &str = "tools/zig-0.17.1-zigbuild-0.24.0";

/// Which machines they are pinned for.
const HOSTS: [&str; 2] = ["x86_64", "aarch64"];

/// Both programs.
pub(super) struct Zig {
    folder: PathBuf,
}

impl Zig {
    pub(super) fn find_or_install() -> Result<Self> {
        if !HOSTS.contains(&ARCH) {
            bail!("zig is pinned for Linux on {} only, and this is {ARCH}", HOSTS.join(" and "));
        }
        Ok(Self { folder: pypi::unpack(FOLDER, PROGRAMS, "zig and cargo-zigbuild (100 MB)")? })
    }

    /// `cargo-zigbuild` with one of the commands that it knows, `zigbuild` or `clippy`, for a target.
    pub(super) fn cargo(&self, rust: &Toolchain, what: &str, target: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin/cargo-zigbuild"));
        rust.set(&mut command);
        command
            .current_dir(tree::root())
            .args([what, "--locked", "--target", target])
            .env("CARGO", rust.cargo())
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.program())
            .env("ZIG_GLOBAL_CACHE_DIR", self.cache())
            .env("CARGO_ZIGBUILD_CACHE_DIR", self.folder.join("wrappers"));
        command
    }

    /// The compiler's options for all that is built for a target by this command.
    pub(super) fn set_flags(command: &mut Command, target: &str, flags: &str) {
        command.env(format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_")), flags);
    }

    /// Makes a shared library of a text in C, for a target as zig calls it.
    pub(super) fn library(&self, source: &str, target: &str, file: &Path, with: &[&str]) -> Result<()> {
        let text = file.with_extension("c");
        std::fs::write(&text, source)?;
        let mut compiler = Command::new(self.program());
        compiler.args(["cc", "-target", target, "-shared", "-o"]).arg(file).arg(&text).args(with);
        run(compiler.env("ZIG_GLOBAL_CACHE_DIR", self.cache()))
    }

    fn program(&self) -> PathBuf {
        self.folder.join("ziglang/zig")
    }

    /// What it compiles by itself: a system's C library, and the start of a program.
    fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }
}
