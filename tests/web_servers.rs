//! Real web servers in front of the native relay, by the lines of `docs/server.md`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt, StreamExt};
use pasarela::{
    bridge::Tuning,
    connect::{Connector, Resolver, Setup},
    link::Link,
    serve::{self, Relay},
    tunnel::{self, Kind as Route, Options, Timing},
};
use pasarela_core::config::Config;
use pasarela_e2e::{
    bridge::Bridge,
    http,
    measuring::ask,
    official,
    phone::{self, Way},
    socket::PATIENCE,
    web_server::{Kind, WebServer},
};
use pasarela_sim::{Sim, SimConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    time::{sleep, timeout},
};
use tokio_websockets::{ClientBuilder, Message};

/// A relay for behind a web server, as `docs/server.md` starts it, that tells the simulator who comes.
async fn relay(sim: &Sim) -> Result<Relay> {
    let config = Config::from_vars(|name| match name {
        "OPEN" => Some("1".to_owned()),
        "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
        "UPSTREAM_TLS" => Some(sim.media().to_string()),
        "PROXY_HEADER" => Some("v1".to_owned()),
        _ => None,
    })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let options = serve::Options { trusted: vec!["127.0.0.1/32".parse()?], ..serve::Options::default() };
    Ok(Relay::start_with(listener, config, options)?)
}

macro_rules! behind_every_web_server {
    ($($test:ident),* $(,)?) => {
        $(mod $test {
            use pasarela_e2e::web_server::Kind;

            #[tokio::test]
            async fn nginx() -> anyhow::Result<()> {
                super::$test(Kind::Nginx).await
            }

            #[tokio::test]
            async fn caddy() -> anyhow::Result<()> {
                super::$test(Kind::Caddy).await
            }

            #[tokio::test]
            async fn haproxy() -> anyhow::Result<()> {
                super::$test(Kind::Haproxy).await
            }
        })*
    };
}

behind_every_web_server! {
    a_phone_chats_and_loads_media,
    a_clients_address_is_what_the_web_server_saw,
    strangers_see_what_they_see_without_it,
}

#[tokio::test]
async fn an_idle_stream_outlives_what_nginx_allows() -> Result<()> {
    an_idle_stream_outlives_what_it_allows(Kind::Nginx).await
}

#[tokio::test]
async fn an_idle_stream_outlives_what_haproxy_allows() -> Result<()> {
    an_idle_stream_outlives_what_it_allows(Kind::Haproxy).await
}

async fn a_phone_chats_and_loads_media(kind: Kind) -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let relay = relay(&sim).await?;
    let front = WebServer::start(kind, relay.address(), |lines| lines).await?;
    let bridge = Bridge::start(&[front.link()], Tuning::default()).await?;
    let mut chat = phone::chat(bridge.port()?, Way::Raw, sim.root_key()).await?;
    for _ in 0..10 {
        chat.ask(PATIENCE).await?;
    }
    phone::download(bridge.port()?, sim.ca_der(), 8 << 20, |_| {}).await?;
    let standing = bridge.bridge.standing();
    ensure!(standing.failed == 0 && standing.problem.is_none(), "{standing:?}");
    Ok(())
}

/// Whoever lies about an address is not believed, and whoever does not is told from others.
async fn a_clients_address_is_what_the_web_server_saw(kind: Kind) -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let relay = relay(&sim).await?;
    let front = WebServer::start(kind, relay.address(), |lines| lines).await?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 5], 0)))?;
    let tls = official::tls(socket.connect(front.address()).await?, "relay.example").await?;
    let builder = ClientBuilder::new().uri("wss://relay.example/pipe/chat")?;
    let builder = builder.add_header("x-forwarded-for".parse()?, "192.0.2.7".parse()?)?;
    let (mut socket, _) = builder.connect_on(tls).await?;
    socket.send(Message::binary(ask("sim echo"))).await?;
    socket.send(Message::binary(&b"hello"[..])).await?;
    let echo = timeout(PATIENCE, socket.next()).await?.context("it ended")??;
    ensure!(echo.as_payload()[..] == b"hello"[..]);
    let seen = sim.stats().proxy.context("no PROXY header arrived")?.addresses.context("it names nobody")?;
    ensure!(seen.0.ip().to_string() == "127.0.0.5", "the relay takes {} for the client", seen.0.ip());
    Ok(())
}

async fn strangers_see_what_they_see_without_it(kind: Kind) -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let relay = relay(&sim).await?;
    let front = WebServer::start(kind, relay.address(), |lines| lines).await?;
    for path in ["/", "/nothing", "/x/pipe/chat"] {
        let direct = http::request(relay.address(), "GET", path, &[]).await?;
        let mut tls = official::tls(tokio::net::TcpStream::connect(front.address()).await?, "relay.example").await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n\r\n");
        tls.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // A server may end TLS without saying so.
        let _ = timeout(PATIENCE, tls.read_to_end(&mut answer)).await?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let some = direct.body.get(..direct.body.floor_char_boundary(400)).unwrap_or_default();
        ensure!(path != "/" || some.len() > 300, "there is no page to compare: {some}");
        ensure!(status == direct.status() && answer.contains(some), "{path}: {answer}");
    }
    Ok(())
}

/// A web server ends what was idle for a minute, or for as long as its owner set; here that and the pings are a tenth as long. Caddy
/// has no such limit.
async fn an_idle_stream_outlives_what_it_allows(kind: Kind) -> Result<()> {
    let sim = Sim::start(SimConfig::default()).await?;
    let relay = relay(&sim).await?;
    let seconds = |lines: String| lines.replace("300s", "6s");
    let front = WebServer::start(kind, relay.address(), seconds).await?;
    ensure!(front.lines().contains("6s"), "the paper's lines limit no idle time, so this tries nothing");
    let link: Link = front.link().parse()?;
    let connector = Connector::new(&link, &Setup::new(Resolver::system()))?;
    let timing = Timing { ping: Timing::DEFAULT.ping / 10, ..Timing::DEFAULT };
    let options = Options::with_dialer("wss://relay.example/tunnel", Route::Chat, std::sync::Arc::new(connector))?;
    let mut stream = tunnel::open(Options { timing, ..options });
    let handle = stream.handle().clone();
    stream.write_all(&ask("sim echo")).await?;
    stream.write_all(b"hello").await?;
    let mut echo = [0; 5];
    timeout(PATIENCE, stream.read_exact(&mut echo)).await??;
    // Nothing is waited for: that nothing happens is what matters.
    sleep(Duration::from_secs(14)).await;
    stream.write_all(b"again").await?;
    timeout(PATIENCE, stream.read_exact(&mut echo)).await??;
    let status = handle.status();
    ensure!(&echo == b"again" && status.carriers == 1, "the web server ended it: {status:?}");
    Ok(())
}
