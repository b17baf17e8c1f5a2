//! What `pasarela check` says: a line for each stage, what a failure means, what to try.

use std::time::Duration;

use pasarela_core::codes::Code;

use crate::check::{Clock, Dates, Ech, Fault, Flaw, Found, Hint, Name, Tls, What};
use crate::link::Vouched;
use crate::trouble::{Stage, Trouble};

pub(in super::super) const WELL_RELAY: &str = "All well: WhatsApp works through this relay.";
pub(in super::super) const WELL_OTHER_ROOT: &str =
    "All well by the key that the link itself names. It is not WhatsApp's, so this is a test and no proof.";
pub(in super::super) const WELL_PROXY: &str = "All well: WhatsApp works through this proxy.";
pub(in super::super) const FAILED: &str = "FAILED";
pub(in super::super) const TRY: &str = "Try:";
pub(in super::super) const STOPPED: &str = "stopped before the end";
pub(in super::super) const NO_LINK: &str = "the link cannot be used";
pub(in super::super) const NO_PROXY: &str = "what stands behind --via cannot be used";
pub(in super::super) const NO_ROOT: &str = "what stands behind --root must be 64 hexadecimal digits";
pub(in super::super) const OTHER_ROOT: &str =
    "note: the link names another root key than WhatsApp's (&root=…), as the simulator needs it";
/// A link that is not what it looks like.
pub(in super::super) fn vouched(host: &str, vouched: Vouched<'_>) -> String {
    let instead = match vouched {
        Vouched::Name(name) => format!("the certificate is verified for {name}"),
        Vouched::Pin => "any certificate counts that has the key behind &pin=".to_owned(),
    };
    format!("note: {host} is only what the link calls the relay; {instead}, as the link says")
}

pub(in super::super) const NO_CERTIFICATE: &str = "the file behind --ca holds something that is no authority";

/// What is done in a stage, while it is done.
pub(in super::super) const fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Name => "looking up the name",
        Stage::Connect => "connecting",
        Stage::Tls => "making an encrypted connection",
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
        Found::AnyTls => "whatever certificate the proxy has, as WhatsApp takes it".to_owned(),
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

const fn noun(what: What) -> &'static str {
    match what {
        What::Relay => "relay",
        What::Proxy => "proxy",
    }
}

fn way(what: What, trouble: Trouble, today: &str) -> String {
    let it = noun(what);
    match trouble {
        Trouble::NoResolver => "Names cannot be looked up here: no name server answers.".to_owned(),
        Trouble::NoAddress => format!("The name of the {it} does not exist, or this network hides it."),
        Trouble::NoEch => {
            format!("The link asks to hide the {it}'s name, and the key for that (ECH) cannot be looked up.")
        }
        Trouble::Refused => format!("Nothing listens there: the {it} does not run, or its address or port is another."),
        Trouble::Unreachable => "No network leads there; perhaps this device is offline.".to_owned(),
        Trouble::ConnectTimeout => {
            format!("The {it}'s address does not answer: it is switched off, or this network blocks the address.")
        }
        Trouble::NoExit => {
            "The proxy that leads out of this network (HTTPS_PROXY or --proxy) cannot be reached, or is none."
                .to_owned()
        }
        Trouble::ExitStatus(407) => "The proxy that leads out of this network wants a password (407).".to_owned(),
        Trouble::ExitStatus(status) => {
            format!("The proxy that leads out of this network does not let the {it} be reached ({status}).")
        }
        Trouble::ExitRefused => {
            format!("The proxy that leads out of this network does not let the {it} be reached, or cannot reach it.")
        }
        Trouble::TlsReset | Trouble::TlsTimeout | Trouble::TlsRefused | Trouble::TlsOther if what == What::Proxy => {
            "The proxy answers, but not with TLS: this port may be one without.".to_owned()
        }
        Trouble::TlsReset => {
            format!("The connection was cut when it showed the {it}'s name: this network probably forbids the name.")
        }
        Trouble::TlsTimeout => {
            format!("There was no more answer once the {it}'s name was shown: this network probably forbids the name.")
        }
        Trouble::TlsRefused => format!("The server there does not know the {it}'s name."),
        Trouble::TlsOther => "What answers there does not speak TLS as it should.".to_owned(),
        Trouble::CertificateExpired | Trouble::CertificateNotYetValid => {
            let state = if trouble == Trouble::CertificateExpired { "out of date" } else { "not valid yet" };
            format!(
                "By this device's clock ({today}) the {it}'s certificate is {state}. The clock is wrong, or whoever runs \
                 the {it} did not renew it."
            )
        }
        Trouble::CertificateName => format!("What answers there is not the {it}: its certificate has another name."),
        Trouble::CertificateIssuer => format!(
            "Nobody trusted vouches for what answers there. Either the {it} has a certificate of its owner's own, which the \
             link would have to name (&pin=…), or somebody on the way may be listening."
        ),
        Trouble::CertificateAuthority => format!(
            "The {it}'s certificate is an authority's (CA:TRUE), as openssl req -x509 makes them, and cannot be a server's."
        ),
        Trouble::CertificateForm => {
            format!("The {it}'s certificate is of a form that programs no longer take, such as version 1 of X.509.")
        }
        Trouble::CertificatePin => format!("What answers there is not the {it} that the link is for."),
        Trouble::EchRejected => format!("The server does not let the {it}'s name be hidden (ECH)."),
        Trouble::UpgradeReset => format!("The connection was cut when it asked for the {it}."),
        Trouble::UpgradeTimeout => format!("A server is there, but it does not answer when asked for the {it}."),
        Trouble::Status(status) => of_status(status),
        Trouble::NoWebSockets => {
            format!("The {it} is there and knows the key, but the web server in front of it passes no WebSockets on.")
        }
        Trouble::Elsewhere => format!("What answers there is not the {it}: it sends to another site."),
        Trouble::ErrorPage(number) => of_page(number),
        Trouble::NoRelay => "Something answers there, but it is no relay.".to_owned(),
        Trouble::Key => "There is no relay under this key: the key is wrong or was taken back.".to_owned(),
        Trouble::Stream(code) => of_code(code).to_owned(),
        Trouble::UpstreamTimeout => "The relay is there, but it does not reach WhatsApp.".to_owned(),
    }
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

fn of_status(status: u16) -> String {
    match status {
        403 | 451 => format!("The request for the relay was forbidden (HTTP {status})."),
        429 => "The server there is asked too often at the moment (HTTP 429).".to_owned(),
        500.. => format!("The server there is in trouble (HTTP {status})."),
        _ => format!("Something answers there, but not as a relay does (HTTP {status})."),
    }
}

fn of_page(number: u16) -> String {
    match number {
        1027 => "The relay has used up what its free plan allows for today (Cloudflare 1027).".to_owned(),
        1101 | 1102 => format!("The relay's program failed (Cloudflare {number})."),
        1005..=1012 | 1020 => format!("Cloudflare forbids this network or country to use the relay ({number})."),
        1015 => "The relay is asked too often from here (Cloudflare 1015).".to_owned(),
        _ => format!("Cloudflare answers in the relay's place, with error {number}."),
    }
}

const fn of_code(code: Code) -> &'static str {
    match code {
        Code::UpstreamRefused => "The relay is there, but WhatsApp's servers refuse its connection.",
        Code::UpstreamTimeout => "The relay is there, but WhatsApp's servers do not answer it.",
        Code::UpstreamReset => "The relay is there, but its connection to WhatsApp was cut.",
        Code::Busy => "The relay is there, but has no room at the moment.",
        Code::Cpu => "The relay is there, but has used up its computing time.",
        Code::Draining => "The relay is just being replaced by a newer one.",
        Code::Crashed => "The relay's program failed just now, and has started anew.",
        Code::Destination => "The relay does not allow the server that was asked for.",
        Code::End
        | Code::Text
        | Code::Garbage
        | Code::Silent
        | Code::TooBig
        | Code::Queue
        | Code::Protocol
        | Code::Superseded
        | Code::Gone
        | Code::Idle
        | Code::Flood => "The relay ended the connection for a reason that it should not have.",
    }
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
        Flaw::Stream(code) => of_code(code).to_owned(),
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
        Flaw::Stream(code) => format!("Chat works, photos and files do not. {}", of_code(code)),
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

/// What to try next.
pub(in super::super) const fn hint(hint: Hint) -> &'static str {
    match hint {
        Hint::Network => {
            "see whether this device is online at all, for example with another site; then another network."
        }
        Hint::Link => {
            "compare the link with the one that was sent to you, letter by letter; perhaps a part is missing."
        }
        Hint::Operator => "tell whoever runs the relay that it does not run, and use another relay meanwhile.",
        Hint::OtherAddress => "another network; then another relay, or a link with another address (&addr=…).",
        Hint::HideName => "the link with &ech=auto or &sni=none at its end; then another network or another relay.",
        Hint::SetClock => "set date, time and time zone of this device, best from the network, and check again.",
        Hint::LookAtClock => "compare date and time of this device with another clock, set them, and check again.",
        Hint::Intercepted => {
            "another network. If this one has a log-in page, log in first. Never go on past such a warning."
        }
        Hint::Ech => "the link without its part &ech=…, if the relay's name may be seen; else another relay.",
        Hint::Exit => {
            "compare --proxy, HTTPS_PROXY and ALL_PROXY with what this network says; http://USER:PASSWORD@HOST:PORT if it \
             wants a password; or none of them, if there is another way out."
        }
        Hint::Front => {
            "tell whoever runs the relay. In nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, \
             proxy_set_header Connection upgrade. At a CDN: WebSockets on."
        }
        Hint::Certificate => {
            "tell whoever runs the relay: a certificate of version 3 with CA:FALSE, or one of an authority such as \
             Let's Encrypt. With one of their own the link needs its fingerprint (&pin=…)."
        }
        Hint::Slow => "again with --timeout 60, or where the line is better.",
        Hint::Forbidden => "another network. If it is forbidden there, too, ask whoever runs the relay.",
        Hint::Tomorrow => {
            "another relay until midnight UTC; whoever runs this one should know that it is used that much."
        }
        Hint::Later => "again in some minutes; then tell whoever runs the relay.",
        Hint::NewLink => {
            "compare the link with the one that was sent to you; then ask whoever runs the relay for a new one."
        }
        Hint::RelaysWay => "again in some minutes; then another relay, and tell whoever runs this one.",
        Hint::DoNotUse => {
            "do not use it, and change nothing on the phone. Use another one, of somebody you trust. If the same \
             happens with others, the network that you are in tampers."
        }
        Hint::Newer => "again tomorrow, and a newer version of this program.",
        Hint::Proxy => "see whether it runs, and whether address and port are right; a bridge needs the same Wi-Fi.",
        Hint::Ports => {
            "of a bridge, see what it says itself about its relay; of another proxy, see whether port and TLS are right \
             (--chat-port, --tls=true or --tls=false)."
        }
        Hint::MediaPort => "the proxy's port for media, with --media-port (often 587, or the same as for chat).",
    }
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
