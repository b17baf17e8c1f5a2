//! What `pasarela check` says: a line for each stage, what a failure means, what to try.

use std::time::Duration;

use super::trouble::{noun, of_code, sentence};
use crate::{
    check::{Clock, Dates, Ech, Fault, Flaw, Found, Name, Tls, What},
    link::Vouched,
    trouble::{Stage, Trouble},
};

pub(in super::super) const WELL_RELAY: &str = "All well: WhatsApp works through this relay.";
pub(in super::super) const WELL_OTHER_ROOT: &str =
    "All well by the key that the link itself names. That key is not WhatsApp's, so this is a test and no proof.";
pub(in super::super) const WELL_PROXY: &str = "All well: WhatsApp works through this proxy.";
pub(in super::super) const FAILED: &str = "FAILED";
pub(in super::super) const TRY: &str = "Try:";
pub(in super::super) const STOPPED: &str = "stopped before the end";
pub(in super::super) const NO_LINK: &str = "the link cannot be used";
pub(in super::super) const NO_PROXY: &str = "--via: not a usable host, host:port or wa.me/proxy link";
pub(in super::super) const NO_ROOT: &str = "--root: not 64 hexadecimal digits";
pub(in super::super) const OTHER_ROOT: &str =
    "note: the link names a root key other than WhatsApp's (&root=…), as the simulator needs";
/// A link that is not what it looks like.
pub(in super::super) fn vouched(host: &str, vouched: Vouched<'_>) -> String {
    let instead = match vouched {
        Vouched::Name(name) => format!("the certificate is verified for {name}"),
        Vouched::Pin => "any certificate with the key that &pin= names is accepted".to_owned(),
    };
    format!("note: {host} is only what the link calls the relay; {instead}, as the link says")
}

pub(in super::super) const NO_CERTIFICATE: &str =
    "the file given with --ca contains something that is not a certificate";

/// What is done in a stage, while it is done.
pub(in super::super) const fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Name => "looking up the name",
        Stage::Connect => "connecting",
        Stage::Tls => "setting up encryption",
        Stage::Upgrade => "asking for the relay",
        Stage::Key => "showing the key",
        Stage::Upstream => "waiting for the relay to reach WhatsApp",
        Stage::Chat => "waiting for WhatsApp to prove itself",
        Stage::Media => "trying photos and files",
    }
}

/// The name of a stage.
pub(in super::super) const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Name => "name",
        Stage::Connect => "connection",
        Stage::Tls => "encryption",
        Stage::Upgrade => "relay",
        Stage::Key => "key",
        Stage::Upstream => "to WhatsApp",
        Stage::Chat => "chat",
        Stage::Media => "media",
    }
}

/// What a stage found.
pub(in super::super) fn found(stage: Stage, found: Found) -> String {
    match found {
        Found::Addresses(1) => "one address".to_owned(),
        Found::Addresses(count) => format!("{count} addresses"),
        Found::NoName => "it is an address itself".to_owned(),
        Found::AtExit => "the proxy of this network is asked for it, and can read it".to_owned(),
        Found::Open => "none needed: the relay is open to all".to_owned(),
        Found::Tls(tls) => of_tls(tls).to_owned(),
        Found::AnyTls => "any certificate is accepted, as WhatsApp accepts any".to_owned(),
        Found::Whatsapp(_) => "WhatsApp answered and proved that it is WhatsApp".to_owned(),
        Found::MediaPort(port) => format!("WhatsApp's server for photos and files answered, by port {port}"),
        Found::Well => match stage {
            Stage::Name | Stage::Connect | Stage::Tls => "made",
            Stage::Upgrade => "it answers",
            Stage::Key => "the relay knows it",
            Stage::Upstream => "the relay reached it",
            Stage::Chat => "WhatsApp answered",
            Stage::Media => "WhatsApp's server for photos and files answered",
        }
        .to_owned(),
    }
}

const fn of_tls(Tls { name, ech }: Tls) -> &'static str {
    match (name, ech) {
        (_, Ech::Accepted) => "made; the relay's name was hidden (ECH)",
        (Name::None, Ech::Off | Ech::Grease) => "made; no name was shown",
        (Name::Shown, Ech::Off) => "made; the network can read the name in it",
        (Name::Shown, Ech::Grease) => "made; the network can read the name in it (ECH only pretended)",
        (Name::Public, Ech::Off | Ech::Grease) => "made; only the CDN's own name was shown",
    }
}

/// What a failure means, in one line. `today` is what this device takes for the date.
pub(in super::super) fn fault(what: What, fault: Fault, clock: Option<Clock>, today: &str) -> String {
    match fault {
        Fault::Way(trouble) => way(what, trouble, today),
        Fault::MediaWay(_) => "Chat works, but nothing answers at the proxy's port for photos and files.".to_owned(),
        Fault::Chat(flaw) => of_chat(what, flaw, clock, today),
        Fault::Media(flaw) => of_media(flaw, clock, today),
    }
}

fn way(what: What, trouble: Trouble, today: &str) -> String {
    if what == What::Proxy && trouble.stage() == Stage::Tls {
        return "The proxy answers, but not with TLS: this port may be one without.".to_owned();
    }
    sentence(trouble, what, today)
}

/// An answer was late on a slow line, whose connection alone took so long.
pub(in super::super) fn slow(connected: Duration) -> String {
    let took = duration(connected.max(Duration::from_secs(1)));
    format!("This line is slow: the connection alone took {took}, and then an answer did not come in time.")
}

/// The answer sends to another host.
pub(in super::super) fn elsewhere(what: What, host: &str) -> String {
    format!("What answers there is not the {}: it sends to {host}.", noun(what))
}

fn of_chat(what: What, flaw: Flaw, clock: Option<Clock>, today: &str) -> String {
    let it = noun(what);
    match flaw {
        Flaw::Cut => format!("The {it} answers, but the connection was cut before WhatsApp did."),
        Flaw::Silent => format!("The {it} answers, but WhatsApp behind it says nothing."),
        Flaw::Garbage => format!("Something answers through the {it}, but it does not speak as WhatsApp does."),
        Flaw::Forged => {
            format!("What answers through the {it} is NOT WhatsApp: the {it}, or somebody behind it, tampers.")
        }
        Flaw::Dates(dates) => of_dates("WhatsApp's certificate", dates, clock, today),
        Flaw::Stream(code) => of_code(code),
    }
}

fn of_media(flaw: Flaw, clock: Option<Clock>, today: &str) -> String {
    match flaw {
        Flaw::Cut => "Chat works, but the connection for photos and files was cut.".to_owned(),
        Flaw::Silent => "Chat works, but WhatsApp's server for photos and files does not answer.".to_owned(),
        Flaw::Garbage => "Chat works, but what answers for photos and files is something else.".to_owned(),
        Flaw::Forged => {
            "Chat works, but what answers for photos and files is NOT WhatsApp: somebody on the way tampers.".to_owned()
        }
        Flaw::Dates(dates) => {
            of_dates("the certificate of WhatsApp's server for photos and files", dates, clock, today)
        }
        Flaw::Stream(code) => {
            format!("Chat works, photos and files do not. {}", of_code(code))
        }
    }
}

fn of_dates(whose: &str, dates: Dates, clock: Option<Clock>, today: &str) -> String {
    let state = match dates {
        Dates::NotBefore(_) => "not valid yet",
        Dates::NotAfter(_) => "out of date",
    };
    match clock {
        Some(Clock::Behind(by)) => format!("The clock of this device is slow by {}: it says {today}.", duration(by)),
        Some(Clock::Ahead(by)) => format!("The clock of this device is fast by {}: it says {today}.", duration(by)),
        Some(Clock::Right) => format!("This device's clock is right, but {whose} really is {state}."),
        Some(Clock::Doubtful) | None => {
            format!("By this device's clock ({today}) {whose} is {state}. Most likely the clock is wrong.")
        }
    }
}

/// As one would say it: the two largest units at most.
fn duration(by: Duration) -> String {
    let units = [(31_557_600, "year"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = by.as_secs();
    let mut parts = Vec::new();
    for (seconds, name) in units {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_say_them() {
        for (seconds, said) in [
            (1, "1 second"),
            (61, "1 minute and 1 second"),
            (7200, "2 hours"),
            (90_061, "1 day and 1 hour"),
            (3 * 31_557_600 + 5, "3 years and 5 seconds"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn a_wrong_clock_is_named_with_what_it_says_and_never_called_tampering() {
        let flaw = Flaw::Dates(Dates::NotAfter(1));
        for (clock, phrases) in [
            (Some(Clock::Behind(Duration::from_secs(90_061))), ["slow by 1 day and 1 hour", "it says TODAY"]),
            (Some(Clock::Ahead(Duration::from_secs(60))), ["fast by 1 minute", "it says TODAY"]),
            (Some(Clock::Right), ["clock is right", "really is out of date"]),
            (Some(Clock::Doubtful), ["clock (TODAY)", "Most likely the clock is wrong"]),
        ] {
            for what in [Fault::Chat(flaw), Fault::Media(flaw)] {
                let said = fault(What::Relay, what, clock, "TODAY");
                assert!(phrases.iter().all(|phrase| said.contains(phrase)) && !said.contains("tampers"), "{said}");
            }
        }
        let forged = fault(What::Relay, Fault::Chat(Flaw::Forged), None, "TODAY");
        assert!(forged.contains("NOT WhatsApp") && !forged.contains("clock"), "{forged}");
    }
}
