//! What a check found, stage by stage, as closed sets of words.
//!
//! The words for people are the command line's. What is found may be shown to others: it holds no address, no name, no key.

use std::time::Duration;

use super::{clock::Dates, flaw::Flaw};
use crate::trouble::{Stage, Trouble};

/// What is checked, as far as it makes a difference to advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A relay, by its link.
    Relay,
    /// A bridge or an official proxy.
    Proxy,
}

/// What a stage that was passed found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The name has as many addresses.
    Addresses(usize),
    /// There is no name: it is an address itself.
    NoName,
    /// The proxy that leads out of this network is asked for it.
    AtExit,
    /// It holds, and there is nothing to tell.
    Well,
    /// There is no key: the relay is open to all.
    Open,
    /// TLS with a relay.
    Tls(Tls),
    /// TLS with a proxy, as the app does it: any certificate is taken.
    AnyTls,
    /// WhatsApp proved itself with certificates that are valid up to this second (Unix time).
    Whatsapp(u64),
    /// WhatsApp's media host proved itself, behind this port of a proxy.
    MediaPort(u16),
}

impl Found {
    /// Words for programs; they do not change.
    #[must_use]
    pub fn token(self) -> String {
        match self {
            Self::Addresses(count) => format!("addresses={count}"),
            Self::NoName => "literal".to_owned(),
            Self::AtExit => "exit".to_owned(),
            Self::Well => "well".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Tls(Tls { name, ech }) => {
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
            Self::AnyTls => "any-certificate".to_owned(),
            Self::Whatsapp(until) => format!("until={until}"),
            Self::MediaPort(port) => format!("port={port}"),
        }
    }
}

/// What a network saw of the TLS hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name in it.
    pub name: Name,
    /// What became of the encrypted hello.
    pub ech: Ech,
}

/// The name that everybody on the way can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// None.
    None,
    /// The link's.
    Shown,
    /// Only that of the CDN as a whole.
    Public,
}

/// What became of the encrypted hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ech {
    /// There was none.
    Off,
    /// There was a pretence of one.
    Grease,
    /// The server took it.
    Accepted,
}

/// Why a stage was not passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The way there, or the relay.
    Way(Trouble),
    /// What answers for WhatsApp's chat.
    Chat(Flaw),
    /// What answers for WhatsApp's media host.
    Media(Flaw),
    /// The way to the proxy's media port.
    MediaWay(Trouble),
}

impl Fault {
    /// The stage at which it shows.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Way(trouble) => trouble.stage(),
            Self::Chat(_) => Stage::Chat,
            Self::Media(_) | Self::MediaWay(_) => Stage::Media,
        }
    }

    /// One word for programs; it does not change.
    #[must_use]
    pub fn token(self) -> String {
        match self {
            Self::Way(trouble) | Self::MediaWay(trouble) => trouble.token().into_owned(),
            Self::Chat(flaw) | Self::Media(flaw) => flaw.token().to_owned(),
        }
    }

    /// The dates that alone are wrong, if it is that.
    pub(super) const fn dates(self) -> Option<Dates> {
        match self {
            Self::Chat(Flaw::Dates(dates)) | Self::Media(Flaw::Dates(dates)) => Some(dates),
            Self::Way(_) | Self::MediaWay(_) | Self::Chat(_) | Self::Media(_) => None,
        }
    }
}

/// A stage that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which one.
    pub stage: Stage,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub result: Result<Found, Fault>,
}
