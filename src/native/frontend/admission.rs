//! Who may connect, by the address that TCP or a PROXY header shows, and whose header is believed.
//!
//! It refuses; it neither counts nor limits.

use std::net::IpAddr;

use ipnet::IpNet;

/// Whom a listener takes.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Anybody. Else only loopback, private and link-local addresses: this machine and its local network.
    pub public: bool,
    /// Whose PROXY header says where a connection really comes from.
    pub trusted: Vec<IpNet>,
}

impl Admission {
    /// Whether a connection from `source` is taken.
    #[must_use]
    pub fn admits(&self, source: IpAddr) -> bool {
        self.public || is_local(source.to_canonical())
    }

    /// Whether a PROXY header from `source` is believed.
    #[must_use]
    pub fn trusts(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.trusted.iter().any(|network| network.contains(&source))
    }
}

/// Whether an address is of this machine or its local network (RFC 1918, 3927, 4193, 4291).
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn strangers_are_not_taken_unless_it_is_public() {
        let own = Admission::default();
        for address in
            ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.9", "169.254.0.7", "fe80::1", "fd00::1"]
        {
            assert!(own.admits(ip(address)), "{address}");
        }
        for address in ["192.0.2.1", "172.32.0.1", "100.64.0.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"] {
            assert!(!own.admits(ip(address)), "{address}");
            assert!(Admission { public: true, ..Admission::default() }.admits(ip(address)));
        }
        assert!(own.admits(ip("::ffff:192.168.1.9")));
    }

    #[test]
    fn a_header_is_believed_from_whom_the_operator_named() {
        let trusted = vec!["192.0.2.0/24".parse().expect("a network")];
        let admission = Admission { public: false, trusted };
        assert!(admission.trusts(ip("192.0.2.9")) && admission.trusts(ip("::ffff:192.0.2.9")));
        assert!(!admission.trusts(ip("127.0.0.1")));
    }
}
