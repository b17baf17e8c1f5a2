//! Those that are measured: how each is started, on the core that is kept for them, and where its clients connect.
//!
//! Workers run in real workerd, each in its own; native programs are `programs`' part.

use std::{net::SocketAddr, process::Stdio};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::{
    haproxy::Haproxy,
    workerd::{Options, Workerd},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    CORE,
    conn::Target,
    figures::TLS,
    programs::{self, Way},
};

/// What our own are called, wherever there are others, too.
pub(super) const PASARELA: &str = "pasarela";
pub(super) const PASARELA_TLS: &str = "pasarela, TLS";

/// Our own where only they are.
pub(super) const OURS: [&str; 7] = [PASARELA, PASARELA_TLS, "object", "tunnel", "pipe", "wss", "tcp"];

/// Something to be measured.
#[derive(Clone)]
pub(super) struct Contender {
    /// As the report calls it.
    pub(super) name: &'static str,
    pub(super) start: Start,
}

/// How it is started.
#[derive(Clone)]
pub(super) enum Start {
    /// Nobody is in between: clients connect to the simulator.
    Direct(SocketAddr),
    /// A Worker.
    Worker(Options, Door),
    /// Native programs, and what leads behind them.
    Native(Way, SocketAddr),
}

/// How a Worker's clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// A WebSocket of this path.
    Socket(&'static str),
    /// The tunnel.
    Tunnel,
    /// A request whose body, and a response whose body, are the stream.
    Http,
}

/// Something under load.
pub(super) struct Running {
    pub(super) target: Target,
    parts: Parts,
}

/// Its processes, which end with it.
enum Parts {
    None,
    Worker(Box<Workerd>),
    Haproxy(Box<Haproxy>),
    Programs(Vec<Child>, #[allow(dead_code, reason = "holds their configuration")] TempDir),
}

impl Contender {
    /// Whether it is one of ours.
    pub(super) fn is_ours(&self) -> bool {
        OURS.contains(&self.name)
    }

    /// Its name, whether it speaks TLS or not.
    pub(super) fn base_name(&self) -> &'static str {
        self.name.strip_suffix(TLS).unwrap_or(self.name)
    }

    /// Starts it and waits until it listens.
    pub(super) async fn start(&self) -> Result<Running> {
        self.try_start().await.with_context(|| format!("cannot start {}", self.name))
    }

    async fn try_start(&self) -> Result<Running> {
        Ok(match &self.start {
            Start::Direct(to) => Running { target: Target::tcp(*to), parts: Parts::None },
            Start::Worker(options, door) => {
                let workerd = Workerd::start(options).await?;
                pin(workerd.pid(), CORE).await?;
                let target = match door {
                    Door::Socket(path) => Target::Socket(workerd.url(path)),
                    Door::Tunnel => Target::tunnel(workerd.url("/tunnel")),
                    Door::Http => Target::Http(workerd.address()),
                };
                Running { target, parts: Parts::Worker(Box::new(workerd)) }
            }
            Start::Native(Way::Haproxy(layer), upstream) => {
                let haproxy = programs::haproxy(*upstream).await?;
                let port = if layer.is_tls() { haproxy.ports().chat_tls } else { haproxy.ports().chat_raw };
                Running { target: layer.tcp(port), parts: Parts::Haproxy(Box::new(haproxy)) }
            }
            Start::Native(way, upstream) => {
                let folder = tempfile::tempdir().context("no temporary folder")?;
                let (children, target) = programs::start(*way, *upstream, folder.path()).await?;
                Running { target, parts: Parts::Programs(children, folder) }
            }
        })
    }
}

impl Running {
    /// Its processes.
    pub(super) fn pids(&self) -> Vec<u32> {
        match &self.parts {
            Parts::None => Vec::new(),
            Parts::Worker(workerd) => vec![workerd.pid()],
            Parts::Haproxy(haproxy) => vec![haproxy.pid()],
            Parts::Programs(children, _) => children.iter().filter_map(Child::id).collect(),
        }
    }

    /// Kills it and waits until it is gone, so that it is counted among our children. What cannot be killed has ended.
    pub(super) async fn kill(self) {
        match self.parts {
            Parts::None => {}
            Parts::Worker(workerd) => drop(workerd.kill().await),
            Parts::Haproxy(haproxy) => drop(haproxy.kill().await),
            Parts::Programs(mut children, _folder) => {
                for child in &mut children {
                    let _ = child.kill().await;
                }
            }
        }
    }
}

/// Keeps this process, and what it starts unless it is pinned, off the core of those that are measured.
pub(super) async fn keep_off() -> Result<()> {
    let cores =
        std::fs::read_to_string("/sys/devices/system/cpu/online").context("cannot read which cores there are")?;
    let last = cores.trim().rsplit(['-', ',']).next().and_then(|last| last.parse::<u32>().ok()).unwrap_or(0);
    if last == 0 {
        eprintln!("    there is one core only: the load takes from what is measured");
        return Ok(());
    }
    pin(std::process::id(), &format!("1-{last}")).await
}

/// Keeps a process on these cores.
async fn pin(pid: u32, cores: &str) -> Result<()> {
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--pid", "--cpu-list", cores, &pid.to_string()]).stdin(Stdio::null());
    let done = command.output().await.context("no taskset: install it (util-linux)")?;
    ensure!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
