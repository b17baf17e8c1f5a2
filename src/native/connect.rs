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
mod greeter;
mod cdn;
mod shape;
mod lost;
mod notes;
mod reach;
mod search;
mod untested;
mod dial;
mod survey;
mod spare;

use std::{
    fmt, io,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;

use crate::{
    link::Link,
    net::local_towards,
    sleep::Moment,
    tls::{Authorities, UnusableAuthority},
    trouble::Trouble,
    tunnel::{Dialer, Dialled, Dialling, Seeking},
};
use dial::For;
use greeter::{Greeter, UnusableHello};
use reach::{AT_ONCE, Reach, Through, network};
use spare::{Keeper, Make, Spare};

pub use crate::{
    tls::anybody,
    ways::{Detour, Met, Name, Shape, Stack},
};
pub use dns::{Looking, Lookup, Mode, Provider, Resolved, Resolver, UnusableProvider};
pub(crate) use exit::is_here;
pub use exit::{Exit, Exits, UnusableExit};
pub use notes::{Notes, UnusableNotes};
pub use race::Pace;
pub use report::{EchStatus, Shown, Source, Step, Version};
pub use spare::Spares;
pub use survey::Candidate;

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
    /// Keeps which way worked for the next start, if it may be kept at all.
    pub notes: Option<Arc<Notes>>,
}

impl Setup {
    /// The usual, with this resolver.
    #[must_use]
    pub const fn new(resolver: Arc<Resolver>) -> Self {
        Self {
            resolver,
            extra_roots: Vec::new(),
            pace: Pace::DEFAULT,
            spares: Spares::DEFAULT,
            exit: None,
            notes: None,
        }
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
    reach: Arc<Reach>,
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
        let reach = Reach {
            targets: link.targets(),
            ports: link.ports.clone(),
            allowed: link.allowed,
            greeter: if link.secure { Some(greeter(link, setup)?) } else { None },
            resolver: Arc::clone(&setup.resolver),
            pace: setup.pace,
            exit: setup.exit.clone(),
            memories: Mutex::default(),
            page: setup.notes.as_ref().map(|notes| notes.of(link)),
            scouting: tokio::sync::Mutex::default(),
            hopes: AtomicBool::default(),
            hellos: Semaphore::new(AT_ONCE),
        };
        let reach = Arc::new(reach);
        let keeper = Keeper::new(setup.spares, make(Arc::clone(&reach)));
        Ok(Self { reach, keeper })
    }

    /// Closes the connections that were made ahead. Others are made after the next dial.
    pub fn close_spares(&self) {
        self.keeper.close();
    }

    /// Forgets what earlier dials taught about addresses, and closes the connections that were made ahead, so that the next
    /// dial is as the first.
    pub fn forget(&self) {
        self.close_spares();
        self.reach.forget();
    }

    /// All ways that are worth a try here, to be tried one by one. Names are resolved in this time.
    ///
    /// # Errors
    ///
    /// The relay has no address.
    pub async fn candidates(&self, limit: Duration) -> Result<Vec<Candidate>, Trouble> {
        self.reach.candidates(limit).await
    }

    /// Tries one of them, for so long.
    ///
    /// # Errors
    ///
    /// Why it is not open.
    pub async fn try_candidate(&self, candidate: &Candidate, limit: Duration) -> Result<Dialled, Trouble> {
        self.reach.try_candidate(candidate, limit).await
    }

    /// Dials as the first time, never takes or makes a connection ahead, and shows each stage with its time: those that the winner has passed, or behind a failure
    /// those of the attempt that came furthest.
    ///
    /// # Errors
    ///
    /// Why none was to be had.
    pub async fn dial_observed(&self, observe: &mut (dyn FnMut(Step) + Send)) -> Result<Dialled, Trouble> {
        match self.reach.dial(For::Show).await {
            Ok(through) => {
                through.steps.into_iter().for_each(observe);
                Ok(Dialled { stream: through.stream, host: through.host })
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
            if let Some(dialled) = self.keeper.take().await {
                return Ok(dialled);
            }
            match self.reach.dial(For::Now).await {
                Ok(through) => {
                    self.keeper.reached();
                    Ok(Dialled { stream: through.stream, host: through.host })
                }
                Err(failed) => Err(io::Error::from(failed.trouble)),
            }
        })
    }

    fn detour(&self) -> Option<Detour> {
        self.reach.memory(network(), |memory| memory.detour())
    }

    fn searches(&self) -> bool {
        self.reach.searches()
    }

    fn seek_faster(&self) -> Seeking<'_> {
        Box::pin(async {
            let (found, trial) = self.reach.seek_faster().await?;
            self.keeper.close();
            self.keeper.put(spare(found));
            Some(trial)
        })
    }
}

/// Makes connections ahead as dials make them.
fn make(reach: Arc<Reach>) -> Make {
    Arc::new(move || {
        let reach = Arc::clone(&reach);
        Box::pin(async move {
            // Whoever has taken the last one goes first.
            tokio::task::yield_now().await;
            reach.dial(For::Later).await.ok().map(spare)
        })
    })
}

/// To be taken by a later dial.
fn spare(through: Through) -> Spare {
    let (peer, local, made) = (through.peer, through.local, Moment::now());
    let good = move || local_towards(peer) == local && !made.slept_until(Moment::now());
    Spare { dialled: Dialled { stream: through.stream, host: through.host }, good: Box::new(good) }
}

fn greeter(link: &Link, setup: &Setup) -> Result<Greeter, Unusable> {
    let authorities = Authorities::with(&setup.extra_roots).map_err(|UnusableAuthority| Unusable::Root)?;
    let greeter = Greeter::new(link, &authorities, &setup.resolver, ALPN, setup.exit.is_none());
    greeter.map_err(|unusable| match unusable {
        UnusableHello::Name => Unusable::Name,
        UnusableHello::Ech => Unusable::Ech,
    })
}
