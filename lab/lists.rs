//! What a censor has on its lists.
//!
//! Which list counts for what, the behaviour says.

use std::net::IpAddr;

/// The lists of one censor.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Names that are blocked, and all below them.
    pub names: Vec<String>,
    /// Names that are allowed, and all below them.
    pub allowed_names: Vec<String>,
    /// Addresses that are blocked, or suspected.
    pub addresses: Vec<IpAddr>,
    /// Addresses that are allowed, of servers and of clients.
    pub allowed_addresses: Vec<IpAddr>,
}

impl Lists {
    /// The name is blocked.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        self.names.iter().any(|listed| covers(listed, name))
    }

    /// The name is allowed.
    #[must_use]
    pub fn allows_name(&self, name: &str) -> bool {
        self.allowed_names.iter().any(|listed| covers(listed, name))
    }

    /// The bytes contain a blocked name, in whatever place.
    #[must_use]
    pub fn is_name_in(&self, bytes: &[u8]) -> bool {
        let is_at = |name: &String| bytes.windows(name.len().max(1)).any(|at| at.eq_ignore_ascii_case(name.as_bytes()));
        self.names.iter().any(is_at)
    }

    /// The address is blocked, or suspected.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// The address is allowed.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.allowed_addresses.contains(&address)
    }

    /// The address lies in one subnet with one that is listed: /24, or /48 with IPv6.
    #[must_use]
    pub fn has_subnet(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|listed| match (listed, address) {
            (IpAddr::V4(listed), IpAddr::V4(address)) => listed.octets()[..3] == address.octets()[..3],
            (IpAddr::V6(listed), IpAddr::V6(address)) => listed.octets()[..6] == address.octets()[..6],
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        })
    }
}

/// The name is the listed one, or lies below it.
fn covers(listed: &str, name: &str) -> bool {
    let (listed, name) = (listed.trim_matches('.').as_bytes(), name.trim_end_matches('.').as_bytes());
    let Some(start) = name.len().checked_sub(listed.len()) else { return false };
    let (above, tail) = name.split_at(start);
    !listed.is_empty() && tail.eq_ignore_ascii_case(listed) && above.last().is_none_or(|last| *last == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_itself_and_what_is_below_it() {
        for name in ["relay.example", "RELAY.example.", "a.b.relay.example"] {
            assert!(covers("relay.example", name), "{name}");
        }
        for name in ["example", "myrelay.example", "relay.example.org", "", "."] {
            assert!(!covers("relay.example", name), "{name}");
        }
        assert!(!covers("", "relay.example"));
    }

    #[test]
    fn a_subnet_is_listed_by_one_of_its_addresses() {
        let lists = Lists {
            addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8:1::1".parse().unwrap()],
            ..Lists::default()
        };
        let of = |address: &str| lists.has_subnet(address.parse().unwrap());
        assert_eq!(
            (of("192.0.2.200"), of("192.0.3.1"), of("2001:db8:1:9::"), of("2001:db8:2::")),
            (true, false, true, false)
        );
        assert!(!lists.has_address("192.0.2.200".parse().unwrap()));
    }
}
