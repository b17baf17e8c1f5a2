//! One word for each result, for programs that read them; they do not change.
//!
//! The words for people are the command line's.

use super::found::{Ech, Fault, Found, Name, Tls};
use crate::trouble::{Stage, Trouble};

/// The word for a stage.
#[must_use]
pub const fn of_stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Name => "name",
        Stage::Connect => "connect",
        Stage::Tls => "tls",
        Stage::Upgrade => "upgrade",
        Stage::Key => "key",
        Stage::Upstream => "upstream",
        Stage::Chat => "chat",
        Stage::Media => "media",
    }
}

/// The words for what a stage found.
#[must_use]
pub fn of_result(result: Result<Found, Fault>) -> String {
    match result {
        Ok(found) => of_found(found),
        Err(Fault::Way(trouble) | Fault::MediaWay(trouble)) => of_trouble(trouble),
        Err(Fault::Chat(flaw) | Fault::Media(flaw)) => flaw.token().to_owned(),
    }
}

fn of_found(found: Found) -> String {
    match found {
        Found::Addresses(count) => format!("addresses={count}"),
        Found::NoName => "literal".to_owned(),
        Found::AtExit => "exit".to_owned(),
        Found::Well => "well".to_owned(),
        Found::Open => "open".to_owned(),
        Found::Tls(Tls { name, ech }) => {
            let name = match name {
                Name::None => "none",
                Name::Shown => "shown",
                Name::Public => "public",
            };
            let ech = match ech {
                Ech::Off => "off",
                Ech::Grease => "grease",
                Ech::Accepted => "accepted",
            };
            format!("sni={name} ech={ech}")
        }
        Found::AnyTls => "any-certificate".to_owned(),
        Found::Whatsapp(until) => format!("until={until}"),
        Found::MediaPort(port) => format!("port={port}"),
    }
}

fn of_trouble(trouble: Trouble) -> String {
    let word = match trouble {
        Trouble::NoResolver => "no-resolver",
        Trouble::NoAddress => "no-address",
        Trouble::NoEch => "no-ech",
        Trouble::Refused => "refused",
        Trouble::Unreachable => "unreachable",
        Trouble::ConnectTimeout => "connect-timeout",
        Trouble::NoExit => "no-exit",
        Trouble::ExitStatus(status) => return format!("exit-status-{status}"),
        Trouble::ExitRefused => "exit-refused",
        Trouble::TlsReset => "tls-reset",
        Trouble::TlsTimeout => "tls-timeout",
        Trouble::TlsRefused => "tls-refused",
        Trouble::TlsOther => "tls-other",
        Trouble::CertificateExpired => "certificate-expired",
        Trouble::CertificateNotYetValid => "certificate-not-yet-valid",
        Trouble::CertificateName => "certificate-name",
        Trouble::CertificateIssuer => "certificate-issuer",
        Trouble::CertificateAuthority => "certificate-authority",
        Trouble::CertificateForm => "certificate-form",
        Trouble::CertificatePin => "certificate-pin",
        Trouble::EchRejected => "ech-rejected",
        Trouble::UpgradeReset => "upgrade-reset",
        Trouble::UpgradeTimeout => "upgrade-timeout",
        Trouble::NoWebSockets => "no-websockets",
        Trouble::Elsewhere => "elsewhere",
        Trouble::Status(status) => return format!("status-{status}"),
        Trouble::ErrorPage(number) => return format!("error-page-{number}"),
        Trouble::NoRelay => "no-relay",
        Trouble::Key => "wrong-key",
        Trouble::Stream(code) => code.token(),
        Trouble::UpstreamTimeout => "upstream-timeout",
    };
    word.to_owned()
}
