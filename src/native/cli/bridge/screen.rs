//! What the bridge prints: for people a code to scan and one live line, for programs JSON.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::super::{
    look,
    texts::{bridge as texts, standing as status},
};
use crate::{
    bridge::{Bridge, Index, Standing},
    frontend::Enclosure,
    share,
};

/// Between two looks at the byte counters.
const LOOK: Duration = Duration::from_secs(1);

/// For whom to print.
#[derive(Clone, Copy, Debug)]
pub(super) enum Screen {
    /// A person who looks on.
    Terminal,
    /// A file or a log: one line whenever something happens.
    Lines,
    /// A program.
    Json,
}

/// What is to be said at the start.
pub(super) struct Report {
    pub(super) reach: Reach,
    pub(super) port: u16,
    /// The port that was wanted and is taken.
    pub(super) moved: Option<u16>,
    pub(super) socks: Option<SocketAddr>,
    pub(super) public: bool,
    /// That no phone reaches it is what was asked for.
    pub(super) only_here: bool,
}

/// How the phone reaches this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Under which name or address, if it does.
    pub(super) host: Option<String>,
    /// Under which it may be, too.
    pub(super) others: Vec<IpAddr>,
    /// What may lie between.
    pub(super) within: Option<Enclosure>,
}

impl Screen {
    /// Says where it listens and what to do on the phone.
    pub(super) fn begin(self, bridge: &Bridge, report: &Report) {
        let Report { reach: Reach { host, others, within }, port, moved, socks, public, only_here } = report;
        let link = host.as_ref().map(|host| share::wa_me(host, *port, *port, false));
        if let Self::Json = self {
            let listen = bridge.addresses();
            let line = json!({
                "event": "listening",
                "listen": listen,
                "socks5": socks,
                "host": host,
                "link": link,
                "within": within.map(texts::enclosure),
            });
            return print(&format!("{line}\n"));
        }
        let mut text = String::new();
        match (host, link) {
            (Some(host), Some(link)) => {
                if let Self::Terminal = self {
                    // No link of a proxy is too long for one.
                    text += &share::Qr::of(&link).map(|code| look::code(&code)).unwrap_or_default();
                    text.push('\n');
                }
                text += &texts::instructions(host, *port, &link);
                text += &texts::other_addresses(others);
                text += &within.map(|within| texts::within(within).text()).unwrap_or_default();
            }
            _ if *only_here => text += &texts::only_this_machine(*port),
            _ => text += &texts::no_network(*port),
        }
        text += &moved.map(|wanted| texts::another_port(wanted, *port)).unwrap_or_default();
        text += &socks.map(|address| texts::socks(&address.to_string())).unwrap_or_default();
        if *public {
            text += &texts::PUBLIC.text();
        }
        text.push('\n');
        print(&text);
    }

    /// Shows how it stands, again and again.
    pub(super) async fn follow(self, bridge: &Bridge) -> Infallible {
        let mut changes = bridge.watch();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shown = None;
        loop {
            // Once a second is enough, however much happens.
            look.tick().await;
            let standing = bridge.standing();
            let news = match self {
                // The age of a problem goes on.
                Self::Terminal => shown.as_ref() != Some(&standing) || standing.problem.is_some(),
                Self::Json => shown.as_ref() != Some(&standing),
                Self::Lines => shown.as_ref().is_none_or(|shown| is_event(shown, &standing)),
            };
            let sleeps = !news && standing.connections == 0 && standing.problem.is_none();
            if news {
                let text = self.text(bridge, &standing);
                // Whoever should read it may have stopped; that must not keep the program from ending.
                let _ = tokio::task::spawn_blocking(move || print(&text)).await;
                shown = Some(standing);
            }
            if sleeps {
                // Nothing moves until somebody comes; the bridge outlives this.
                let _ = changes.changed().await;
            }
        }
    }

    fn text(self, bridge: &Bridge, standing: &Standing) -> String {
        let relay = standing.relay.map(|relay| bridge.relay(relay));
        let problem = standing.problem.map(|(relay, trouble, at)| (bridge.relay(relay), trouble, at.elapsed()));
        match self {
            Self::Json => {
                let problem = problem.map(|(relay, trouble, _)| {
                    json!({ "relay": relay, "trouble": trouble.to_string(), "hint": trouble.hint().token() })
                });
                let line = json!({
                    "event": "standing",
                    "connections": standing.connections,
                    "waiting": standing.waiting,
                    "taken": standing.taken,
                    "failed": standing.failed,
                    "refused": standing.refused,
                    "sent": standing.sent,
                    "received": standing.received,
                    "relay": relay,
                    "way": standing.detour.map(|detour| detour.to_string()),
                    "network": status::network(standing),
                    "problem": problem,
                });
                format!("{line}\n")
            }
            Self::Lines => {
                // What is kept in a journal is no list of this user's relays.
                let number = |Index(index): Index| status::numbered(index + 1);
                let relay = standing.relay.map(number);
                let problem = standing.problem.map(|(relay, trouble, at)| (number(relay), trouble, at.elapsed()));
                let problem = problem.as_ref().map(|(relay, trouble, ago)| (relay.as_str(), *trouble, *ago));
                shown(&format!("{}\n", status::line(standing, relay.as_deref(), problem)))
            }
            Self::Terminal => {
                let line = shown(&status::line(standing, relay, problem));
                let line = look::cut(&line, look::width().saturating_sub(1));
                format!("\r\x1b[2K{line}")
            }
        }
    }

    /// Leaves the line as it is.
    pub(super) async fn end(self) {
        if let Self::Terminal = self {
            // As above.
            let _ = tokio::time::timeout(LOOK, tokio::task::spawn_blocking(|| print("\n"))).await;
        }
    }
}

/// Whether more has changed than numbers.
fn is_event(before: &Standing, now: &Standing) -> bool {
    before.relay != now.relay
        || (before.detour, before.freezes) != (now.detour, now.freezes)
        || before.problem.map(|(relay, trouble, _)| (relay, trouble))
            != now.problem.map(|(relay, trouble, _)| (relay, trouble))
        || before.failed != now.failed
}

fn print(text: &str) {
    print!("{text}");
}

/// As the terminal can show it.
fn shown(line: &str) -> String {
    if look::is_unicode() { line.to_owned() } else { line.replace('·', "-") }
}
