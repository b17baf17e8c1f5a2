//! HAProxy as the official WhatsApp proxy runs it, on free ports of this machine or on its own, and with the simulator behind it.
//!
//! What is left out is what the simulator would count, health checks; and room for 27 500 connections where few are made.
//! The process is killed by its pid when it goes out of scope.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use pasarela_sim::Sim;
use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::{interval, timeout},
};

use crate::{http, official::OfficialPorts, places};

/// So often is it started on other ports, should somebody else have taken one of those that were free.
const ATTEMPTS: usize = 5;

/// How to run it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where chat goes.
    pub chat: SocketAddr,
    /// Where media go.
    pub media: SocketAddr,
    /// Connections at once; each takes two open files.
    pub connections: usize,
    /// What starts it, as `taskset` with its arguments; by itself if nothing is named.
    pub by: &'static [&'static str],
    /// Where it listens; on free ports of this machine if nothing is said.
    pub ports: Option<OfficialPorts>,
}

impl Options {
    /// For a few clients of the simulator.
    pub fn towards(sim: &Sim) -> Self {
        Self { chat: sim.chat(), media: sim.media(), connections: 400, by: &[], ports: None }
    }
}

/// A running HAProxy.
#[derive(Debug)]
pub struct Haproxy {
    child: Child,
    ports: OfficialPorts,
    _folder: TempDir,
}

impl Haproxy {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// It is missing, or ends, or does not listen for 30 s.
    pub async fn start(sim: &Sim) -> Result<Self> {
        Self::start_with(&Options::towards(sim)).await
    }

    /// The same with these options.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_with(options: &Options) -> Result<Self> {
        let mut clash = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(options).await? {
                Ok(haproxy) => return Ok(haproxy),
                Err(Clash(said)) => clash = said,
            }
        }
        bail!("HAProxy finds its ports taken again and again: {clash}")
    }

    /// Where it listens.
    pub fn ports(&self) -> &OfficialPorts {
        &self.ports
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill HAProxy")
    }

    async fn try_start(options: &Options) -> Result<Result<Self, Clash>> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let (free, ready) = free_ports()?;
        let ports = options.ports.unwrap_or(free);
        fs::write(folder.path().join("proxy.pem"), certificate()?)?;
        fs::write(folder.path().join("proxy.cfg"), config(options, &ports, ready))?;
        let program = places::made("target/clients/haproxy")?;
        let mut command = match options.by {
            [starter, arguments @ ..] => {
                let mut command = Command::new(starter);
                command.args(arguments).arg(program);
                command
            }
            [] => Command::new(program),
        };
        let mut child = command
            // In the foreground, one process.
            .args(["-db", "-f", "proxy.cfg"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start HAProxy")?;
        let listening = timeout(Duration::from_secs(30), listens(&mut child, ready));
        if listening.await.context("HAProxy does not listen")?? {
            return Ok(Ok(Self { child, ports, _folder: folder }));
        }
        let mut said = String::new();
        child.stderr.take().context("no standard error")?.read_to_string(&mut said).await?;
        if said.contains("cannot bind") {
            return Ok(Err(Clash(said)));
        }
        bail!("HAProxy ended at once: {said}");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }
}

/// Somebody else has one of the ports; with what HAProxy says.
struct Clash(String);

/// Ports that were free a moment ago, and one more.
fn free_ports() -> Result<(OfficialPorts, SocketAddr)> {
    // All are held until all are found, or one would be found twice.
    let mut held = Vec::new();
    let mut free = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr()?;
        held.push(listener);
        anyhow::Ok(address)
    };
    let ports = OfficialPorts {
        chat_http: free()?,
        chat_tls: free()?,
        chat_raw: free()?,
        balanced_http: free()?,
        balanced_tls: free()?,
        balanced_raw: free()?,
        media: free()?,
        media_other: free()?,
    };
    Ok((ports, free()?))
}

/// Waits until it serves; `false` if it ends instead.
async fn listens(child: &mut Child, ready: SocketAddr) -> Result<bool> {
    let own = format!("<b>pid = </b> {} ", child.id().unwrap_or_default());
    tokio::select! {
        ended = child.wait() => ended.map(|_| false).context("HAProxy is lost"),
        () = tells(ready, &own) => Ok(true),
    }
}

/// Asks for the statistics until they are those of this very process, which has bound all other ports by then.
async fn tells(ready: SocketAddr, own: &str) {
    let mut again = interval(Duration::from_millis(10));
    loop {
        again.tick().await;
        if http::request(ready, "GET", "/", &[]).await.is_ok_and(|page| page.body.contains(own)) {
            return;
        }
    }
}

/// A key and a certificate that it signs itself, PEM.
fn certificate() -> Result<String> {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["proxy.whatsapp.net".to_owned()])?;
    Ok(cert.pem() + &signing_key.serialize_pem())
}

/// Facts: `proxy_config.cfg` of github.com/WhatsApp/proxy.
fn config(options: &Options, ports: &OfficialPorts, ready: SocketAddr) -> String {
    let OfficialPorts { chat_http, chat_tls, chat_raw, balanced_http, balanced_tls, balanced_raw, media, media_other } =
        ports;
    let Options { chat, media: tls, connections, .. } = options;
    // Room for those who look at the statistics.
    let all = connections + 100;
    // Without noreuseport a second HAProxy would share a port that is taken, and get half of its connections.
    format!(
        "global
  tune.bufsize 4096
  maxconn {all}
  noreuseport

defaults
  mode tcp
  maxconn {connections}
  timeout connect 5s
  timeout client 200s
  timeout server 200s
  timeout client-fin 1s
  timeout server-fin 1s

frontend ready
  bind {ready}
  mode http
  stats enable
  stats uri /

frontend http
  bind {chat_http}
  bind {balanced_http} accept-proxy
  default_backend chat

frontend https
  bind {chat_tls} ssl crt proxy.pem
  bind {balanced_tls} ssl crt proxy.pem accept-proxy
  default_backend chat

frontend xmpp
  bind {chat_raw}
  bind {balanced_raw} accept-proxy
  default_backend chat

frontend media
  bind {media}
  bind {media_other}
  default_backend media

backend chat
  server whatsapp {chat} send-proxy

backend media
  server whatsapp {tls}
"
    )
}
