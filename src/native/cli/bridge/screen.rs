//! What the bridge prints: for people a code to scan and one live line, for programs JSON.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::super::texts::bridge as texts;
use crate::bridge::{Bridge, Standing};
use crate::share;

/// Between two looks at the byte counters.
const LOOK: Duration = Duration::from_secs(1);

/// A terminal that does not say how wide it is, in columns.
const WIDTH: usize = 80;

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
    pub(super) host: String,
    pub(super) port: u16,
    /// The port that was wanted and is taken.
    pub(super) moved: Option<u16>,
    pub(super) socks: Option<SocketAddr>,
    pub(super) public: bool,
}

impl Screen {
    /// Says where it listens and what to do on the phone.
    pub(super) fn begin(self, bridge: &Bridge, report: &Report, link: &str) {
        let Report { host, port, moved, socks, public } = report;
        if let Self::Json = self {
            let listen = bridge.addresses();
            let line = json!({ "event": "listening", "listen": listen, "socks5": socks, "host": host, "link": link });
            return print(&format!("{line}\n"));
        }
        let mut text = String::new();
        let unreachable = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        if unreachable {
            text += &texts::only_this_machine(*port);
        } else {
            if let Self::Terminal = self {
                text += &share::qr_terminal(link);
                text.push('\n');
            }
            text += &texts::instructions(host, *port, link);
        }
        text += &moved.map(|wanted| texts::another_port(wanted, *port)).unwrap_or_default();
        text += &socks.map(|address| texts::socks(&address.to_string())).unwrap_or_default();
        text += if *public { texts::PUBLIC } else { "" };
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
                Self::Terminal | Self::Json => shown.as_ref() != Some(&standing) || standing.problem.is_some(),
                Self::Lines => shown.as_ref().is_none_or(|shown| is_event(shown, &standing)),
            };
            if news {
                self.show(bridge, &standing);
                shown = Some(standing);
            } else if shown.as_ref().is_some_and(|shown| shown.connections == 0) {
                // Nothing moves until somebody comes; the bridge outlives this.
                let _ = changes.changed().await;
            }
        }
    }

    fn show(self, bridge: &Bridge, standing: &Standing) {
        let relay = standing.relay.map(|relay| bridge.relay(relay));
        let problem = standing.problem.map(|(relay, trouble, at)| (bridge.relay(relay), trouble, at.elapsed()));
        match self {
            Self::Json => {
                let problem =
                    problem.map(|(relay, trouble, _)| json!({ "relay": relay, "trouble": trouble.to_string() }));
                let line = json!({
                    "event": "standing",
                    "connections": standing.connections,
                    "waiting": standing.waiting,
                    "taken": standing.taken,
                    "failed": standing.failed,
                    "refused": standing.refused.0,
                    "sent": standing.sent,
                    "received": standing.received,
                    "relay": relay,
                    "problem": problem,
                });
                print(&format!("{line}\n"));
            }
            Self::Lines => print(&format!("{}\n", texts::status(standing, relay, problem))),
            Self::Terminal => {
                let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0.into());
                let line: String =
                    texts::status(standing, relay, problem).chars().take(width.saturating_sub(1)).collect();
                print(&format!("\r\x1b[2K{line}"));
            }
        }
    }

    /// Leaves the line as it is.
    pub(super) fn end(self) {
        if let Self::Terminal = self {
            print("\n");
        }
    }
}

/// Whether more has changed than numbers.
fn is_event(before: &Standing, now: &Standing) -> bool {
    before.relay != now.relay
        || before.problem.map(|(relay, trouble, _)| (relay, trouble))
            != now.problem.map(|(relay, trouble, _)| (relay, trouble))
        || before.failed != now.failed
}

/// Whoever read it may be gone; that ends nothing.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
