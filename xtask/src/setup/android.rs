//! What building the Android app takes: a JDK, Debian's aapt, zipalign and apksigner, and jars from Maven Central.
//!
//! The jars are lists in `android/`, each with its hash, and are laid into the cache as Maven's repositories have them. The framework
//! is Robolectric's: its classes are what the app is compiled against and tested on, its resources what aapt reads. No SDK is needed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::debian;
use crate::{
    run::{fetch_into, find, output, run},
    tree,
};

const PACKAGES: [&str; 3] = ["aapt", "zipalign", "apksigner"];

/// Where Debian's packages have what they need, below their root.
const LIBRARIES: [&str; 4] =
    ["usr/lib/x86_64-linux-gnu/android", "usr/lib/x86_64-linux-gnu", "usr/lib", "usr/lib/p7zip"];

/// Maven Central.
const REPOSITORY: &str = "https://repo.maven.apache.org/maven2";

/// How the framework is named in `android/build.sums`.
const FRAMEWORK: &str = "/android-all-";

/// What building and trying the app takes.
pub(crate) struct Tools {
    debian: PathBuf,
    jars: PathBuf,
}

pub(crate) fn find_or_install() -> Result<Tools> {
    if find("javac").is_none() {
        debian::install(&["openjdk-17-jdk-headless"])?;
    }
    let tools = Tools { debian: debian::unpack(&PACKAGES, &[])?, jars: tree::cache()?.join("tools/maven") };
    tools.fetch("build.sums")?;
    Ok(tools)
}

impl Tools {
    /// One of Debian's programs.
    pub(crate) fn program(&self, name: &str) -> Command {
        let folders: Vec<_> = LIBRARIES.iter().map(|folder| self.debian.join(folder).display().to_string()).collect();
        let mut command = Command::new(self.debian.join("usr/lib/android-sdk/build-tools/debian").join(name));
        command.env("LD_LIBRARY_PATH", folders.join(":"));
        command
    }

    /// apksigner, whose own script looks for its jars in the system.
    pub(crate) fn apksigner(&self) -> Command {
        let jars = ["apksigner.jar", "apksig.jar"].map(|jar| self.debian.join("usr/share/java").join(jar));
        let mut command = Command::new("java");
        command.arg("-cp").arg(class_path(&jars)).arg("com.android.apksigner.ApkSignerTool");
        command
    }

    /// dx, which makes of classes what Android runs.
    pub(crate) fn dx(&self) -> Result<Command> {
        let mut command = Command::new("java");
        command.arg("-cp").arg(class_path(&self.listed("build.sums")?)).arg("com.android.dx.command.Main");
        Ok(command)
    }

    /// The framework's jar: classes, and resources for aapt.
    pub(crate) fn framework(&self) -> Result<PathBuf> {
        let jars = self.listed("build.sums")?;
        jars.into_iter().find(|jar| is_framework(jar)).context("build.sums has no framework")
    }

    /// The jars of a list, downloaded before.
    pub(crate) fn listed(&self, list: &str) -> Result<Vec<PathBuf>> {
        Ok(paths(&text(list)?)?.iter().map(|path| self.jars.join(path)).collect())
    }

    /// Downloads what is missing of a list, and looks at every hash.
    pub(crate) fn fetch(&self, list: &str) -> Result<()> {
        let sums = text(list)?;
        let paths = paths(&sums)?;
        let missing: Vec<_> = paths.iter().filter(|path| !self.jars.join(path).is_file()).collect();
        if !missing.is_empty() {
            if find("curl").is_none() {
                debian::install(&["curl"])?;
            }
            let name = format!("fetch {} jars of android/{list} from Maven Central (once)", missing.len());
            fetch_into(&name, &self.jars, || {
                missing.iter().try_for_each(|path| download(path, &self.jars.join(path)))
            })?;
        }
        let file = tree::root().join("android").join(list);
        output(Command::new("sha256sum").args(["--check", "--strict", "--quiet"]).arg(file).current_dir(&self.jars))?;
        Ok(())
    }
}

/// Whether a jar is an Android.
pub(crate) fn is_framework(jar: &Path) -> bool {
    jar.to_string_lossy().contains(FRAMEWORK)
}

/// A class path of these.
pub(crate) fn class_path(jars: &[PathBuf]) -> String {
    jars.iter().map(|jar| jar.display().to_string()).collect::<Vec<_>>().join(":")
}

fn text(list: &str) -> Result<String> {
    let file = tree::root().join("android").join(list);
    fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))
}

/// Of the lines that `sha256sum` writes.
fn paths(sums: &str) -> Result<Vec<&str>> {
    sums.lines()
        .map(|line| line.split_once("  ").map(|(_, path)| path).with_context(|| format!("not a hash: {line}")))
        .collect()
}

fn download(path: &str, file: &Path) -> Result<()> {
    fs::create_dir_all(file.parent().context("a jar has no folder")?)?;
    // Under another name until it is whole.
    let part = file.with_extension("part");
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--retry", "3", "--output"]);
    run(curl.arg(&part).arg(format!("{REPOSITORY}/{path}")))?;
    Ok(fs::rename(part, file)?)
}
