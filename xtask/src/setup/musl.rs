//! What compiles the native program into one static file for Linux: a compiler for musl's targets, with zig for C and as the linker; and
//! the emulators that run it here.

use std::{env::consts::ARCH, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{
    debian,
    sysroot::{Recipe, Toolchain},
    zig::Zig,
};
use crate::run::find;

/// A machine that the program is made for.
pub(crate) struct Machine {
    /// As Linux calls it, and the file of its program.
    pub(crate) name: &'static str,
    /// As Rust does.
    pub(crate) target: &'static str,
    /// What runs its programs elsewhere: one of [`EMULATORS`].
    emulator: &'static str,
    /// The compiler's options.
    flags: &'static str,
}

/// The start of a program comes from zig alone; a standard library of our own has none.
const FLAGS: &str = "-Clink-self-contained=no";

pub(crate) const MACHINES: [Machine; 4] = [
    Machine { name: "x86_64", target: "x86_64-unknown-linux-musl", emulator: "qemu-x86_64-static", flags: FLAGS },
    Machine { name: "aarch64", target: "aarch64-unknown-linux-musl", emulator: "qemu-aarch64-static", flags: FLAGS },
    Machine { name: "armv7", target: "armv7-unknown-linux-musleabihf", emulator: "qemu-arm-static", flags: FLAGS },
    // The processors of most cheap routers, which Rust does not link statically unless it is told to.
    Machine {
        name: "mipsel",
        target: "mipsel-unknown-linux-musl",
        emulator: "qemu-mipsel-static",
        flags: "-Clink-self-contained=no -Ctarget-feature=+crt-static",
    },
];

/// Those of Debian's package that are used.
const EMULATORS: [&str; 4] = [
    "usr/bin/qemu-x86_64-static",
    "usr/bin/qemu-aarch64-static",
    "usr/bin/qemu-arm-static",
    "usr/bin/qemu-mipsel-static",
];

/// What making static programs for a machine takes.
pub(crate) struct Tools {
    rust: Toolchain,
    zig: Zig,
    machine: &'static Machine,
}

pub(super) fn find_or_install(machine: &'static Machine) -> Result<Tools> {
    let recipe = Recipe {
        name: &format!("{}-unwind", machine.target),
        targets: &[machine.target],
        crates: "std,panic_abort,panic_unwind",
        panic: "unwind",
        objects: &[],
    };
    Ok(Tools { rust: recipe.find_or_install()?, zig: Zig::find_or_install()?, machine })
}

impl Machine {
    /// The one that runs this.
    pub(crate) fn here() -> Result<&'static Self> {
        Self::of(ARCH)
    }

    /// That one, or all.
    pub(crate) fn wanted(all: bool) -> Result<Vec<&'static Self>> {
        Ok(if all { MACHINES.iter().collect() } else { vec![Self::here()?] })
    }

    /// One of [`MACHINES`].
    pub(crate) fn of(name: &str) -> Result<&'static Self> {
        MACHINES.iter().find(|machine| machine.name == name).with_context(|| format!("no program is made for {name}"))
    }

    /// The emulator that runs its programs here; `None` if they run by themselves.
    pub(crate) fn emulator(&self) -> Result<Option<PathBuf>> {
        if self.name == ARCH {
            return Ok(None);
        }
        if let Some(installed) = find(self.emulator) {
            return Ok(Some(installed));
        }
        Ok(Some(debian::unpack(&["qemu-user-static"], &EMULATORS)?.join("usr/bin").join(self.emulator)))
    }
}

impl Tools {
    /// `cargo-zigbuild` for the machine.
    pub(crate) fn zigbuild(&self) -> Command {
        let mut command = self.zig.cargo(&self.rust, "zigbuild", self.machine.target);
        Zig::set_flags(&mut command, self.machine.target, self.machine.flags);
        command
    }
}
