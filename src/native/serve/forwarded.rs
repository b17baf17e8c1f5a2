//! Whose request it is, where a web server stands in front of the relay and says so.
//!
//! Nobody's word is taken but that of the networks which the operator has named.

use std::net::{IpAddr, SocketAddr};

use hyper::header::HeaderMap;
use ipnet::IpNet;

/// Where web servers write whom they speak for, each behind those before.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the peer's own, or, where the operator trusts the peer, the last that it did not vouch for.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = peer;
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut hops = values.iter().flat_map(|value| value.split(',')).rev();
    while is_trusted(client) {
        let Some(hop) = hops.next().and_then(parse) else { break };
        client = hop;
    }
    client
}

/// An address as it is written there, with or without a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse().ok().or_else(|| hop.parse().ok().map(|address: SocketAddr| address.ip()));
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn seen(peer: &str, headers: &[&'static str], trusted: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let trusted: Vec<_> = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        client(peer.parse().expect("an address"), &map, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_peer_may_speak_for_others() {
        assert_eq!(seen("192.0.2.9", &["203.0.113.1"], &[]), "192.0.2.9");
        assert_eq!(seen("192.0.2.9", &["203.0.113.1"], &["10.0.0.0/8"]), "192.0.2.9");
        assert_eq!(seen("10.0.0.1", &["203.0.113.1"], &["10.0.0.0/8"]), "203.0.113.1");
        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.1"], &["10.0.0.0/8"]), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn the_last_that_is_not_trusted_counts_whatever_the_client_wrote_before() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 203.0.113.1"], &trusted), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "203.0.113.1, 10.9.9.9"], &trusted), "203.0.113.1");
        assert_eq!(seen("fd00::1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.1:5000"], &trusted), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::2]"], &trusted), "2001:db8::2");
        assert_eq!(seen("10.0.0.1", &["203.0.113.1, unknown"], &trusted), "10.0.0.1");
    }
}
