//! Takes a connection as far as it takes to know what it speaks.
//!
//! Bytes that were looked at are handed on with the connection. It dials nothing.

use std::{io, net::IpAddr, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use pasarela_core::{
    limits, policy, proxy,
    route::Kind,
    sniff::{Sniff, sniff},
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{
    admission::Admission,
    certificate,
    door::{Door, Proxy, Role},
    local::Local,
    names,
};
use crate::{
    lobby::{Guest, Lobby},
    net::Prefixed,
};

/// Room for what phones say first, in bytes.
const FIRST: usize = 2048;

/// A connection of which it is known what it speaks.
#[derive(Debug)]
pub struct Accepted {
    /// What it speaks.
    pub kind: Kind,
    /// The first bytes of the stream, already read.
    pub first: Bytes,
    /// Where the rest comes from.
    pub local: Local,
    /// Who connected: by the PROXY header, if one was believed.
    pub client: IpAddr,
}

/// Why a connection is not taken. It was cut already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// From an address that may not connect.
    Stranger,
    /// A PROXY header from somebody whose header is not believed, or none where one must be.
    Proxy,
    /// Too little came in time, or the end.
    Silent,
    /// Nothing that WhatsApp speaks.
    Garbage,
    /// It made room for others before it had said what it is.
    Crowded,
    /// TLS to a host that is not WhatsApp's.
    Destination,
    /// The TLS that should end here failed.
    Tls,
}

/// What all connections of a program are taken with.
#[derive(Clone, Debug)]
pub struct Intake {
    admission: Arc<Admission>,
    tls: Arc<ServerConfig>,
}

impl Intake {
    /// With a fresh certificate for the TLS that ends here.
    ///
    /// # Errors
    ///
    /// No certificate can be made.
    pub fn new(admission: Admission) -> io::Result<Self> {
        Ok(Self { admission: Arc::new(admission), tls: certificate::server_config()? })
    }

    /// Whom it takes.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The connection, if it comes from an address that may connect.
    #[must_use]
    pub fn admitted(&self, tcp: TcpStream) -> Option<TcpStream> {
        let (source, own) = (tcp.peer_addr().ok()?, tcp.local_addr().ok()?);
        self.admission.admits(source.ip(), own.ip()).then_some(tcp)
    }

    /// Takes a connection that came through `door`; ten seconds at most.
    ///
    /// # Errors
    ///
    /// It is not taken, and cut.
    pub async fn accept(&self, tcp: TcpStream, door: Door) -> Result<Accepted, Refusal> {
        self.taken(tcp, door, (None, None)).await
    }

    /// The same with a connection that is a guest of this lobby until it is known what it speaks: at once, or when a trusted
    /// peer has said whose it is.
    pub(crate) async fn accept_guest(
        &self,
        tcp: TcpStream,
        door: Door,
        (lobby, guest): (&Arc<Lobby>, Option<Guest>),
    ) -> Result<Accepted, Refusal> {
        self.taken(tcp, door, (Some(lobby), guest)).await
    }

    async fn taken(
        &self,
        tcp: TcpStream,
        door: Door,
        (lobby, guest): (Option<&Arc<Lobby>>, Option<Guest>),
    ) -> Result<Accepted, Refusal> {
        let source = tcp.peer_addr().map_err(|_| Refusal::Silent)?.ip().to_canonical();
        let own = tcp.local_addr().map_err(|_| Refusal::Silent)?.ip();
        if !self.admission.admits(source, own) {
            return Err(Refusal::Stranger);
        }
        // Small messages go back and forth, which is what phones wait for.
        tcp.set_nodelay(true).map_err(|_| Refusal::Silent)?;
        let taking = async {
            let begun = while_here(guest.as_ref(), self.begin(tcp, source, guest.as_ref())).await?;
            let named = lobby.filter(|_| guest.is_none() && !self.admission.trusts(begun.client));
            let guest = guest.or_else(|| named.map(|lobby| lobby.enter(begun.client)));
            while_here(guest.as_ref(), self.take(begun, door, guest.as_ref())).await
        };
        tokio::time::timeout(limits::FIRST_BYTES, taking).await.unwrap_or(Err(Refusal::Silent))
    }

    /// Reads the PROXY header, if there is one.
    async fn begin(&self, mut tcp: TcpStream, mut client: IpAddr, guest: Option<&Guest>) -> Result<Begun, Refusal> {
        let mut first = BytesMut::with_capacity(FIRST);
        let found = look(&mut tcp, &mut first, guest).await?;
        let Sniff::Proxy(header) = found else { return Ok(Begun { tcp, first, client, announced: false }) };
        if !self.admission.trusts(client) {
            return Err(Refusal::Proxy);
        }
        if let proxy::Decoded::Header { len, source } = header {
            first.advance(len);
            client = source.map_or(client, |source| source.ip().to_canonical());
            // A proxy in front does not make a household's port everybody's.
            let own = tcp.local_addr().map_err(|_| Refusal::Silent)?.ip();
            if !self.admission.admits(client, own) {
                return Err(Refusal::Stranger);
            }
        }
        Ok(Begun { tcp, first, client, announced: true })
    }

    async fn take(&self, begun: Begun, door: Door, guest: Option<&Guest>) -> Result<Accepted, Refusal> {
        let Begun { mut tcp, mut first, client, announced } = begun;
        let found = look(&mut tcp, &mut first, guest).await?;
        if door.proxy == Proxy::Required && !announced {
            return Err(Refusal::Proxy);
        }
        let ends_here = match (&found, door.role) {
            (Sniff::WhatsApp { .. }, Role::Any | Role::ChatTls | Role::Direct) => false,
            (Sniff::Tls { .. }, Role::Media | Role::Direct) => false,
            (Sniff::Tls { name }, Role::Any) => !is_passed(name.as_deref()),
            (Sniff::Tls { .. }, Role::ChatTls) => true,
            (Sniff::WhatsApp { .. }, Role::Media) => return Err(Refusal::Garbage),
            (Sniff::Proxy(_) | Sniff::Unknown | Sniff::Incomplete { .. }, _) => return Err(Refusal::Garbage),
        };
        if !ends_here {
            return judged(found, first.freeze(), tcp.into(), client);
        }
        let tls = TlsAcceptor::from(Arc::clone(&self.tls)).accept(Prefixed::new(first.freeze(), tcp)).await;
        let mut tls = Box::new(tls.map_err(|_| Refusal::Tls)?);
        let mut first = BytesMut::with_capacity(FIRST);
        let found = look(&mut tls, &mut first, guest).await?;
        judged(found, first.freeze(), tls.into(), client)
    }
}

/// A connection of which it is known whose it is.
struct Begun {
    tcp: TcpStream,
    first: BytesMut,
    client: IpAddr,
    announced: bool,
}

/// Does this until the guest's place is another's, if it is a guest.
async fn while_here<T>(guest: Option<&Guest>, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    match guest {
        Some(guest) => guest.while_here(work).await.unwrap_or(Err(Refusal::Crowded)),
        None => work.await,
    }
}

/// Whether TLS to this name is passed through rather than ended here: not chat's, and WhatsApp's.
fn is_passed(name: Option<&str>) -> bool {
    name.is_some_and(|name| !names::is_chat(name) && policy::is_tls_host(name))
}

fn judged(found: Sniff, first: Bytes, local: Local, client: IpAddr) -> Result<Accepted, Refusal> {
    let kind = match found {
        Sniff::WhatsApp { .. } => Kind::Chat,
        Sniff::Tls { name } if name.as_deref().is_none_or(policy::is_tls_host) => Kind::Tls,
        Sniff::Tls { .. } => return Err(Refusal::Destination),
        Sniff::Proxy(_) | Sniff::Unknown | Sniff::Incomplete { .. } => return Err(Refusal::Garbage),
    };
    Ok(Accepted { kind, first, local, client })
}

/// Reads until the first bytes tell what they are; more than that may have been read.
async fn look(
    stream: &mut (impl AsyncRead + Unpin),
    first: &mut BytesMut,
    guest: Option<&Guest>,
) -> Result<Sniff, Refusal> {
    loop {
        let need = match sniff(first) {
            Sniff::Incomplete { need } => need,
            found @ (Sniff::WhatsApp { .. } | Sniff::Tls { .. } | Sniff::Proxy(_) | Sniff::Unknown) => {
                return Ok(found);
            }
        };
        if need > limits::CLIENT_HELLO {
            return Err(Refusal::Garbage);
        }
        while first.len() < need {
            if stream.read_buf(first).await.map_err(|_| Refusal::Silent)? == 0 {
                return Err(Refusal::Silent);
            }
            if let Some(guest) = guest {
                guest.heard();
            }
        }
    }
}
