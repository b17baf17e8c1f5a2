//! What a server is given besides the operator's variables.
//!
//! It checks nothing; those who make the values have.

use std::sync::Arc;

use ipnet::IpNet;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;

use super::site::Site;

/// How a relay serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// TLS on the listener; without it plain HTTP, for behind a web server.
    pub tls: Option<Arc<ServerConfig>>,
    /// Streams at once; a further one is answered 503. Each takes two file descriptors, one to the client and one to
    /// WhatsApp, and some 25 KiB of memory; the default, 16 384, suits a machine of 1 GB.
    pub max_connections: usize,
    /// Connections at once that have not shown a key; who has been silent for longest makes room for a further one. Raw ports
    /// have half as many of their own.
    pub strangers: usize,
    /// Streams that one client's address may ask for in a minute, or in any shorter time; the default is 120, for a few
    /// phones behind one address. 0 is no limit. A further one is answered 503.
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
        Self {
            tls: None,
            max_connections: 16 * 1024,
            strangers: 4096,
            rate: 120,
            site: None,
            trusted: Vec::new(),
            upstream_ca: Vec::new(),
        }
    }
}
