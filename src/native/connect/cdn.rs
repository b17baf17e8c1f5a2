//! Whether an address is the CDN's in front of Workers: there it is known which ports answer, and that a name is needed.

use std::{net::IpAddr, sync::LazyLock};

use ipnet::IpNet;

/// TLS ports besides 443 (<https://developers.cloudflare.com/fundamentals/reference/network-ports/>); the one first that a
/// censor left open when it shut 443.
pub(super) const PORTS: [u16; 5] = [8443, 2053, 2083, 2087, 2096];

/// <https://www.cloudflare.com/ips/>, of November 2026.
const RANGES: [&str; 22] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

static NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| RANGES.iter().filter_map(|range| range.parse().ok()).collect());

/// Whether the CDN announces this address.
pub(super) fn announces(address: IpAddr) -> bool {
    NETWORKS.iter().any(|network| network.contains(&address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_addresses_are_known_and_others_are_not() {
        assert_eq!(NETWORKS.len(), RANGES.len());
        for (address, its) in [
            ("104.16.1.1", true),
            ("172.67.0.1", true),
            ("2606:4700::6810:1", true),
            ("192.0.2.1", false),
            ("::1", false),
        ] {
            assert_eq!(announces(address.parse().expect("an address")), its, "{address}");
        }
    }
}
