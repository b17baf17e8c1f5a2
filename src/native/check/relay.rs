//! The check of a relay: the way to it, its key, and through its tunnels to WhatsApp.
//!
//! How it is reached is `connect`'s, and what a tunnel does is `tunnel`'s: the check goes the way that a bridge goes.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    Options,
    chat::chat,
    flaw::Flaw,
    found::{Ech, Fault, Found, Name, Tls},
    media::media,
    probe::{Answer, probe},
    proxy::leave,
    record::{Record, Stop},
    trust::Trust,
};
use crate::{
    connect::{Connector, EchStatus, Shown, Source, Step},
    link::Link,
    trouble::{Stage, Trouble},
    tunnel::{self, Code, Dialled, Handle, Kind, Tunnel, TunnelStream},
};

/// How long the relay may take to hear that its tunnels are over. If it does not, it forgets them by itself.
const SETTLE: Duration = Duration::from_secs(2);

/// Checks it stage by stage, up to the first failure.
pub(super) async fn run(
    (link, connector): (&Link, Connector),
    options: &Options,
    trust: &Trust,
    record: &mut Record<'_>,
) -> Result<(), Stop> {
    let dialled = dial(&connector, record).await?;
    record.detour = tunnel::Dialer::detour(&connector);
    ask(dialled, link, record).await?;
    let tunnels = Tunnels { link, connector: Arc::new(connector), tasks: TaskTracker::new() };
    let proven = prove(&tunnels, options, trust, record).await;
    tunnels.tasks.close();
    let _ = tokio::time::timeout(SETTLE, tunnels.tasks.wait()).await;
    proven
}

/// What is behind the relay.
async fn prove(tunnels: &Tunnels<'_>, options: &Options, trust: &Trust, record: &mut Record<'_>) -> Result<(), Stop> {
    let proven = prove_chat(tunnels, options, record).await;
    record.go_on_behind_dates(proven)?;
    let (mut stream, _) = tunnels.open(Kind::Tls);
    let proof = async { media(&mut stream, trust).await.map(|()| ((), Found::Well)).map_err(Fault::Media) };
    let proven = record.stage(Stage::Media, Fault::Media(Flaw::Silent), proof).await;
    tunnels.tasks.spawn(leave(Box::new(stream)));
    proven
}

/// Name, connection, TLS. The connector tells of them when all are over.
async fn dial(connector: &Connector, record: &mut Record<'_>) -> Result<Dialled, Stop> {
    record.begin(Stage::Name);
    let begun = Instant::now();
    let mut steps = Vec::new();
    let mut observe = |step| steps.push(step);
    let dialled = tokio::time::timeout(record.limit * 3, connector.dial_observed(&mut observe)).await;
    let dialled = dialled.unwrap_or(Err(Trouble::ConnectTimeout));
    let mut passed = Duration::ZERO;
    for (stage, took, found) in steps.into_iter().map(of_step) {
        if dialled.as_ref().err().is_some_and(|trouble| trouble.stage() <= stage) {
            break;
        }
        passed += took;
        record.end(stage, took, Ok(found))?;
    }
    match dialled {
        Ok(dialled) => Ok(dialled),
        Err(trouble) => {
            let rest = begun.elapsed().saturating_sub(passed);
            record.end(trouble.stage(), rest, Err(Fault::Way(trouble)))?;
            Err(Stop)
        }
    }
}

fn of_step(step: Step) -> (Stage, Duration, Found) {
    match step {
        Step::Resolved { addresses, by, took } => match by {
            Source::Literal => (Stage::Name, took, Found::NoName),
            Source::Exit => (Stage::Name, took, Found::AtExit),
            Source::System | Source::Doh => (Stage::Name, took, Found::Addresses(addresses)),
        },
        Step::Connected { took, .. } => (Stage::Connect, took, Found::Well),
        Step::Secured { shown, ech, took, .. } => {
            let name = match shown {
                Shown::Nothing => Name::None,
                Shown::Name => Name::Shown,
                Shown::PublicName => Name::Public,
            };
            let ech = match ech {
                EchStatus::NotOffered => Ech::Off,
                EchStatus::Grease => Ech::Grease,
                EchStatus::Accepted => Ech::Accepted,
            };
            (Stage::Tls, took, Found::Tls(Tls { name, ech }))
        }
    }
}

/// The upgrade, and what it says about the key.
async fn ask(dialled: Dialled, link: &Link, record: &mut Record<'_>) -> Result<(), Stop> {
    record.begin(Stage::Upgrade);
    let begun = Instant::now();
    let Answer { meaning, date, elsewhere } = probe(dialled, link, record.limit).await;
    let took = begun.elapsed();
    record.other_clock = date;
    record.elsewhere = elsewhere.filter(|_| meaning.as_ref().is_err_and(|trouble| *trouble == Trouble::Elsewhere));
    let known = match meaning {
        Ok(stream) => {
            tokio::spawn(leave(stream));
            Ok(if link.key.is_some() { Found::Well } else { Found::Open })
        }
        Err(trouble) if trouble.stage() == Stage::Key => Err(trouble),
        Err(trouble) => return record.end(Stage::Upgrade, took, Err(Fault::Way(trouble))),
    };
    // It answers as a relay does, as far as can be told.
    record.end(Stage::Upgrade, took, Ok(Found::Well))?;
    record.end(Stage::Key, Duration::ZERO, known.map_err(Fault::Way))
}

/// Makes tunnels that go the connector's way.
struct Tunnels<'a> {
    link: &'a Link,
    connector: Arc<Connector>,
    tasks: TaskTracker,
}

impl Tunnels<'_> {
    fn open(&self, kind: Kind) -> (TunnelStream, Handle) {
        let url = format!("wss://{}{}", self.link.authority(), self.link.path("/tunnel"));
        let dialer = Arc::clone(&self.connector) as Arc<dyn tunnel::Dialer>;
        let options = tunnel::Options::with_dialer(&url, kind, dialer).expect("a link's host and path make a URL");
        let tunnel = Tunnel::new(options).tracked(self.tasks.clone());
        let handle = tunnel.handle();
        (tunnel.open(), handle)
    }
}

/// That the relay reaches WhatsApp's chat, and that it is WhatsApp's.
async fn prove_chat(tunnels: &Tunnels<'_>, options: &Options, record: &mut Record<'_>) -> Result<(), Stop> {
    let (mut stream, handle) = tunnels.open(Kind::Chat);
    record.begin(Stage::Upstream);
    let begun = Instant::now();
    let mut proof = Box::pin(chat(&mut stream, &options.root, options.now));
    let reached = async {
        // It closes when the tunnel fails, which the proof will say.
        if handle.watch().wait_for(|status| status.connected).await.is_err() {
            pending::<()>().await;
        }
    };
    let early = tokio::select! {
        result = &mut proof => Some(result),
        () = reached => None,
        () = tokio::time::sleep(record.limit) => {
            let trouble = handle.status().trouble.unwrap_or(Trouble::UpstreamTimeout);
            return record.end(Stage::Upstream, begun.elapsed(), Err(Fault::Way(trouble)));
        }
    };
    if let Some(Err(flaw)) = early
        && !handle.status().connected
    {
        let trouble = match flaw {
            Flaw::Stream(code) => Some(Trouble::Stream(code)),
            Flaw::Cut | Flaw::Silent | Flaw::Garbage | Flaw::Forged | Flaw::Dates(_) => handle.status().trouble,
        };
        let trouble = trouble.unwrap_or(Trouble::Stream(Code::UpstreamReset));
        return record.end(Stage::Upstream, begun.elapsed(), Err(Fault::Way(trouble)));
    }
    record.end(Stage::Upstream, begun.elapsed(), Ok(Found::Well))?;
    let answer = async {
        let verified = match early {
            Some(result) => result,
            None => proof.await,
        };
        let verified = verified.map_err(Fault::Chat)?;
        Ok(((), Found::Whatsapp(verified.leaf.not_after.min(verified.intermediate.not_after))))
    };
    let proven = record.stage(Stage::Chat, Fault::Chat(Flaw::Silent), answer).await;
    tunnels.tasks.spawn(leave(Box::new(stream)));
    proven
}
