//! A real web server in front of a relay, configured by the lines of `docs/server.md`, on a free port of this machine.
//!
//! Around those lines stands what every such server needs: a port, a certificate, a folder of its own. The process is killed
//! by its pid when it goes out of scope.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{interval, timeout},
};

use crate::{official, places};

/// How often it is started on another port, should somebody else have taken the one that was free.
const ATTEMPTS: usize = 5;

/// Which web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
    /// HAProxy, for HTTP.
    Haproxy,
}

/// A running web server, with HTTPS.
#[derive(Debug)]
pub struct WebServer {
    _child: Child,
    address: SocketAddr,
    pin: String,
    lines: String,
    _folder: TempDir,
}

impl WebServer {
    /// Starts it in front of the relay and waits until it listens. `change` may change the paper's lines.
    ///
    /// # Errors
    /// It is missing, or ends, or does not listen for 30 s.
    pub async fn start(kind: Kind, relay: SocketAddr, change: impl Fn(String) -> String) -> Result<Self> {
        let said = lines(kind)?.replace("127.0.0.1:8787", &relay.to_string());
        let lines = change(said);
        let mut clash = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(kind, &lines).await? {
                Ok(server) => return Ok(server),
                Err(Ended(said)) => clash = said,
            }
        }
        bail!("{kind:?} ends at once: {clash}")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines that it was started with, but for what every such server needs.
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// A link to the relay behind it.
    pub fn link(&self) -> String {
        format!("https://relay.example/#addr={}&pin={}", self.address, self.pin)
    }

    async fn try_start(kind: Kind, lines: &str) -> Result<Result<Self, Ended>> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        // Free a moment ago.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let (pin, certificate) = certificate(folder.path())?;
        let log = folder.path().join("stderr");
        let mut command = command(kind, lines, address.port(), folder.path())?;
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log)?);
        let mut child = command.kill_on_drop(true).spawn().with_context(|| format!("cannot start {kind:?}"))?;
        let listening = tokio::select! {
            _ = child.wait() => false,
            listening = timeout(Duration::from_secs(30), listens(address, &certificate)) => {
                listening.with_context(|| format!("it does not listen: {}", fs::read_to_string(&log).unwrap_or_default()))?;
                true
            }
        };
        if listening {
            return Ok(Ok(Self { _child: child, address, pin, lines: lines.to_owned(), _folder: folder }));
        }
        Ok(Err(Ended(fs::read_to_string(&log)?)))
    }
}

/// It ended at once, with these words.
struct Ended(String);

/// Waits until it shows this certificate: somebody else may have taken the port meanwhile.
async fn listens(address: SocketAddr, certificate: &[u8]) {
    let mut again = interval(Duration::from_millis(20));
    loop {
        again.tick().await;
        let Ok(tcp) = TcpStream::connect(address).await else { continue };
        let Ok(tls) = official::tls(tcp, "relay.example").await else { continue };
        let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
        if shown.is_some_and(|shown| shown.as_ref() == certificate) {
            return;
        }
    }
}

/// What `docs/server.md` says for this server.
fn lines(kind: Kind) -> Result<String> {
    let paper = fs::read_to_string(places::root().join("docs/server.md"))?;
    let language = match kind {
        Kind::Nginx => "nginx",
        Kind::Caddy => "caddyfile",
        Kind::Haproxy => "haproxy",
    };
    let block = paper.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next());
    block.map(str::to_owned).with_context(|| format!("docs/server.md has no lines for {kind:?}"))
}

/// Writes a certificate and its key as one file and as two; gives the fingerprint that links have, and the certificate.
fn certificate(folder: &Path) -> Result<(String, Vec<u8>)> {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use rcgen::PublicKeyData;
    let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()])?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(folder.join("relay.pem"), format!("{certificate}{key}"))?;
    fs::write(folder.join("fullchain.pem"), certificate)?;
    fs::write(folder.join("privkey.pem"), key)?;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(made.signing_key.subject_public_key_info());
    Ok((BASE64_URL_SAFE_NO_PAD.encode(digest), made.cert.der().to_vec()))
}

fn command(kind: Kind, lines: &str, port: u16, folder: &Path) -> Result<Command> {
    let replaced = |from: &str, to: &str| {
        ensure!(lines.contains(from), "the paper's lines for {kind:?} have no {from}");
        Ok(lines.replacen(from, to, 1))
    };
    let (program, config) = match kind {
        Kind::Nginx => ("nginx", nginx(lines, port)),
        Kind::Caddy => {
            let name = replaced("relay.example {", &format!("https://relay.example:{port} {{"))?;
            let own = "{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n";
            let site = format!("https://relay.example:{port} {{\n");
            let tls = format!("{site}    bind 127.0.0.1\n    tls fullchain.pem privkey.pem\n");
            ("caddy", name.replacen("{\n", own, 1).replacen(&site, &tls, 1))
        }
        Kind::Haproxy => {
            let bind = replaced(
                "bind :443 ssl crt /etc/haproxy/relay.pem",
                &format!("bind 127.0.0.1:{port} ssl crt relay.pem"),
            )?;
            ("haproxy", format!("global\n    maxconn 400\n    noreuseport\n\n{bind}"))
        }
    };
    let file = folder.join(format!("{program}.conf"));
    fs::write(&file, config)?;
    let mut command = Command::new(places::made(&format!("target/clients/{program}"))?);
    match kind {
        Kind::Nginx => command.arg("-p").arg(folder).args(["-e", "stderr", "-c"]).arg(&file),
        Kind::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file),
        Kind::Haproxy => command.args(["-db", "-f"]).arg(&file),
    };
    // Caddy keeps what it makes below these.
    command.env("HOME", folder).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
    Ok(command)
}

fn nginx(lines: &str, port: u16) -> String {
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {name};\n"))
        .concat();
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{}}
http {{
{folders}    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name relay.example;
        ssl_certificate fullchain.pem;
        ssl_certificate_key privkey.pem;
{lines}
    }}
}}
"
    )
}
