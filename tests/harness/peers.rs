//! How the two ends of programs of others are told to carry phones' connections: for whoever starts them, the benchmark and the lab.
//!
//! Nothing is started here. Which versions there are is in `bench/peers.toml`; `cargo xtask` puts the programs into target/clients.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{identity::Identity, places};

/// Any: both ends of one way know it.
const USER: &str = "9d0e4c8a-1f7b-4b52-8c39-6f1f0a2b7c11";

/// What `cargo xtask` found when it set programs of others up.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Found {
    /// Which there are, in which version.
    pub versions: BTreeMap<String, String>,
    /// Which there are not, and why.
    pub missing: BTreeMap<String, String>,
}

impl Found {
    /// What it wrote into this folder; nothing if whoever asks was started by hand.
    ///
    /// # Errors
    /// It wrote something else.
    pub fn read(folder: &str) -> Result<Self> {
        let file = places::root().join(folder).join("peers.json");
        let Ok(text) = fs::read_to_string(&file) else { return Ok(Self::default()) };
        serde_json::from_str(&text).with_context(|| format!("{} is of another kind", file.display()))
    }
}

/// A program that is a tunnel's both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// websocat.
    Websocat,
    /// rusty-penguin.
    Penguin,
    /// shadowsocks' v2ray-plugin.
    V2rayPlugin,
    /// chisel.
    Chisel,
    /// Xray, with VLESS in a WebSocket.
    Xray(Hello),
    /// wstunnel.
    Wstunnel,
}

/// What Xray does about its hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// Go's, whole.
    Plain,
    /// Chrome's, whole: what its clients' links commonly ask for.
    Chrome,
    /// Chrome's, cut into records, as its documentation tells those who are behind a censor.
    Fragmented,
}

/// Where a tunnel's ends are, and where it leads.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    /// Where the far end listens.
    pub relay: SocketAddr,
    /// What the near end calls it: a name, or an address.
    pub host: &'a str,
    /// Where the near end listens to phones.
    pub phones: SocketAddr,
    /// Where the far end leads.
    pub upstream: SocketAddr,
    /// The far end's certificate, which the near end verifies; nothing for a tunnel without TLS.
    pub identity: Option<&'a Identity>,
    /// For files that they are told by.
    pub folder: &'a Path,
}

impl Peer {
    /// As its row of `bench/peers.toml` and its program in target/clients.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Websocat => "websocat",
            Self::Penguin => "penguin",
            Self::V2rayPlugin => "v2ray-plugin",
            Self::Chisel => "chisel",
            Self::Xray(_) => "xray",
            Self::Wstunnel => "wstunnel",
        }
    }

    /// Its program.
    ///
    /// # Errors
    /// It is not there.
    pub fn program(self) -> Result<PathBuf> {
        places::made(&format!("target/clients/{}", self.name()))
    }

    /// Adds what its far end must know to a command that starts it.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn tell_server(self, command: &mut Command, ends: &Ends<'_>) -> Result<()> {
        let Ends { relay, upstream, identity, folder, .. } = *ends;
        let (address, port) = (relay.ip().to_string(), relay.port().to_string());
        match self {
            Self::Websocat => {
                if let Some(identity) = identity {
                    command.arg(prefixed("--pkcs12-der=", &pkcs12(identity, folder)?)).arg("--pkcs12-passwd=lab");
                }
                let scheme = if identity.is_some() { "wss-l" } else { "ws-l" };
                command.args(["-bE", &format!("{scheme}:{relay}"), &format!("tcp:{upstream}")]);
            }
            Self::Penguin | Self::Chisel => {
                command.args(["server", "--host", &address, "--port", &port]);
                if let Some(Identity { chain, key }) = identity {
                    command.arg("--tls-cert").arg(chain).arg("--tls-key").arg(key);
                }
            }
            Self::V2rayPlugin => {
                command.args(["-server", "-localAddr", &address, "-localPort", &port]);
                command.args(["-remoteAddr", &upstream.ip().to_string(), "-remotePort", &upstream.port().to_string()]);
                command.args(["-host", ends.host, "-loglevel", "none"]);
                if let Some(Identity { chain, key }) = identity {
                    command.arg("-tls").arg("-cert").arg(chain).arg("-key").arg(key);
                }
            }
            Self::Xray(_) => run_xray(command, &folder.join("server.json"), &xray_server(ends))?,
            Self::Wstunnel => {
                command.args(["server", "--log-lvl", "OFF", "--restrict-to", &upstream.to_string()]);
                if let Some(Identity { chain, key }) = identity {
                    command.arg("--tls-certificate").arg(chain).arg("--tls-private-key").arg(key);
                }
                let scheme = if identity.is_some() { "wss" } else { "ws" };
                command.arg(format!("{scheme}://{relay}"));
            }
        }
        Ok(())
    }

    /// The same for its near end.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn tell_client(self, command: &mut Command, ends: &Ends<'_>) -> Result<()> {
        let Ends { relay, host, phones, upstream, identity, folder } = *ends;
        let port = relay.port();
        let scheme = |plain: &'static str, tls: &'static str| if identity.is_some() { tls } else { plain };
        match self {
            Self::Websocat => {
                if let Some(identity) = identity {
                    command.env("SSL_CERT_FILE", &identity.chain);
                }
                let url = format!("{}://{host}:{port}/", scheme("ws", "wss"));
                command.args(["-bE", &format!("tcp-l:{phones}"), &url]);
            }
            Self::Penguin | Self::Chisel => {
                command.arg("client");
                if let Some(identity) = identity {
                    command.arg("--tls-ca").arg(&identity.chain);
                }
                command.args(if self == Self::Penguin {
                    [format!("{}://{host}:{port}/ws", scheme("ws", "wss")), format!("{phones}:{upstream}/tcp")]
                } else {
                    [format!("{}://{host}:{port}", scheme("http", "https")), format!("{phones}:{upstream}")]
                });
            }
            Self::V2rayPlugin => {
                command.args(["-localAddr", &phones.ip().to_string(), "-localPort", &phones.port().to_string()]);
                command.args(["-remoteAddr", host, "-remotePort", &port.to_string()]);
                command.args(["-host", host, "-loglevel", "none"]);
                if let Some(identity) = identity {
                    command.arg("-tls").arg("-cert").arg(&identity.chain);
                }
            }
            Self::Xray(hello) => run_xray(command, &folder.join("client.json"), &xray_client(ends, hello))?,
            Self::Wstunnel => {
                command.args(["client", "--log-lvl", "OFF", "-L", &format!("tcp://{phones}:{upstream}")]);
                // As the others do, and not past the system, which alone knows the name here.
                command.args(["--dns-resolver", "system://0.0.0.0"]);
                if let Some(identity) = identity {
                    command.arg("--tls-verify-certificate").env("SSL_CERT_FILE", &identity.chain);
                }
                command.arg(format!("{}://{host}:{port}", scheme("ws", "wss")));
            }
        }
        Ok(())
    }
}

fn prefixed(prefix: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(prefix);
    argument.push(path);
    argument
}

/// The one form in which websocat takes a certificate and its key.
fn pkcs12(identity: &Identity, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("identity.p12");
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["pkcs12", "-export", "-passout", "pass:lab", "-in"]).arg(&identity.chain);
    openssl.arg("-inkey").arg(&identity.key).arg("-out").arg(&file).stdin(Stdio::null());
    let done = openssl.output().context("no program `openssl`, without which websocat has no certificate")?;
    ensure!(done.status.success(), "openssl: {}", String::from_utf8_lossy(&done.stderr).trim_end());
    Ok(file)
}

fn run_xray(command: &mut Command, file: &Path, config: &Value) -> Result<()> {
    fs::write(file, config.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    command.args([OsStr::new("run"), OsStr::new("-config"), file.as_os_str()]);
    Ok(())
}

/// It takes VLESS in a WebSocket and goes wherever it is asked.
fn xray_server(ends: &Ends<'_>) -> Value {
    let tls = ends.identity.map(|Identity { chain, key }| {
        let own = json!({ "certificateFile": chain, "keyFile": key });
        json!({ "certificates": [own] })
    });
    json!({
        "log": { "loglevel": "none" },
        "inbounds": [{
            "listen": ends.relay.ip(),
            "port": ends.relay.port(),
            "protocol": "vless",
            "settings": { "clients": [{ "id": USER }], "decryption": "none" },
            "streamSettings": web_socket(tls),
        }],
        "outbounds": [{ "protocol": "freedom" }],
    })
}

/// It takes phones' connections.
fn xray_client(ends: &Ends<'_>, hello: Hello) -> Value {
    let tls = ends.identity.map(|Identity { chain, .. }| {
        let authority = json!({ "usage": "verify", "certificateFile": chain });
        let mut tls = json!({ "serverName": ends.host, "disableSystemRoot": true, "certificates": [authority] });
        if hello != Hello::Plain {
            tls["fingerprint"] = json!("chrome");
        }
        tls
    });
    let relay = json!({
        "address": ends.host,
        "port": ends.relay.port(),
        "users": [{ "id": USER, "encryption": "none" }],
    });
    let mut stream = web_socket(tls);
    let mut outbounds =
        vec![json!({ "protocol": "vless", "settings": { "vnext": [relay] }, "streamSettings": Value::Null })];
    if hello == Hello::Fragmented {
        stream["sockopt"] = json!({ "dialerProxy": "fragment" });
        // The lengths and the pause are its documentation's.
        let fragment = json!({ "packets": "tlshello", "length": "100-200", "interval": "10-20" });
        outbounds.push(json!({ "tag": "fragment", "protocol": "freedom", "settings": { "fragment": fragment } }));
    }
    outbounds[0]["streamSettings"] = stream;
    json!({
        "log": { "loglevel": "none" },
        "inbounds": [{
            "listen": ends.phones.ip(),
            "port": ends.phones.port(),
            "protocol": "dokodemo-door",
            "settings": { "address": ends.upstream.ip(), "port": ends.upstream.port(), "network": "tcp" },
        }],
        "outbounds": outbounds,
    })
}

fn web_socket(tls: Option<Value>) -> Value {
    let security = if tls.is_some() { "tls" } else { "none" };
    json!({ "network": "ws", "wsSettings": { "path": "/ws" }, "security": security, "tlsSettings": tls })
}
