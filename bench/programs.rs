//! The native program and its peers as processes of their own, all on the core that is kept for those that are measured.
//!
//! Every address is one of this machine, every upstream the simulator. What they are told in files is in `settings`.

use std::{
    env::consts::ARCH,
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use pasarela_e2e::{
    haproxy::{self, Haproxy},
    places,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{
    CORE,
    conn::Target,
    settings::{self, Identity},
};

/// A program has this long to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What takes a phone's connection to the simulator, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A port for phones of `pasarela serve`.
    Raw(Layer),
    /// The official proxy.
    Haproxy(Layer),
    /// nginx's stream module.
    Nginx(Layer),
    /// `/pipe` of `pasarela serve`.
    Relay(Layer),
    /// websocat's WebSocket.
    WebsocatRelay,
    /// `pasarela bridge`, then `pasarela serve`.
    Pair(Layer),
    /// Both ends of rusty-penguin.
    Penguin(Layer),
    /// Both ends of websocat.
    Websocat,
    /// Both ends of shadowsocks' v2ray-plugin.
    V2rayPlugin(Layer),
    /// Both ends of chisel.
    Chisel(Layer),
    /// Both ends of Xray, with VLESS in a WebSocket.
    Xray(Layer),
    /// `pasarela bridge` alone, that leads nowhere.
    Bridge,
}

/// What is around the way that a network sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Plain,
    Tls,
}

impl Layer {
    pub(super) fn is_tls(self) -> bool {
        self == Self::Tls
    }

    /// How a phone connects to this port.
    pub(super) fn tcp(self, port: SocketAddr) -> Target {
        if self.is_tls() { Target::Tls(port) } else { Target::tcp(port) }
    }

    /// The one word or the other.
    fn pick(self, plain: &'static str, tls: &'static str) -> &'static str {
        if self.is_tls() { tls } else { plain }
    }
}

/// Programs that have been started, and where their clients connect.
type Started = (Vec<Child>, Target);

/// Starts the programs of a way; `folder` is for what they read and write.
pub(super) async fn start(way: Way, upstream: SocketAddr, folder: &Path) -> Result<Started> {
    let identity = Identity::make(folder)?;
    match way {
        Way::Raw(layer) => {
            let (serve, said) = told(serve(upstream)?.args(["--phones", "127.0.0.1:0"])).await?;
            let phones = said.pointer("/phones/0").and_then(|it| it.as_str()).context("no port for phones")?;
            Ok((vec![serve], layer.tcp(phones.parse()?)))
        }
        Way::Haproxy(_) => anyhow::bail!("HAProxy is started by itself"),
        Way::Nginx(layer) => nginx(layer, upstream, folder, &identity).await,
        Way::Relay(layer) => {
            let (serve, relay) = relay(layer, upstream, &identity).await?;
            let scheme = layer.pick("ws", "wss");
            Ok((vec![serve], Target::Socket(format!("{scheme}://{relay}/pipe/chat"))))
        }
        Way::WebsocatRelay => {
            let relay = free().await?;
            let child = websocat(&[format!("ws-l:{relay}"), format!("tcp:{upstream}")])?;
            listens(relay).await?;
            Ok((vec![child], Target::Socket(format!("ws://{relay}/"))))
        }
        Way::Pair(layer) => {
            let (serve, relay) = relay(layer, upstream, &identity).await?;
            let (bridge, phones) = bridge(layer, &relay, &identity).await?;
            Ok((vec![serve, bridge], Target::tcp(phones)))
        }
        Way::Bridge => {
            let (bridge, phones) = bridge(Layer::Plain, "127.0.0.1:9", &identity).await?;
            Ok((vec![bridge], Target::tcp(phones)))
        }
        Way::Websocat => {
            let (relay, phones) = (free().await?, free().await?);
            let far = websocat(&[format!("ws-l:{relay}"), format!("tcp:{upstream}")])?;
            listens(relay).await?;
            let near = websocat(&[format!("tcp-l:{phones}"), format!("ws://{relay}/")])?;
            listens(phones).await?;
            Ok((vec![far, near], Target::tcp(phones)))
        }
        Way::Penguin(layer) => penguin(layer, upstream, &identity).await,
        Way::V2rayPlugin(layer) => v2ray_plugin(layer, upstream, &identity).await,
        Way::Chisel(layer) => chisel(layer, upstream, &identity).await,
        Way::Xray(layer) => xray(layer, upstream, folder, &identity).await,
    }
}

/// HAProxy, with room for as many connections as open files allow.
pub(super) async fn haproxy(upstream: SocketAddr) -> Result<Haproxy> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(60_000);
    // The official proxy's number is 27 500; each takes two files, and HAProxy some for itself.
    let connections = usize::try_from(files.saturating_sub(400) / 2)?.min(27_500);
    let options = haproxy::Options { chat: upstream, media: upstream, connections, core: Some(CORE) };
    Haproxy::start_with(&options).await
}

async fn nginx(layer: Layer, upstream: SocketAddr, folder: &Path, identity: &Identity) -> Result<Started> {
    let phones = free().await?;
    let module = places::made("target/clients/ngx_stream_module.so")?.canonicalize()?;
    let identity = layer.is_tls().then_some(identity);
    let file = folder.join("nginx.conf");
    std::fs::write(&file, settings::nginx(&module, folder, phones, upstream, identity))?;
    let mut command = peer("nginx")?;
    command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
    let child = quiet(&mut command)?;
    listens(phones).await?;
    Ok((vec![child], layer.tcp(phones)))
}

fn websocat(ends: &[String]) -> Result<Child> {
    quiet(peer("websocat")?.arg("-bE").args(ends))
}

async fn penguin(layer: Layer, upstream: SocketAddr, identity: &Identity) -> Result<Started> {
    let (relay, phones) = (free().await?, free().await?);
    let mut server = peer("penguin")?;
    server.args(["server", "--host", "127.0.0.1", "--port", &relay.port().to_string()]);
    let mut client = peer("penguin")?;
    client.arg("client");
    if layer.is_tls() {
        server.arg("--tls-cert").arg(&identity.chain).arg("--tls-key").arg(&identity.key);
        client.arg("--tls-skip-verify");
    }
    client.args([format!("{}://{relay}/ws", layer.pick("ws", "wss")), format!("{phones}:{upstream}/tcp")]);
    both([(server, relay), (client, phones)]).await
}

async fn v2ray_plugin(layer: Layer, upstream: SocketAddr, identity: &Identity) -> Result<Started> {
    let (relay, phones) = (free().await?, free().await?);
    let plugin = |local: SocketAddr, remote: SocketAddr| {
        let mut command = peer("v2ray-plugin")?;
        command.args(["-localAddr", "127.0.0.1", "-localPort", &local.port().to_string()]);
        command.args(["-remoteAddr", "127.0.0.1", "-remotePort", &remote.port().to_string()]);
        command.args(["-host", "localhost", "-loglevel", "none"]);
        if layer.is_tls() {
            command.arg("-tls").arg("-cert").arg(&identity.chain).arg("-key").arg(&identity.key);
        }
        anyhow::Ok(command)
    };
    let mut server = plugin(relay, upstream)?;
    server.arg("-server");
    both([(server, relay), (plugin(phones, relay)?, phones)]).await
}

async fn chisel(layer: Layer, upstream: SocketAddr, identity: &Identity) -> Result<Started> {
    let (relay, phones) = (free().await?, free().await?);
    let mut server = peer("chisel")?;
    server.args(["server", "--host", "127.0.0.1", "--port", &relay.port().to_string()]);
    let mut client = peer("chisel")?;
    client.arg("client");
    if layer.is_tls() {
        server.arg("--tls-cert").arg(&identity.chain).arg("--tls-key").arg(&identity.key);
        client.arg("--tls-skip-verify");
    }
    client.args([format!("{}://{relay}", layer.pick("http", "https")), format!("{phones}:{upstream}")]);
    both([(server, relay), (client, phones)]).await
}

async fn xray(layer: Layer, upstream: SocketAddr, folder: &Path, identity: &Identity) -> Result<Started> {
    let (relay, phones) = (free().await?, free().await?);
    let identity = layer.is_tls().then_some(identity);
    let run = |name: &str, config: serde_json::Value| {
        let file = folder.join(name);
        std::fs::write(&file, config.to_string())?;
        let mut command = peer("xray")?;
        command.args([OsStr::new("run"), OsStr::new("-config"), file.as_os_str()]);
        anyhow::Ok(command)
    };
    let server = run("server.json", settings::xray_server(relay, identity))?;
    let client = run("client.json", settings::xray_client(phones, relay, upstream, identity))?;
    both([(server, relay), (client, phones)]).await
}

/// Starts programs that say nothing, each once the one before it listens; clients go to the last.
async fn both(programs: [(Command, SocketAddr); 2]) -> Result<Started> {
    let (mut children, mut phones) = (Vec::new(), None);
    for (mut command, address) in programs {
        children.push(quiet(&mut command)?);
        listens(address).await?;
        phones = Some(address);
    }
    Ok((children, Target::tcp(phones.context("no programs")?)))
}

/// The native program as it is given away.
pub(super) fn program() -> Result<PathBuf> {
    places::made(&format!("target/dist/native/pasarela-{ARCH}-linux"))
}

fn serve(upstream: SocketAddr) -> Result<Command> {
    let mut command = pinned(program()?);
    let upstream = upstream.to_string();
    command.args(["serve", "--open", "--json", "--listen", "127.0.0.1:0", "--rate", "0"]);
    command.args(["--upstream-chat", &upstream, "--upstream-tls", &upstream]);
    Ok(command)
}

/// `pasarela serve` and where its WebSockets are.
async fn relay(layer: Layer, upstream: SocketAddr, identity: &Identity) -> Result<(Child, String)> {
    let mut command = serve(upstream)?;
    if layer.is_tls() {
        command.arg("--cert").arg(&identity.chain).arg("--key").arg(&identity.key);
    }
    let (serve, said) = told(&mut command).await?;
    Ok((serve, said.get("http").and_then(|it| it.as_str()).context("no address")?.to_owned()))
}

async fn bridge(layer: Layer, relay: &str, identity: &Identity) -> Result<(Child, SocketAddr)> {
    let mut command = pinned(program()?);
    command.args(["bridge", "--json", "--listen", "127.0.0.1:0"]);
    if layer.is_tls() {
        command.arg("--ca").arg(&identity.chain);
    }
    command.arg(format!("{}://{relay}/", layer.pick("http", "https")));
    let (child, said) = told(&mut command).await?;
    let phones = said.pointer("/listen/0").and_then(|it| it.as_str()).context("no port for phones")?;
    Ok((child, phones.parse()?))
}

/// A program of others.
fn peer(name: &str) -> Result<Command> {
    places::made(&format!("target/clients/{name}")).map(pinned)
}

/// The program on the core that is kept for those that are measured.
fn pinned(program: PathBuf) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", CORE]).arg(program).stdin(Stdio::null()).kill_on_drop(true);
    command
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
