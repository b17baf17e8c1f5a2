//! Hosts and ports as they stand in a link.

use std::fmt;

use url::Host;

/// Something to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Address {
    /// `host`, `host:port`, `192.0.2.7`, `[2001:db8::7]:443` or `2001:db8::7`.
    pub(super) fn parse(text: &str, port: u16) -> Option<Self> {
        if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
            return Some(Self { host: format!("[{address}]"), port });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, digits)) if !host.is_empty() && !digits.ends_with(']') => {
                (host, digits.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) | None => (text, port),
        };
        Some(Self { host: host_name(host)?, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A host as it stands in a URL, names in ASCII. A URL's may have `&` and `=`, with which a link's parameters are written.
pub(super) fn host_name(text: &str) -> Option<String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match Host::parse(text).ok()? {
        Host::Domain(name) if name.is_empty() || !name.bytes().all(valid) => None,
        host @ (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) => Some(host.to_string()),
    }
}

/// A host that is a name.
pub(crate) fn is_name(host: &str) -> bool {
    matches!(Host::parse(host), Ok(Host::Domain(_)))
}
