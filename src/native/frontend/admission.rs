//! Who may connect, by the address that TCP or a PROXY header shows, and whose header is believed.
//!
//! It refuses; it neither counts nor limits. Which networks this machine is in, `networks` knows.

use std::net::IpAddr;

use ipnet::IpNet;

use super::networks;

/// Whom a listener takes.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Anybody. Else only loopback, private and link-local addresses, and those of the network in which a connection comes in:
    /// this machine and its local networks.
    pub public: bool,
    /// And these.
    pub allowed: Vec<IpNet>,
    /// Whose PROXY header says where a connection really comes from.
    pub trusted: Vec<IpNet>,
}

impl Admission {
    /// Whether a connection from `source` is taken that came in at `own`.
    #[must_use]
    pub fn admits(&self, source: IpAddr, own: IpAddr) -> bool {
        let (source, own) = (source.to_canonical(), own.to_canonical());
        let allowed = || self.allowed.iter().any(|network| network.contains(&source));
        self.public || is_local(source) || allowed() || networks::is_shared(own, source)
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
        let (own, here) = (Admission::default(), ip("127.0.0.1"));
        for address in
            ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.9", "169.254.0.7", "fe80::1", "fd00::1"]
        {
            assert!(own.admits(ip(address), here), "{address}");
        }
        for address in ["192.0.2.1", "172.32.0.1", "100.64.0.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"] {
            assert!(!own.admits(ip(address), here), "{address}");
            assert!(Admission { public: true, ..Admission::default() }.admits(ip(address), here));
            let network = ipnet::IpNet::from(ip(address).to_canonical());
            assert!(Admission { allowed: vec![network], ..Admission::default() }.admits(ip(address), here));
        }
        assert!(own.admits(ip("::ffff:192.168.1.9"), here));
    }

    #[test]
    fn a_header_is_believed_from_whom_the_operator_named() {
        let trusted = vec!["192.0.2.0/24".parse().expect("a network")];
        let admission = Admission { trusted, ..Admission::default() };
        assert!(admission.trusts(ip("192.0.2.9")) && admission.trusts(ip("::ffff:192.0.2.9")));
        assert!(!admission.trusts(ip("127.0.0.1")));
    }
}
