//! What compiles BoringSSL for the feature `browser-hello`: libclang, which reads its headers, and cmake.

use std::{env::consts::ARCH, process::Command};

use anyhow::{Context, Result, bail};

use super::pypi;
use crate::run::{find, output, path_with};

/// Versions, with the hashes of the wheels for Linux on x86-64 and on ARM.
const LIBCLANG: &str = "\
libclang==18.1.1 \
--hash=sha256:c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b \
--hash=sha256:54dda940a4a0491a9d1532bf071ea3ef26e6dbaf03b5000ed94dd7174e8f9592
";
const CMAKE: &str = "\
cmake==4.4.5 \
--hash=sha256:85625a9b6d5e88ff99c7eb79123d85570844e77ac076366cf75c609cc0b1b579 \
--hash=sha256:25fc8469e67857124ef10c002331c0ab416eb7b8d9e1d6e4c58e84e730013ece
";

/// Lets a command of cargo compile it.
pub(crate) fn set(command: &mut Command) -> Result<()> {
    if !["x86_64", "aarch64"].contains(&ARCH) {
        bail!("libclang is pinned for Linux on x86_64 and aarch64 only, and this is {ARCH}");
    }
    let libclang = pypi::unpack("tools/libclang-18.1.1", LIBCLANG, "libclang (80 MB)")?;
    command.env("LIBCLANG_PATH", libclang.join("clang/native"));
    // That one brings no headers of a compiler: those of this machine's are used.
    let headers = output(Command::new("cc").arg("-print-file-name=include")).context("no C compiler")?;
    command.env("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{}", headers.trim()));
    if find("cmake").is_none() {
        let cmake = pypi::unpack("tools/cmake-4.4.5", CMAKE, "cmake (30 MB)")?;
        command.env("PATH", path_with(&[&cmake.join("cmake/data/bin")])?);
    }
    Ok(())
}
