//! Reaches the relay of a link: resolves its names, races its addresses, makes TLS as the link says.
//!
//! What a network sees of the way (names asked for, addresses, handshake) is decided here and nowhere else. The upgrade is
//! the tunnel's, and so is when to dial. No log line or error holds an address, a name or a key.

mod report;
mod tls;
mod race;
mod tcp;
mod exit;
pub(crate) mod dns;
mod hello;
mod learnt;
mod dial;
mod untested;
mod spare;

use std::{
    fmt, io,
    sync::{Arc, Mutex},
};

use rustls::pki_types::CertificateDer;

use crate::{
    link::{Ech, Link},
    net::{BoxedStream, local_towards},
    sleep::Moment,
    tls::{Authorities, UnusableAuthority},
    trouble::Trouble,
    tunnel::{Dialer, Dialling},
};
use dial::Way;
use hello::Hello;
use spare::{Keeper, Make, Spare};
use tls::{Identity, server_name};
use untested::Untested;

pub use crate::tls::anybody;
pub use dns::{Looking, Lookup, Mode, Provider, Resolved, Resolver, UnusableProvider};
pub(crate) use exit::is_here;
pub use exit::{Exit, Exits, UnusableExit};
pub use race::Pace;
pub use report::{EchStatus, Shown, Source, Step, Version};
pub use spare::Spares;

/// What a browser's WebSocket offers: with more, a server might choose what has no upgrade.
const ALPN: &[&[u8]] = &[b"http/1.1"];

/// What a connector is made of, besides a link.
#[derive(Clone)]
pub struct Setup {
    /// Resolves names; one for all, for its memory.
    pub resolver: Arc<Resolver>,
    /// Authorities to trust beside those of browsers, DER.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How long things may take.
    pub pace: Pace,
    /// Connections made ahead.
    pub spares: Spares,
    /// The way out of this network, if it is not free.
    pub exit: Option<Exit>,
}

impl Setup {
    /// The usual, with this resolver.
    #[must_use]
    pub const fn new(resolver: Arc<Resolver>) -> Self {
        Self { resolver, extra_roots: Vec::new(), pace: Pace::DEFAULT, spares: Spares::DEFAULT, exit: None }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// What makes a link or a setup unusable for connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// One of the link's names can be in no certificate.
    Name,
    /// The link's ECHConfigList holds no configuration that is known here.
    Ech,
    /// An extra authority is no certificate.
    Root,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "one of the link's names can be in no certificate",
            Self::Ech => "ech= in the link holds no configuration that this program can use",
            Self::Root => "an additional authority is not a certificate",
        })
    }
}

impl std::error::Error for Unusable {}

/// Reaches one relay. Dropped, it closes its spare connections.
pub struct Connector {
    way: Arc<Way>,
    keeper: Keeper,
}

// Its way holds addresses and names.
impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Reaches the relay of this link. Nothing is sent before the first dial.
    ///
    /// # Errors
    ///
    /// The link or an extra authority cannot be used.
    pub fn new(link: &Link, setup: &Setup) -> Result<Self, Unusable> {
        let way = Way {
            targets: link.targets(),
            hello: if link.secure { Some(hello(link, setup)?) } else { None },
            resolver: Arc::clone(&setup.resolver),
            pace: setup.pace,
            exit: setup.exit.clone(),
            learnt: Mutex::default(),
        };
        let way = Arc::new(way);
        let keeper = Keeper::new(setup.spares, make(Arc::clone(&way)));
        Ok(Self { way, keeper })
    }

    /// Closes the connections that were made ahead. Others are made after the next dial.
    pub fn close_spares(&self) {
        self.keeper.close();
    }

    /// Forgets what earlier dials taught about addresses, and closes the connections that were made ahead, so that the next
    /// dial is as the first.
    pub fn forget(&self) {
        self.close_spares();
        self.way.forget();
    }

    /// Dials as the first time, never takes or makes a connection ahead, and shows each stage with its time: those that the winner has passed, or behind a failure
    /// those of the attempt that came furthest.
    ///
    /// # Errors
    ///
    /// Why none was to be had.
    pub async fn dial_observed(&self, observe: &mut (dyn FnMut(Step) + Send)) -> Result<BoxedStream, Trouble> {
        match self.way.dial(true).await {
            Ok(through) => {
                through.steps.into_iter().for_each(observe);
                Ok(through.stream)
            }
            Err(failed) => {
                failed.steps.into_iter().for_each(observe);
                Err(failed.trouble)
            }
        }
    }
}

impl Dialer for Connector {
    fn dial(&self) -> Dialling<'_> {
        Box::pin(async {
            if let Some(stream) = self.keeper.take().await {
                return Ok(stream);
            }
            match self.way.dial(false).await {
                Ok(through) => {
                    self.keeper.reached();
                    Ok(through.stream)
                }
                Err(failed) => Err(io::Error::from(failed.trouble)),
            }
        })
    }
}

/// Makes connections ahead as dials make them.
fn make(way: Arc<Way>) -> Make {
    Arc::new(move || {
        let way = Arc::clone(&way);
        Box::pin(async move {
            let through = way.dial(false).await.ok()?;
            let (peer, local, made) = (through.peer, through.local, Moment::now());
            let good = move || local_towards(peer) == local && !made.slept_until(Moment::now());
            let stream = Box::new(Untested::new(through.stream, through.round_trip));
            Some(Spare { stream, good: Box::new(good) })
        })
    })
}

fn hello(link: &Link, setup: &Setup) -> Result<Hello, Unusable> {
    let authorities = Authorities::with(&setup.extra_roots).map_err(|UnusableAuthority| Unusable::Root)?;
    let sni = link.sni().map(|name| server_name(name).ok_or(Unusable::Name)).transpose()?;
    let verified = server_name(link.verified()).ok_or(Unusable::Name)?;
    let identity = Identity { sni, verified, pin: link.pin, alpn: ALPN };
    let ech: &Ech = &link.ech;
    Hello::new(identity, authorities, ech, &link.host, &setup.resolver).map_err(|_| Unusable::Ech)
}
