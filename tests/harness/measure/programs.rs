//! The native program and its peers as processes of their own, all pinned to one core, while this process keeps off it.
//!
//! Every address is one of this machine, every upstream the simulator. What is measured of them is `natives`'.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use pasarela_e2e::places;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::turns::{Contend, Run};

/// A program has this long to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// The core that what is measured has for itself.
const CORE: &str = "0";

/// What takes a phone's connection to the simulator, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `pasarela bridge`, then `pasarela serve`.
    Pasarela,
    /// The same of rusty-penguin.
    Penguin,
    /// The same of websocat.
    Websocat,
    /// A port for phones of `pasarela serve`.
    Raw,
    /// nginx's stream module.
    Nginx,
    /// `pasarela bridge` alone, that leads nowhere.
    Bridge,
}

/// A way to the simulator.
pub(super) struct Native {
    pub(super) name: &'static str,
    pub(super) way: Way,
    pub(super) upstream: SocketAddr,
}

/// Its processes, which end with it.
pub(super) struct Started {
    children: Vec<Child>,
    /// Where phones connect.
    pub(super) phones: SocketAddr,
    _folder: TempDir,
}

impl Contend for Native {
    type Running = Started;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn start(&self) -> Result<Started> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let started = self.begin(folder.path()).await.with_context(|| format!("cannot start {:?}", self.way));
        let (children, phones) = started?;
        Ok(Started { children, phones, _folder: folder })
    }
}

impl Native {
    async fn begin(&self, folder: &Path) -> Result<(Vec<Child>, SocketAddr)> {
        let upstream = self.upstream.to_string();
        match self.way {
            Way::Pasarela => {
                let (serve, said) = told(&mut serve(&upstream)?).await?;
                let relay = said.get("http").and_then(|it| it.as_str()).context("no address")?.to_owned();
                let (bridge, phones) = bridge(&relay).await?;
                Ok((vec![serve, bridge], phones))
            }
            Way::Bridge => {
                let (bridge, phones) = bridge("127.0.0.1:9").await?;
                Ok((vec![bridge], phones))
            }
            Way::Raw => {
                let (serve, said) = told(serve(&upstream)?.args(["--phones", "127.0.0.1:0"])).await?;
                let phones = said.pointer("/phones/0").and_then(|it| it.as_str()).context("no port for phones")?;
                Ok((vec![serve], phones.parse()?))
            }
            Way::Penguin => {
                let (relay, phones) = (free().await?, free().await?);
                let port = relay.port().to_string();
                let penguin = || places::made("target/clients/penguin").map(pinned);
                let server = quiet(penguin()?.args(["server", "--host", "127.0.0.1", "--port", &port]))?;
                listens(relay).await?;
                let forward = format!("{phones}:{upstream}/tcp");
                let client = quiet(penguin()?.args(["client", &format!("ws://{relay}/ws"), &forward]))?;
                listens(phones).await?;
                Ok((vec![server, client], phones))
            }
            Way::Websocat => {
                let (relay, phones) = (free().await?, free().await?);
                let websocat = || places::made("target/clients/websocat").map(pinned);
                let far = [format!("ws-l:{relay}"), format!("tcp:{upstream}")];
                let server = quiet(websocat()?.arg("-bE").args(far))?;
                listens(relay).await?;
                let near = [format!("tcp-l:{phones}"), format!("ws://{relay}/")];
                let client = quiet(websocat()?.arg("-bE").args(near))?;
                listens(phones).await?;
                Ok((vec![server, client], phones))
            }
            Way::Nginx => {
                let phones = free().await?;
                let program = places::made("target/clients/nginx")?;
                let module = places::made("target/clients/ngx_stream_module.so")?.canonicalize()?;
                let config = nginx(&module, folder, phones, &upstream);
                let file = folder.join("nginx.conf");
                std::fs::write(&file, config)?;
                let mut command = pinned(program);
                command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
                let child = quiet(&mut command)?;
                listens(phones).await?;
                Ok((vec![child], phones))
            }
        }
    }
}

/// As the official proxy's times are, in one process.
fn nginx(module: &Path, folder: &Path, phones: SocketAddr, upstream: &str) -> String {
    let (module, folder) = (module.display(), folder.display());
    format!(
        "load_module {module};
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
stream {{
  server {{
    listen {phones};
    proxy_pass {upstream};
    proxy_connect_timeout 5s;
    proxy_timeout 200s;
    tcp_nodelay on;
  }}
}}
"
    )
}

/// The native program as it is given away.
pub(super) fn program() -> Result<PathBuf> {
    places::made("target/dist/pasarela")
}

fn serve(upstream: &str) -> Result<Command> {
    let mut command = pinned(program()?);
    command.args(["serve", "--open", "--json", "--listen", "127.0.0.1:0", "--rate", "0"]);
    command.args(["--upstream-chat", upstream, "--upstream-tls", upstream]);
    Ok(command)
}

async fn bridge(relay: &str) -> Result<(Child, SocketAddr)> {
    let mut command = pinned(program()?);
    command.args(["bridge", "--json", "--listen", "127.0.0.1:0", &format!("http://{relay}/")]);
    let (child, said) = told(&mut command).await?;
    let phones = said.pointer("/listen/0").and_then(|it| it.as_str()).context("no port for phones")?;
    Ok((child, phones.parse()?))
}

/// The program on the core that is kept for those that are measured.
fn pinned(program: PathBuf) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", CORE]).arg(program).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Keeps this process off that core, or lets it have all again.
pub(super) async fn keep_off(off: bool) -> Result<()> {
    let cores =
        std::fs::read_to_string("/sys/devices/system/cpu/online").context("cannot read which cores there are")?;
    let last = cores.trim().rsplit(['-', ',']).next().and_then(|last| last.parse::<u32>().ok()).unwrap_or(0);
    let cores = if off && last > 0 { format!("1-{last}") } else { cores.trim().to_owned() };
    let own = std::process::id().to_string();
    let mut command = Command::new("taskset");
    let done = command.args(["--all-tasks", "--pid", "--cpu-list", &cores, &own]).output().await;
    let done = done.context("no taskset: install it (util-linux)")?;
    ensure!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Starts a program that says one line of JSON when it listens.
async fn told(command: &mut Command) -> Result<(Child, serde_json::Value)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("cannot start it")?;
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.context("it says nothing")??;
    // Later lines, which have room in the pipe, are of no interest; it must not find the pipe closed.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, serde_json::from_str(&line.context("it ended at once")?)?))
}

fn quiet(command: &mut Command) -> Result<Child> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start it")
}

/// An address that was free a moment ago.
async fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}

async fn listens(address: SocketAddr) -> Result<()> {
    let connected = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, connected).await.context("it does not listen")
}

impl Run for Started {
    fn pids(&self) -> Vec<u32> {
        self.children.iter().filter_map(Child::id).collect()
    }

    async fn kill(mut self) -> Result<()> {
        for child in &mut self.children {
            child.kill().await.context("cannot end it")?;
        }
        Ok(())
    }
}
