//! Programs of others that tests, the benchmark and the lab hold ours against: those of `bench/peers.toml`.
//!
//! They are the system's own or, without any right to install, Debian's in the cache; or from the crates registry or the Go
//! module proxy.

use std::{
    collections::BTreeMap,
    env::consts::ARCH,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{debian, go_tool, optimised_tool};
use crate::{
    run::{find, output},
    tree,
};

/// A program and what it must find in its environment, such as where its libraries are if not where the system's are.
pub(crate) struct Peer {
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// A file that it needs beside it.
    module: Option<PathBuf>,
}

/// Those that the end-to-end tests start.
pub(crate) const FOR_TESTS: [&str; 4] = ["haproxy", "nginx", "caddy", "websocat"];

/// A row of the table, as far as it is about setting up.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    debian: Option<Debian>,
    #[serde(rename = "crate")]
    registry: Option<Registry>,
    go: Option<Go>,
    path: Option<String>,
    version_by: Option<String>,
}

#[derive(Deserialize)]
struct Debian {
    package: String,
    /// Its file in the package.
    program: String,
    module: Option<String>,
    /// What is kept of the package; all if nothing is named.
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Deserialize)]
struct Registry {
    name: String,
    version: String,
    features: String,
}

#[derive(Deserialize)]
struct Go {
    module: String,
    version: String,
    package: String,
}

/// Puts the program of this name into target/clients, found or installed.
pub(crate) fn place(name: &str) -> Result<()> {
    let mut row = row(name)?;
    // Tests need none.
    row.debian.iter_mut().for_each(|debian| debian.module = None);
    row.find(name)?.place(&folder()?.join(name))
}

/// Which peers there are, in which version, and which there are not and why.
#[derive(Default, Serialize)]
pub(crate) struct Found {
    versions: BTreeMap<String, String>,
    missing: BTreeMap<String, String>,
}

impl Found {
    pub(crate) fn version(&mut self, name: &str, version: &str) {
        self.versions.insert(name.to_owned(), version.to_owned());
    }

    /// Puts those that are programs, not Workers, into target/clients. One that cannot be had is no reason to do without the others.
    pub(crate) fn place(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            let row = row(name)?;
            if row.debian.is_none() && row.registry.is_none() && row.go.is_none() && row.path.is_none() {
                continue;
            }
            let file = folder()?.join(name);
            let placed = row.find(name).and_then(|peer| peer.place(&file)).and_then(|()| row.version(&file));
            match placed {
                Ok(version) => self.version(name, &version),
                Err(error) => {
                    eprintln!("    {name} is missing: {error:#}");
                    let why = format!("{error:#}");
                    self.missing.insert(name.clone(), why.lines().next().unwrap_or_default().to_owned());
                }
            }
        }
        Ok(())
    }

    /// For the program that asked for them, as peers.json in its folder.
    pub(crate) fn write(&self, folder: &str) -> Result<()> {
        let folder = tree::root().join(folder);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join("peers.json"), serde_json::to_string(self)?)?)
    }
}

/// Where programs are that others start.
fn folder() -> Result<PathBuf> {
    let folder = tree::root().join("target/clients");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn row(name: &str) -> Result<Row> {
    let text = fs::read_to_string(tree::root().join("bench/peers.toml"))?;
    let mut rows: BTreeMap<String, Row> = toml::from_str(&text).context("bench/peers.toml")?;
    rows.remove(name).with_context(|| format!("bench/peers.toml has no {name}"))
}

impl Row {
    fn find(&self, name: &str) -> Result<Peer> {
        if let Some(debian) = &self.debian {
            return debian.find();
        }
        if let Some(Registry { name: package, version, features }) = &self.registry {
            let bin =
                optimised_tool(package, version, features).with_context(|| format!("cannot install {package}"))?;
            return Ok(Peer::of_the_system(bin.join(name)));
        }
        if let Some(program) = &self.path {
            let found = find(program).with_context(|| format!("no {program} in PATH, and no registry has it"))?;
            return Ok(Peer::of_the_system(found));
        }
        let Some(Go { module, version, package }) = &self.go else { bail!("{name} is no program that can be set up") };
        let bin = go_tool(module, version, package).with_context(|| format!("cannot install {package} {version}"))?;
        Ok(Peer::of_the_system(bin.join(package.rsplit('/').next().unwrap_or(package))))
    }

    fn version(&self, program: &Path) -> Result<String> {
        let pinned = [self.registry.as_ref().map(|it| &it.version), self.go.as_ref().map(|it| &it.version)];
        if let Some(argument) = &self.version_by {
            // nginx says it on standard error, Go's flags with a failure.
            let asked = ["-c", "exec \"$0\" \"$1\" 2>&1 || true"];
            let said = output(Command::new("sh").args(asked).arg(program).arg(argument))?;
            let words = said.split([' ', '/', '\n']).map(|word| word.trim_start_matches('v'));
            let number = |word: &&str| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit());
            let version = words.map(|word| word.trim_end_matches([',', ';'])).find(number);
            return Ok(version.unwrap_or("of unknown version").to_owned());
        }
        if let Some(version) = pinned.into_iter().flatten().next() {
            return Ok(version.clone());
        }
        let package = self.debian.as_ref().map(|it| it.package.as_str()).unwrap_or_default();
        let known = output(Command::new("apt-cache").args(["show", "--no-all-versions", package])).unwrap_or_default();
        let version = known.lines().find_map(|line| line.strip_prefix("Version: "));
        Ok(version.unwrap_or("of unknown version").to_owned())
    }
}

impl Debian {
    /// The system's program of that name, or the package's. Few users have /usr/sbin in PATH.
    fn find(&self) -> Result<Peer> {
        let name = self.program.rsplit('/').next().unwrap_or(&self.program);
        let system = |file: &str| Some(Path::new("/").join(file)).filter(|file| file.is_file());
        let module = self.module.as_deref().map(system);
        if let (Some(program), None | Some(Some(_))) = (find(name).or_else(|| system(&self.program)), &module) {
            return Ok(Peer { module: module.flatten(), ..Peer::of_the_system(program) });
        }
        let keep: Vec<_> = self.keep.iter().map(String::as_str).collect();
        let root = debian::unpack(&[&self.package], &keep)?;
        let module = self.module.as_deref().map(|module| root.join(module));
        Ok(Peer { module, ..Peer::unpacked(root.join(&self.program), &libraries(&root)) })
    }
}

impl Peer {
    /// A program with all that it needs.
    pub(super) fn of_the_system(program: PathBuf) -> Self {
        Self { program, environment: Vec::new(), module: None }
    }

    /// A program whose libraries are in these folders.
    pub(super) fn unpacked(program: PathBuf, libraries: &[PathBuf]) -> Self {
        let folders: Vec<_> = libraries.iter().map(|folder| folder.display().to_string()).collect();
        Self::of_the_system(program).with("LD_LIBRARY_PATH", &folders.join(":"))
    }

    /// The same with a variable in its environment.
    pub(super) fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.environment.push((variable, value.to_owned()));
        self
    }

    /// Writes a shell script that becomes the program, and puts its module beside that.
    pub(crate) fn place(&self, file: &Path) -> Result<()> {
        if let Some(module) = &self.module {
            let name = module.file_name().context("a module without a name")?;
            fs::copy(module, file.with_file_name(name)).with_context(|| format!("no {}", module.display()))?;
        }
        let environment: String = self.environment.iter().map(|(name, value)| format!("{name}='{value}' ")).collect();
        fs::write(file, format!("#!/bin/sh\n{environment}exec '{}' \"$@\"\n", self.program.display()))?;
        Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o755))?)
    }
}

/// Where Debian has libraries.
pub(super) fn libraries(root: &Path) -> Vec<PathBuf> {
    ["lib", "usr/lib"].map(|folder| root.join(folder).join(format!("{ARCH}-linux-gnu"))).into()
}
