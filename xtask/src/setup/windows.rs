//! What compiles the native program for Windows, and Wine, which runs it here.
//!
//! The compiler for C and the linker are zig's, as for musl: nothing of mingw is needed. Wine is the one in PATH, or Debian's in the
//! cache. What is tried with it is the stage's part.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{
    debian, remove,
    sysroot::{Recipe, Toolchain},
    zig::Zig,
};
use crate::run::{find, output, step};

/// The target, with the runtime that every Windows has had for decades, so that nothing is to be installed.
pub(crate) const TARGET: &str = "x86_64-pc-windows-gnu";

/// Debian's package; 100 MB with what it needs, and 670 MB unpacked.
const WINE: &str = "wine64";

/// What Wine 8 lacks and Windows 10 has: the standard library's randomness.
const RANDOMNESS: &str = include_str!("windows/bcryptprimitives.c");

/// A system without IPv6, for Wine's server, which opens all sockets.
const NO_IPV6: &str = include_str!("windows/no_ipv6.c");

/// What making programs for Windows takes.
pub(crate) struct Tools {
    rust: Toolchain,
    zig: Zig,
}

pub(super) fn find_or_install() -> Result<Tools> {
    let recipe = Recipe {
        name: "windows-unwind",
        targets: &[TARGET],
        crates: "std,panic_abort,panic_unwind",
        panic: "unwind",
        objects: &["rsbegin", "rsend"],
    };
    Ok(Tools { rust: recipe.find_or_install()?, zig: Zig::find_or_install()? })
}

impl Tools {
    /// `cargo-zigbuild` with one of the commands that it knows, `zigbuild` or `clippy`.
    pub(crate) fn cargo(&self, what: &str) -> Command {
        let mut command = self.zig.cargo(&self.rust, what, TARGET);
        // The crate has its assembler files assembled, too: no nasm is needed.
        command.env("AWS_LC_SYS_PREBUILT_NASM", "1");
        if let Toolchain::Private(_) = self.rust {
            // A standard library of our own has no start of a program: that is zig's then.
            Zig::set_flags(&mut command, TARGET, "-Clink-self-contained=no");
        }
        command
    }

    /// Wine, with a Windows of its own in a folder.
    pub(crate) fn wine(&self, folder: &Path) -> Result<Wine> {
        if folder.exists() {
            remove(folder)?;
        }
        let wine = Wine::find_or_unpack(folder)?;
        step("start Wine", || {
            let system = wine.prefix.join("drive_c/windows/system32");
            fs::create_dir_all(&system)?;
            if let Some(root) = &wine.root {
                fs::copy(root.join("usr/x86_64-w64-mingw32/lib/zlib1.dll"), system.join("zlib1.dll"))?;
            }
            output(wine.command("wineboot").arg("--init"))?;
            output(wine.command("reg").args(["add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"]))?;
            let randomness = system.join("bcryptprimitives.dll");
            if !randomness.is_file() {
                self.zig.library(RANDOMNESS, "x86_64-windows-gnu", &randomness, &["-ladvapi32"])?;
            }
            self.zig.library(NO_IPV6, "x86_64-linux-gnu", &wine.no_ipv6(), &[])
        })?;
        Ok(wine)
    }
}

/// Wine with a Windows of its own.
pub(crate) struct Wine {
    loader: PathBuf,
    server: PathBuf,
    /// Where it was unpacked, if it is not the system's.
    root: Option<PathBuf>,
    prefix: PathBuf,
}

impl Wine {
    fn find_or_unpack(folder: &Path) -> Result<Self> {
        let prefix = folder.to_path_buf();
        let installed = find("wine64").or_else(|| find("wine")).zip(find("wineserver"));
        if let Some((loader, server)) = installed {
            return Ok(Self { loader, server, root: None, prefix });
        }
        let root = debian::unpack(&[WINE], &[])?;
        let programs = root.join("usr/lib/wine");
        let server = programs.join("wineserver");
        // A script that looks for the program where it would be installed.
        if !server.is_symlink() {
            fs::remove_file(&server).context("the package has no wineserver")?;
            symlink("wineserver64", &server)?;
        }
        let loader = programs.join("wine64");
        ensure!(loader.is_file(), "the package has no {}", loader.display());
        Ok(Self { loader, server, root: Some(root), prefix })
    }

    /// One of its own programs, or one of ours by its path.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(&self.loader);
        command.arg(program.as_ref());
        self.set(&mut command);
        command
    }

    /// What Wine runs under in another program's hands.
    pub(crate) fn set(&self, command: &mut Command) {
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        // The program speaks English then, whoever tries it.
        command.env("LC_ALL", "C.UTF-8");
        // Nothing is shown, played or browsed; else Wine asks for more of itself.
        command.env("WINEDLLOVERRIDES", "mscoree,mshtml,winegstreamer=").env_remove("DISPLAY");
        if let Some(root) = &self.root {
            let libraries = root.join("usr/lib/x86_64-linux-gnu");
            let mut list = libraries.clone().into_os_string();
            list.push(":");
            list.push(libraries.join("pulseaudio"));
            command.env("LD_LIBRARY_PATH", list);
        }
    }

    /// What to put before the path of a program.
    pub(crate) fn loader(&self) -> &Path {
        &self.loader
    }

    /// Where this Windows is.
    pub(crate) fn folder(&self) -> &Path {
        &self.prefix
    }

    /// From now on a system without IPv6, for programs that are started with this preloaded.
    pub(crate) fn no_ipv6(&self) -> PathBuf {
        self.prefix.join("no_ipv6.so")
    }

    /// Ends all that runs in it. The next program starts a server of its own.
    pub(crate) fn stop(&self) {
        for order in ["--kill", "--wait"] {
            let mut command = Command::new(&self.server);
            self.set(&mut command);
            // It fails if none runs.
            let _ = output(command.arg(order));
        }
    }
}
