//! What compiles the native program for macOS without a Mac: zig has what its programs are linked with.
//!
//! Nothing here can run them.

use std::process::Command;

use anyhow::Result;

use super::{
    sysroot::{Recipe, Toolchain},
    zig::Zig,
};

/// The oldest system that they are for: the first on Apple's own processors.
pub(crate) const OLDEST: (u16, u8) = (11, 0);

/// A Mac's processor, as Rust and our files call it, and the target.
pub(crate) const MACHINES: [(&str, &str); 2] = [("aarch64", "aarch64-apple-darwin"), ("x86_64", "x86_64-apple-darwin")];

/// What making programs for macOS takes.
pub(crate) struct Tools {
    rust: Toolchain,
    zig: Zig,
}

pub(super) fn find_or_install() -> Result<Tools> {
    let recipe = Recipe {
        name: "macos-unwind",
        targets: &MACHINES.map(|(_, target)| target),
        crates: "std,panic_abort,panic_unwind",
        panic: "unwind",
        objects: &[],
    };
    Ok(Tools { rust: recipe.find_or_install()?, zig: Zig::find_or_install()? })
}

impl Tools {
    /// `cargo-zigbuild` for one of the targets.
    pub(crate) fn zigbuild(&self, target: &str) -> Command {
        let mut command = self.zig.cargo(&self.rust, "zigbuild", target);
        let (major, minor) = OLDEST;
        command.env("MACOSX_DEPLOYMENT_TARGET", format!("{major}.{minor}"));
        command
    }
}
