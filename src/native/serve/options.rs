//! What a server is given besides the operator's variables.
//!
//! It checks nothing; those who make the values have.

use std::sync::Arc;

use ipnet::IpNet;
use rustls::{ServerConfig, pki_types::CertificateDer};

use super::{room::Room, site::Site};

/// How a relay serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// TLS on the listener; without it plain HTTP, for behind a web server.
    pub tls: Option<Arc<ServerConfig>>,
    /// What there may be at once.
    pub room: Room,
    /// Streams that one client's address may ask for in a minute, or in any shorter time, at a relay without keys; one key may ask
    /// for ten times as many, from wherever. The default is 120. 0 is no limit. A further one is accepted and closed with `busy`.
    pub rate: u32,
    /// The operator's own site, shown if the operator's variables say so.
    pub site: Option<Arc<Site>>,
    /// Web servers in front, whose `X-Forwarded-For` is believed.
    pub trusted: Vec<IpNet>,
    /// Certificate authorities for upstream WebSockets, besides the usual ones.
    pub upstream_ca: Vec<CertificateDer<'static>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { tls: None, room: Room::default(), rate: 120, site: None, trusted: Vec::new(), upstream_ca: Vec::new() }
    }
}
