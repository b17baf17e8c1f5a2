//! Whether a relay, a bridge or an official proxy leads to WhatsApp, stage by stage, down to WhatsApp's own keys.
//!
//! [`run`] checks the whole way. [`chat()`] and [`media()`] are the proofs themselves, over any stream. It prints nothing and has
//! no words for people; the command line has. Results hold no address, no name, no key.

mod clock;
mod trust;
mod flaw;
mod chat;
mod media;
mod found;
mod hint;
mod verdict;
mod record;
mod proxy;
mod probe;
mod relay;
mod survey;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pasarela_noise::WHATSAPP_ROOT;
use rustls::pki_types::CertificateDer;

use crate::{
    connect::{self, Connector, Exit, Pace, Resolver, Setup},
    link::Link,
    share::Proxy,
    trouble::Trouble,
};

pub use crate::tls::UnusableAuthority;
pub use chat::chat;
pub use clock::{Clock, Dates};
pub use flaw::Flaw;
pub use found::{Done, Ech, Fault, Found, Name, Tls, What};
pub use media::{MEDIA_HOST, media};
pub use record::{Event, Observer};
pub use survey::{Surveyed, survey};
pub use trust::Trust;
pub use verdict::Verdict;

use record::Record;

/// What to check.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A relay.
    Relay(Box<Link>),
    /// A bridge or an official proxy.
    Proxy(Proxy),
}

/// How to check.
#[derive(Clone, Debug)]
pub struct Options {
    /// The root key that WhatsApp's certificates must come from.
    pub root: [u8; 32],
    /// Authorities to trust for TLS besides those of browsers.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Resolves names.
    pub resolver: Arc<Resolver>,
    /// Each stage may take this time.
    pub limit: Duration,
    /// The way out of this network towards the relay, if it is not free.
    pub exit: Option<Exit>,
    /// This device's time, Unix seconds.
    pub now: u64,
}

impl Default for Options {
    fn default() -> Self {
        // Before 1970 nothing is valid, which is what the check will say.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            root: WHATSAPP_ROOT,
            authorities: Vec::new(),
            resolver: Resolver::usual(),
            limit: Duration::from_secs(10),
            exit: None,
            now,
        }
    }
}

/// What keeps a check from beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// One of the additional authorities is no certificate.
    Authority,
    /// The link.
    Link(connect::Unusable),
    /// The relay has no address.
    Way(Trouble),
}

/// Checks the way to WhatsApp, and tells `observer` of each stage.
///
/// # Errors
///
/// It could not even begin. What it finds wrong is no error, but the verdict.
pub async fn run(subject: &Subject, options: &Options, observer: Observer<'_>) -> Result<Verdict, Unusable> {
    let trust = Trust::new(&options.authorities, options.now).map_err(|UnusableAuthority| Unusable::Authority)?;
    let mut record = Record::new(options.limit, observer);
    let what = match subject {
        Subject::Relay(link) => {
            let mut setup = Setup::new(Arc::clone(&options.resolver));
            setup.extra_roots = options.authorities.clone();
            setup.exit = options.exit.clone();
            setup.pace = Pace { stage: options.limit, whole: options.limit * 3, ..Pace::DEFAULT };
            let connector = Connector::new(link, &setup).map_err(Unusable::Link)?;
            // Where it stopped is in the record.
            let _ = relay::run((link, connector), options, &trust, &mut record).await;
            What::Relay
        }
        Subject::Proxy(proxy) => {
            let _ = proxy::run(proxy, options, &trust, &mut record).await;
            What::Proxy
        }
    };
    Ok(record.verdict(what, options.now))
}
