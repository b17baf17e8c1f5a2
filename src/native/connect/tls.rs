//! The client's side of TLS: what the hello shows, what the certificate must be, and what a failure means.
//!
//! It connects nothing. Where the configuration of an encrypted hello comes from, and which is kept, is `hello`'s.
//! Early data (0-RTT) is never sent: it could be sent again by others.

mod verify;
mod handshake;
#[cfg(feature = "browser-hello")]
mod browser;
#[cfg(not(feature = "browser-hello"))]
#[path = "tls/no_browser.rs"]
mod browser;

use std::sync::Arc;

use rustls::{
    ClientConfig, ProtocolVersion,
    client::{EchConfig, EchGreaseConfig, EchMode},
    crypto::{aws_lc_rs::hpke, hpke::Hpke},
    pki_types::{EchConfigListBytes, ServerName},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::report::{EchStatus, Shown, Version};
use crate::tls::{self, Authorities};
use verify::OfRelay;

pub(super) use browser::Browser;
pub(super) use handshake::HandshakeError;

/// What is encrypted before the socket has taken it, in bytes. The rest waits where a ping can overtake it.
const UNSENT: usize = 16 << 10;

/// What a server is called and recognised by.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The name in the hello; an address is never in it.
    pub(super) sni: Option<ServerName<'static>>,
    /// What the certificate must be for.
    pub(super) verified: ServerName<'static>,
    /// SHA-256 of the certificate's public key, which then is all that counts.
    pub(super) pin: Option<[u8; 32]>,
    /// The protocols offered.
    pub(super) alpn: &'static [&'static [u8]],
}

/// How the hello hides its name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hiding<'a> {
    /// Not at all.
    None,
    /// Not at all, but it looks as if.
    Grease,
    /// By this ECHConfigList.
    Ech(&'a [u8]),
}

/// The ECHConfigList holds nothing that can be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnusableEch;

/// Ready for handshakes with one server. Its sessions are its own, because a resumed one is not verified again.
#[derive(Clone, Debug)]
pub(super) struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    shown: Shown,
}

/// What a handshake came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secured {
    pub(super) shown: Shown,
    pub(super) ech: EchStatus,
    pub(super) version: Version,
}

/// A host as it stands in a URL, as TLS names it.
pub(super) fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).ok()
}

impl Client {
    pub(super) fn new(identity: &Identity, hiding: Hiding<'_>, authorities: &Authorities) -> Result<Self, UnusableEch> {
        let offered = identity.sni.clone().unwrap_or_else(|| identity.verified.clone());
        let verifier = OfRelay {
            authorities: authorities.clone(),
            offered: offered.clone(),
            verified: identity.verified.clone(),
            pin: identity.pin,
            encrypted: matches!(hiding, Hiding::Ech(_)),
        };
        let mut config = tls::client(verifier, hiding.mode()?);
        config.alpn_protocols = identity.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        config.enable_sni = identity.sni.is_some();
        let shown = match (hiding, &identity.sni) {
            (Hiding::Ech(_), _) => Shown::PublicName,
            (Hiding::None | Hiding::Grease, Some(ServerName::DnsName(_))) => Shown::Name,
            (Hiding::None | Hiding::Grease, Some(_) | None) => Shown::Nothing,
        };
        Ok(Self { config: Arc::new(config), name: offered, shown })
    }

    /// The handshake, over a stream that is connected.
    pub(super) async fn handshake<S>(&self, stream: S) -> Result<(TlsStream<S>, Secured), HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connecting = TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream);
        let mut stream = connecting.await.map_err(|error| HandshakeError::of(&error))?;
        let (_, connection) = stream.get_mut();
        connection.set_buffer_limit(Some(UNSENT));
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            Some(_) | None => Version::Tls13,
        };
        let ech = match connection.ech_status() {
            rustls::client::EchStatus::NotOffered => EchStatus::NotOffered,
            rustls::client::EchStatus::Grease => EchStatus::Grease,
            rustls::client::EchStatus::Accepted => EchStatus::Accepted,
            // No such connection gets this far.
            rustls::client::EchStatus::Offered | rustls::client::EchStatus::Rejected => {
                return Err(HandshakeError::Trouble(crate::trouble::Trouble::EchRejected));
            }
        };
        Ok((stream, Secured { shown: self.shown, ech, version }))
    }
}

impl Hiding<'_> {
    fn mode(self) -> Result<Option<EchMode>, UnusableEch> {
        match self {
            Self::None => Ok(None),
            Self::Grease => {
                let suite = hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
                let (key, _) = suite.generate_key_pair().map_err(|_| UnusableEch)?;
                Ok(Some(EchGreaseConfig::new(suite, key).into()))
            }
            Self::Ech(list) => {
                let config = EchConfig::new(EchConfigListBytes::from(list), hpke::ALL_SUPPORTED_SUITES);
                config.map(|config| Some(config.into())).map_err(|_| UnusableEch)
            }
        }
    }
}
