//! The native program and its peers as processes of their own, all on the core that is kept for those that are measured.
//!
//! Every address is one of this machine, every upstream the simulator. What nginx is told is in `settings`, what tunnels' two ends
//! are is in the harness's `peers`.

use std::{
    env::consts::ARCH,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use pasarela_e2e::{
    haproxy::{self, Haproxy},
    identity::Identity,
    peers::{Ends, Hello, Peer},
    places,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{CORE, conn::Target, settings};

/// A program has this long to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// This machine, for programs that are told an address in words.
const HERE: &str = "127.0.0.1";

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
    /// Both ends of wstunnel.
    Wstunnel(Layer),
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
    let identity = Identity::make(folder, &["localhost", HERE])?;
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
            let ends = Ends { relay, host: HERE, phones: relay, upstream, identity: None, folder };
            let mut server = pinned(Peer::Websocat.program()?);
            Peer::Websocat.tell_server(&mut server, &ends)?;
            let child = quiet(&mut server)?;
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
        Way::Websocat => both(Peer::Websocat, Layer::Plain, upstream, folder, &identity).await,
        Way::Penguin(layer) => both(Peer::Penguin, layer, upstream, folder, &identity).await,
        Way::V2rayPlugin(layer) => both(Peer::V2rayPlugin, layer, upstream, folder, &identity).await,
        Way::Chisel(layer) => both(Peer::Chisel, layer, upstream, folder, &identity).await,
        Way::Wstunnel(layer) => both(Peer::Wstunnel, layer, upstream, folder, &identity).await,
        Way::Xray(layer) => both(Peer::Xray(Hello::Plain), layer, upstream, folder, &identity).await,
    }
}

/// HAProxy, with room for as many connections as open files allow.
pub(super) async fn haproxy(upstream: SocketAddr) -> Result<Haproxy> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(60_000);
    // The official proxy's number is 27 500; each takes two files, and HAProxy some for itself.
    let connections = usize::try_from(files.saturating_sub(400) / 2)?.min(27_500);
    let options = haproxy::Options {
        chat: upstream,
        media: upstream,
        connections,
        by: &["taskset", "--cpu-list", CORE],
        ports: None,
    };
    Haproxy::start_with(&options).await
}

async fn nginx(layer: Layer, upstream: SocketAddr, folder: &Path, identity: &Identity) -> Result<Started> {
    let phones = free().await?;
    let module = places::made("target/clients/ngx_stream_module.so")?.canonicalize()?;
    let identity = layer.is_tls().then_some(identity);
    let file = folder.join("nginx.conf");
    std::fs::write(&file, settings::nginx(&module, folder, phones, upstream, identity))?;
    let mut command = pinned(places::made("target/clients/nginx")?);
    command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
    let child = quiet(&mut command)?;
    listens(phones).await?;
    Ok((vec![child], layer.tcp(phones)))
}

/// Starts both ends of a tunnel, the near one once the far one listens; clients go to the near one.
async fn both(peer: Peer, layer: Layer, upstream: SocketAddr, folder: &Path, identity: &Identity) -> Result<Started> {
    let (relay, phones) = (free().await?, free().await?);
    let ends = Ends { relay, host: HERE, phones, upstream, identity: layer.is_tls().then_some(identity), folder };
    let (mut server, mut client) = (pinned(peer.program()?), pinned(peer.program()?));
    peer.tell_server(&mut server, &ends)?;
    peer.tell_client(&mut client, &ends)?;
    let mut children = Vec::new();
    for (mut command, address) in [(server, relay), (client, phones)] {
        children.push(quiet(&mut command)?);
        listens(address).await?;
    }
    Ok((children, Target::tcp(phones)))
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
