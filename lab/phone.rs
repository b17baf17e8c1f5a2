//! A phone and its bridge behind the censor, and what of WhatsApp they get.
//!
//! The phone dials again when its connection ends, as the app does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use pasarela::{
    bridge::{Bridge, Listener, Relay, Tuning},
    connect::{Connector, Resolver, Setup},
    frontend::{Admission, Door, Intake},
    link::Link,
};
use pasarela_e2e::{handshake, measuring::ask};
use pasarela_sim::pattern;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};

use crate::servers::{KEY, Known, NAME, RELAY};

/// How long a phone tries.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two of its attempts.
const AGAIN: Duration = Duration::from_millis(200);

/// Messages of a chat, and the bytes of each.
const MESSAGES: (usize, usize) = (20, 300);

/// What a phone got, in seconds; nothing where it was in vain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Got {
    /// From the first dial to WhatsApp's proven answer.
    pub connected: Option<f64>,
    /// The same for the next phone.
    pub again: Option<f64>,
    /// The longest that one of 20 messages waited for its answer.
    pub slowest_message: Option<f64>,
    /// Until 200 kB had come.
    pub small_file: Option<f64>,
    /// Until 5 MB had come.
    pub large_file: Option<f64>,
}

/// How the relay is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// All that a link with `sibling=` and `ports=` lets be tried.
    Ours,
    /// A link with nothing but the name and two addresses.
    Bare,
    /// Such a link that forbids everything but the plain way.
    Plain,
}

impl System {
    fn parameters(self) -> &'static str {
        match self {
            Self::Ours => "&sibling=*.relay.example&ports=8443",
            Self::Bare => "",
            Self::Plain => "&ways=plain",
        }
    }
}

/// Tries all of it, with `whole` the large file, too.
pub(crate) async fn try_all(system: System, known: &Known, whole: bool) -> Result<Got> {
    let addresses = RELAY.map(|address| format!("&addr={address}")).concat();
    let link: Link = format!("https://{NAME}/#{KEY}{addresses}{}", system.parameters()).parse()?;
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = vec![CertificateDer::from(known.ca.clone())];
    let relay = Relay::new(&link, Arc::new(Connector::new(&link, &setup)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let intake = Intake::new(Admission::default())?;
    let bridge = Bridge::start(vec![Listener::Phone(listener, Door::ANY)], intake, vec![relay], Tuning::default())?;
    let bridge_address = *bridge.addresses().first().context("it listens")?;
    let connected = until_it_works(async || chat(bridge_address, known).await).await;
    let mut got = Got { connected, ..Got::default() };
    if got.connected.is_some() {
        got.again = until_it_works(async || chat(bridge_address, known).await).await;
        got.slowest_message = timeout(PATIENCE, messages(bridge_address)).await.ok().and_then(Result::ok);
        got.small_file = until_it_works(async || file(bridge_address, 200_000).await).await;
        if whole && got.small_file.is_some() {
            got.large_file = until_it_works(async || file(bridge_address, 5_000_000).await).await;
        }
    }
    bridge.shutdown().await;
    Ok(got)
}

/// Repeats what fails; gives the seconds until it worked.
async fn until_it_works(mut attempt: impl AsyncFnMut() -> Result<()>) -> Option<f64> {
    let begun = Instant::now();
    let trying = async {
        while attempt().await.is_err() {
            sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, trying).await.ok().map(|()| begun.elapsed().as_secs_f64())
}

async fn chat(bridge: SocketAddr, known: &Known) -> Result<()> {
    handshake::over(&mut TcpStream::connect(bridge).await?, &known.root).await
}

/// The longest that a message waited.
async fn messages(bridge: SocketAddr) -> Result<f64> {
    let mut phone = TcpStream::connect(bridge).await?;
    phone.write_all(&ask("sim echo")).await?;
    let (count, size) = MESSAGES;
    let mut slowest = Duration::ZERO;
    for number in 0..count {
        let message = vec![u8::try_from(number)?; size];
        let begun = Instant::now();
        phone.write_all(&message).await?;
        let mut answer = vec![0; size];
        phone.read_exact(&mut answer).await?;
        ensure!(answer == message, "another answer");
        slowest = slowest.max(begun.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(slowest.as_secs_f64())
}

async fn file(bridge: SocketAddr, size: u64) -> Result<()> {
    let mut phone = TcpStream::connect(bridge).await?;
    phone.write_all(&ask(&format!("sim source {size}"))).await?;
    let (mut at, mut buffer) = (0, vec![0; 1 << 16]);
    while at < size {
        let read = phone.read(&mut buffer).await?;
        ensure!(read > 0, "ended after {at} bytes");
        ensure!(pattern::matches(at, buffer.get(..read).unwrap_or_default()), "wrong bytes after {at}");
        at += read as u64;
    }
    Ok(())
}
