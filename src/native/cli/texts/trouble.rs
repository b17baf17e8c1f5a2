//! A trouble in words, for the bridge's line and for a check's end, and what to try: the one table of them.
//!
//! When each is right is `crate::trouble`'s.

use std::borrow::Cow;

use pasarela_core::codes::Code;

use crate::{
    check::What,
    trouble::{Hint, Trouble},
};

/// What a trouble is called.
pub(in super::super) struct Words {
    /// Behind the relay's name, on a line with other things.
    pub(in super::super) few: Cow<'static, str>,
    /// What it means, alone. In it `{it}` is what is checked, `{today}` what this device takes for the date.
    sentence: Cow<'static, str>,
}

impl Words {
    /// The sentence about what is checked.
    pub(in super::super) fn sentence(&self, what: What, today: &str) -> String {
        self.sentence.replace("{it}", noun(what)).replace("{today}", today)
    }
}

/// What is checked, in one word.
pub(in super::super) const fn noun(what: What) -> &'static str {
    match what {
        What::Relay => "relay",
        What::Proxy => "proxy",
    }
}

/// The words for a trouble.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(in super::super) fn words(trouble: Trouble) -> Words {
    let (few, sentence) = match trouble {
        Trouble::NoResolver => {
            ("no answer to the question for its address", "Names cannot be looked up here: no name server answers.")
        }
        Trouble::NoAddress => {
            ("its name does not exist, or is blocked", "The name of the {it} does not exist, or this network hides it.")
        }
        Trouble::NoEch => (
            "the key to hide its name (ECH) cannot be looked up",
            "The link asks to hide the {it}'s name, and the key for that (ECH) cannot be looked up.",
        ),
        Trouble::Refused => (
            "nothing answers at its address",
            "Nothing listens there: the {it} is not running, or its address or port is another.",
        ),
        Trouble::Unreachable => (
            "no network leads there; is this computer online?",
            "No network leads there; perhaps this device is offline.",
        ),
        Trouble::ConnectTimeout => (
            "its address does not answer, or is blocked",
            "The {it}'s address does not answer: it is switched off, or this network blocks the address.",
        ),
        Trouble::NoExit => (
            "the proxy of this network (HTTPS_PROXY or --proxy) cannot be reached",
            "The proxy that leads out of this network (HTTPS_PROXY or --proxy) cannot be reached, or is not a proxy.",
        ),
        Trouble::ExitStatus(407) => (
            "the proxy of this network wants a password",
            "The proxy that leads out of this network wants a password (407).",
        ),
        Trouble::ExitStatus(status) => {
            return said(
                format!("the proxy of this network refuses ({status})"),
                format!("The proxy that leads out of this network does not let the {{it}} be reached ({status})."),
            );
        }
        Trouble::ExitRefused => (
            "the proxy of this network refuses, or does not reach it",
            "The proxy that leads out of this network does not let the {it} be reached, or cannot reach it.",
        ),
        Trouble::TlsReset => (
            "cut off as soon as its name was seen: its name is blocked",
            "The connection was cut when it showed the {it}'s name: this network probably forbids the name.",
        ),
        Trouble::HelloDropped => (
            "what shows its name never arrives: this network drops it",
            "What showed the {it}'s name never arrived there, though it was sent again: this network drops what names it.",
        ),
        Trouble::TlsTimeout => (
            "silent as soon as its name was seen: its name is probably blocked",
            "There was no more answer once the {it}'s name was shown: this network probably forbids the name.",
        ),
        Trouble::TlsRefused => {
            ("the website there does not know its name", "The server there does not know the {it}'s name.")
        }
        Trouble::TlsOther => {
            ("what answers there is not a secure website", "What answers there does not speak TLS as it should.")
        }
        Trouble::CertificateExpired => (
            "its certificate has expired, or the clock of this computer is wrong",
            "By this device's clock ({today}) the {it}'s certificate is out of date. The clock is wrong, or whoever runs \
             the {it} did not renew it.",
        ),
        Trouble::CertificateNotYetValid => (
            "its certificate is not valid yet: the clock of this computer is probably wrong",
            "By this device's clock ({today}) the {it}'s certificate is not valid yet. Most likely the clock is wrong.",
        ),
        Trouble::CertificateName => (
            "somebody else answers in its place: wrong certificate",
            "What answers there is not the {it}: its certificate has another name.",
        ),
        Trouble::CertificateIssuer => (
            "nobody trusted vouches for its certificate: its owner's own, or somebody in between",
            "Nobody trusted vouches for what answers there. Either the {it} has a certificate of its owner's own, which the \
             link would have to name (&pin=…), or somebody on the way may be listening.",
        ),
        Trouble::CertificateAuthority => (
            "its certificate is an authority's, not a server's; its owner must make another",
            "The {it}'s certificate is an authority's (CA:TRUE), as openssl req -x509 makes them, and cannot be a server's.",
        ),
        Trouble::CertificateForm => (
            "its certificate is of an old form (version 1); its owner must make another",
            "The {it}'s certificate is of a form that programs no longer take, such as version 1 of X.509.",
        ),
        Trouble::CertificatePin => {
            ("another certificate than the one in the link", "What answers there is not the {it} that the link is for.")
        }
        Trouble::EchRejected => {
            ("it does not take an encrypted name", "The server does not let the {it}'s name be hidden (ECH).")
        }
        Trouble::UpgradeReset => {
            ("cut off when asked for the relay", "The connection was cut when it asked for the {it}.")
        }
        Trouble::UpgradeTimeout => {
            ("silent when asked for the relay", "A server is there, but it does not answer when asked for the {it}.")
        }
        Trouble::NoWebSockets => (
            "the web server in front of it passes no WebSockets on; its owner must look",
            "The {it} is there and knows the key, but the web server in front of it passes no WebSockets on.",
        ),
        Trouble::Elsewhere => (
            "it sends elsewhere: a log-in page of this network, or another site",
            "What answers there is not the {it}: it sends to another site.",
        ),
        Trouble::Status(status) => return of_status(status),
        Trouble::ErrorPage(number) => return of_page(number),
        Trouble::NoRelay => ("there is a website, but not a relay", "Something answers there, but it is not a relay."),
        Trouble::Key => (
            "the key in the link is wrong or no longer valid",
            "There is no relay under this key: the key is wrong or was taken back.",
        ),
        Trouble::Stream(code) => return of_code(code),
        Trouble::UpstreamTimeout => {
            ("it cannot reach WhatsApp: no answer", "The relay is there, but it does not reach WhatsApp.")
        }
    };
    said(few, sentence)
}

fn said(few: impl Into<Cow<'static, str>>, sentence: impl Into<Cow<'static, str>>) -> Words {
    Words { few: few.into(), sentence: sentence.into() }
}

fn of_status(status: u16) -> Words {
    match status {
        403 | 451 => said(
            format!("access is forbidden there ({status})"),
            format!("The request for the relay was forbidden (HTTP {status})."),
        ),
        429 => said("it is asked too often now (429)", "The server there is asked too often at the moment (HTTP 429)."),
        503 => said("it has too much to do now (503)", "The server there has too much to do at the moment (HTTP 503)."),
        500.. => said(
            format!("the server there is in trouble ({status})"),
            format!("The server there is in trouble (HTTP {status})."),
        ),
        _ => said(
            format!("it does not answer as a relay does ({status})"),
            format!("Something answers there, but not as a relay does (HTTP {status})."),
        ),
    }
}

/// Cloudflare's numbers.
fn of_page(number: u16) -> Words {
    match number {
        1027 => said(
            "the relay's free requests of today are used up",
            "The relay has used up what its free plan allows for today (Cloudflare 1027).",
        ),
        1101 | 1102 => said(
            "the relay's program failed; its owner must look",
            format!("The relay's program failed (Cloudflare {number})."),
        ),
        1005..=1012 | 1020 => said(
            "Cloudflare forbids this network or country to use it",
            format!("Cloudflare forbids this network or country to use the relay ({number})."),
        ),
        1015 => said("it is asked too often from here", "The relay is asked too often from here (Cloudflare 1015)."),
        _ => said(
            format!("Cloudflare answers in its place, with error {number}"),
            format!("Cloudflare answers in the relay's place, with error {number}."),
        ),
    }
}

/// Why the relay ended a stream.
pub(super) fn of_code(code: Code) -> Words {
    let (few, sentence) = match code {
        Code::UpstreamRefused => {
            ("it cannot reach WhatsApp: refused", "The relay is there, but WhatsApp's servers refuse its connection.")
        }
        Code::UpstreamTimeout => {
            ("it cannot reach WhatsApp: no answer", "The relay is there, but WhatsApp's servers do not answer it.")
        }
        Code::UpstreamReset => {
            ("its connection to WhatsApp was cut", "The relay is there, but its connection to WhatsApp was cut.")
        }
        Code::Busy => ("it has no room now", "The relay is there, but has no room at the moment."),
        Code::Cpu => ("it has used up its computing time", "The relay is there, but has used up its computing time."),
        Code::Draining => {
            ("it is just being replaced by a newer one", "The relay is just being replaced by a newer one.")
        }
        Code::Crashed => (
            "its program failed just now, and has started anew",
            "The relay's program failed just now, and has started anew.",
        ),
        Code::Destination => (
            "it does not allow the server that was asked for",
            "The relay does not allow the server that was asked for.",
        ),
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
        | Code::Flood => {
            return said(
                format!("it ended the connection: {}", code.token()),
                "The relay ended the connection for an unexpected reason.",
            );
        }
    };
    said(few, sentence)
}

/// What to try next.
pub(in super::super) const fn advice(hint: Hint) -> &'static str {
    match hint {
        Hint::Network => "check that this device is online, for example with another site; then try another network.",
        Hint::Link => {
            "compare the link with the one that was sent to you, letter by letter; perhaps a part is missing."
        }
        Hint::Operator => "tell whoever runs the relay that it is down, and use another relay until it is back.",
        Hint::OtherAddress => "another network; then another relay, or a link with another address (&addr=…).",
        Hint::HideName => "the link with &ech=auto or &sni=none at its end; then another network or another relay.",
        Hint::SetClock => "set this device's date, time and time zone, ideally from the network, and check again.",
        Hint::LookAtClock => "compare this device's date and time with another clock, correct them, and check again.",
        Hint::Intercepted => {
            "another network. If this one has a log-in page, log in first. Never continue past such a warning."
        }
        Hint::Ech => "the link without its part &ech=…, if the relay's name may be seen; else another relay.",
        Hint::Exit => {
            "compare --proxy, HTTPS_PROXY and ALL_PROXY with what this network says; http://USER:PASSWORD@HOST:PORT if it \
             wants a password; or remove them all, if there is another way out."
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
        Hint::Forbidden => "another network. If it is forbidden there too, ask whoever runs the relay.",
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
            "for a bridge, see what it says itself about its relay; for another proxy, see whether port and TLS are right \
             (--chat-port, --tls=true or --tls=false)."
        }
        Hint::MediaPort => "the proxy's port for media, with --media-port (often 587, or the same as for chat).",
    }
}
