//! Programs of others that tests and the benchmark hold ours against.
//!
//! They are the system's own or, without any right to install, Debian's in the cache; or from the crates registry or the Go
//! module proxy.

use std::{
    env::consts::ARCH,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{debian, go_tool, optimised_tool};
use crate::run::find;

/// A program and what it must find in its environment, such as where its libraries are if not where the system's are.
pub(crate) struct Peer {
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// A file that it needs beside it.
    module: Option<PathBuf>,
}

/// A peer that the benchmark knows.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Finds or installs it.
    pub(crate) find: fn() -> Result<Peer>,
    pub(crate) version: Version,
}

/// Which version a peer is of.
#[derive(Clone, Copy)]
pub(crate) enum Version {
    /// This one is installed.
    Pinned(&'static str),
    /// It says so when it is given this.
    Asked(&'static str),
    /// It does not say; the newest of this package is it.
    Debian(&'static str),
}

/// All that the native program is measured beside.
pub(crate) const ALL: [Kind; 7] = [
    Kind { name: "haproxy", find: haproxy, version: Version::Asked("-v") },
    Kind { name: "nginx", find: nginx, version: Version::Asked("-v") },
    Kind { name: "penguin", find: penguin, version: Version::Pinned(PENGUIN) },
    Kind { name: "websocat", find: websocat, version: Version::Pinned(WEBSOCAT) },
    Kind { name: "v2ray-plugin", find: v2ray_plugin, version: Version::Debian("shadowsocks-v2ray-plugin") },
    Kind { name: "chisel", find: chisel, version: Version::Pinned(CHISEL) },
    Kind { name: "xray", find: xray, version: Version::Pinned(XRAY) },
];

const PENGUIN: &str = "0.8.4";
const WEBSOCAT: &str = "1.14.1";
const CHISEL: &str = "1.10.1";
const XRAY: &str = "1.260327.0";

/// What the official WhatsApp proxy is made of.
pub(crate) fn haproxy() -> Result<Peer> {
    system_program("haproxy")
}

/// A web server that many have in front.
pub(crate) fn caddy() -> Result<Peer> {
    let installed = find("caddy").map(Peer::of_the_system);
    installed.map_or_else(
        || Ok(Peer::of_the_system(debian::unpack(&["caddy"], &["usr/bin/caddy"])?.join("usr/bin/caddy"))),
        Ok,
    )
}

/// The file of nginx's module for streams.
const STREAM_MODULE: &str = "ngx_stream_module.so";

/// What passes streams on with the least effort, and its module for streams, which is a file of its own.
pub(crate) fn nginx() -> Result<Peer> {
    let system = PathBuf::from("/usr/lib/nginx/modules").join(STREAM_MODULE);
    let program = find("nginx").unwrap_or_else(|| "/usr/sbin/nginx".into());
    if system.is_file() && program.is_file() {
        return Ok(Peer { module: Some(system), ..Peer::of_the_system(program) });
    }
    let root = debian::unpack(&["libnginx-mod-stream"], &[])?;
    let module = Some(root.join("usr/lib/nginx/modules").join(STREAM_MODULE));
    Ok(Peer { module, ..Peer::unpacked(root.join("usr/sbin/nginx"), &libraries(&root)) })
}

/// A tunnel through a WebSocket, both ends, in Rust.
fn penguin() -> Result<Peer> {
    crates_program("rusty-penguin", PENGUIN, "penguin-binary,rustls-webpki-roots,aws-lc-rs", "penguin")
}

/// A plain TCP connection as a WebSocket and back, in Rust.
pub(crate) fn websocat() -> Result<Peer> {
    crates_program("websocat", WEBSOCAT, "signal_handler,tokio-process,unix_stdio", "websocat")
}

/// What carries shadowsocks through a WebSocket, both ends, in Go.
fn v2ray_plugin() -> Result<Peer> {
    let name = "ss-v2ray-plugin";
    let installed = find(name).map(Peer::of_the_system);
    installed.map_or_else(
        || {
            let file = format!("usr/bin/{name}");
            let root = debian::unpack(&["shadowsocks-v2ray-plugin"], &[&file])?;
            Ok(Peer::of_the_system(root.join(file)))
        },
        Ok,
    )
}

/// A tunnel through SSH in a WebSocket, both ends, in Go.
fn chisel() -> Result<Peer> {
    go_program("github.com/jpillora/chisel", CHISEL, "github.com/jpillora/chisel")
}

/// What many use to get around blocks, both ends, in Go.
fn xray() -> Result<Peer> {
    go_program("github.com/xtls/xray-core", XRAY, "github.com/xtls/xray-core/main")
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

/// A program of /usr/sbin, which few users have in PATH, from the package of its name.
fn system_program(name: &str) -> Result<Peer> {
    let installed = find(name).or_else(|| Some(PathBuf::from("/usr/sbin").join(name)).filter(|file| file.is_file()));
    if let Some(program) = installed {
        return Ok(Peer::of_the_system(program));
    }
    let root = debian::unpack(&[name], &[])?;
    Ok(Peer::unpacked(root.join("usr/sbin").join(name), &libraries(&root)))
}

/// Where Debian has libraries.
pub(super) fn libraries(root: &Path) -> Vec<PathBuf> {
    ["lib", "usr/lib"].map(|folder| root.join(folder).join(format!("{ARCH}-linux-gnu"))).into()
}

/// A program from the crates registry, as fast as it can be.
fn crates_program(package: &str, version: &str, features: &str, name: &str) -> Result<Peer> {
    let bin = optimised_tool(package, version, features).with_context(|| format!("cannot install {package}"))?;
    Ok(Peer::of_the_system(bin.join(name)))
}

/// A program from the Go module proxy, of the name of its package.
fn go_program(module: &str, version: &str, package: &str) -> Result<Peer> {
    let bin = go_tool(module, version, package).with_context(|| format!("cannot install {package} {version}"))?;
    let name = package.rsplit('/').next().unwrap_or(package);
    Ok(Peer::of_the_system(bin.join(name)))
}
