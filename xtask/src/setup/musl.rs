//! What compiles the native program into one static file for Linux: a compiler for musl's targets, and zig as the C
//! compiler and linker for them.
//!
//! Zig and cargo-zigbuild come from PyPI. Where the compiler comes from is `sysroot`'s part.

use std::{env::consts::ARCH, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::{
    debian, pypi,
    sysroot::{Recipe, Toolchain},
};
use crate::{run::find, tree};

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

/// Which machines the program is made for, as Rust and Linux call them.
pub(crate) const MACHINES: [&str; 2] = ["x86_64", "aarch64"];
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// What making static programs takes.
pub(crate) struct Tools {
    rust: Toolchain,
    zig: PathBuf,
}

pub(super) fn find_or_install() -> Result<Tools> {
    let recipe = Recipe {
        name: "musl-unwind",
        targets: &TARGETS,
        crates: "std,panic_abort,panic_unwind",
        panic: "unwind",
        objects: &[],
    };
    Ok(Tools { rust: recipe.find_or_install()?, zig: zig()? })
}

impl Tools {
    /// `cargo-zigbuild` for these machines.
    pub(crate) fn zigbuild(&self, machines: &[&str]) -> Command {
        let mut command = Command::new(self.zig.join("bin/cargo-zigbuild"));
        self.rust.set(&mut command);
        command
            .current_dir(tree::root())
            .arg("zigbuild")
            .env("CARGO", self.rust.cargo())
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.zig.join("ziglang/zig"))
            // What zig compiles by itself: musl, and the start of a program.
            .env("ZIG_GLOBAL_CACHE_DIR", self.zig.join("cache"))
            .env("CARGO_ZIGBUILD_CACHE_DIR", self.zig.join("wrappers"));
        for target in machines.iter().map(|machine| target(machine)) {
            // The start of a program comes from zig alone; a standard library of our own has none.
            let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
            command.arg("--target").arg(&target).env(variable, "-Clink-self-contained=no");
        }
        command
    }
}

/// What Rust calls such a machine with Linux and musl.
pub(crate) fn target(machine: &str) -> String {
    format!("{machine}-unknown-linux-musl")
}

/// The folder with both programs.
pub(super) fn zig() -> Result<PathBuf> {
    if !MACHINES.contains(&ARCH) {
        bail!("zig is pinned for Linux on {} only, and this is {ARCH}", MACHINES.join(" and "));
    }
    pypi::unpack(FOLDER, PROGRAMS, "zig and cargo-zigbuild (100 MB)")
}

/// The emulator that runs a machine's programs here; `None` if they run by themselves.
pub(crate) fn emulator(machine: &str) -> Result<Option<PathBuf>> {
    if machine == ARCH {
        return Ok(None);
    }
    let name = format!("qemu-{machine}-static");
    if let Some(installed) = find(&name) {
        return Ok(Some(installed));
    }
    let folder = debian::unpack(&["qemu-user-static"], &[&format!("usr/bin/{name}")])?;
    let emulator = folder.join("usr/bin").join(name);
    emulator.is_file().then_some(Some(emulator)).context("Debian's qemu-user-static has no such emulator")
}
