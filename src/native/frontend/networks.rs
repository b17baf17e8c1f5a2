//! The networks that this machine is in, as its network cards tell: who else is in them, and under which address phones reach it.
//!
//! Android lets no program ask for the cards; the routing table can still be asked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use if_addrs::{IfAddr, Interface};

use crate::net::way_out;

/// Whether both are in one network: the one in which the machine has the first address.
pub(super) fn is_shared(own: IpAddr, other: IpAddr) -> bool {
    match if_addrs::get_if_addrs() {
        Ok(cards) => cards.iter().any(|card| card.ip() == own && contains(&card.addr, other)),
        Err(_) => matches!((own, other), (IpAddr::V6(own), IpAddr::V6(other)) if in_one_64(own, other)),
    }
}

fn contains(card: &IfAddr, other: IpAddr) -> bool {
    match (card, other) {
        (IfAddr::V4(card), IpAddr::V4(other)) => {
            let mask = card.netmask.to_bits();
            let same = card.ip.to_bits() & mask == other.to_bits() & mask;
            // A tunnel's, such as Tailscale's, whose network is all of it.
            same || (mask == u32::MAX && is_carriers(card.ip) && is_carriers(other))
        }
        (IfAddr::V6(card), IpAddr::V6(other)) => {
            let mask = card.netmask.to_bits();
            card.ip.to_bits() & mask == other.to_bits() & mask
        }
        (IfAddr::V4(_), IpAddr::V6(_)) | (IfAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn in_one_64(one: Ipv6Addr, other: Ipv6Addr) -> bool {
    one.to_bits() >> 64 == other.to_bits() >> 64
}

/// Of carriers' NAT (RFC 6598).
fn is_carriers(address: Ipv4Addr) -> bool {
    address.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22
}

/// This machine's IPv4 addresses in networks that phones may be in, too, the likeliest first. A VPN's is none: it has no broadcast
/// address. It asks the routing table; no packet is sent.
#[must_use]
pub fn lan_addresses() -> Vec<IpAddr> {
    let way_out = way_out();
    let Ok(cards) = if_addrs::get_if_addrs() else { return way_out.into_iter().collect() };
    let mut addresses: Vec<_> = cards.iter().filter_map(of_phones).collect();
    addresses.sort_by_key(|address| (rank(*address), Some(IpAddr::V4(*address)) != way_out));
    addresses.into_iter().map(IpAddr::V4).collect()
}

/// The address of a card in whose network phones may be.
fn of_phones(card: &Interface) -> Option<Ipv4Addr> {
    // Of containers and virtual machines on this machine.
    const VIRTUAL: [&str; 6] = ["docker", "br-", "veth", "virbr", "vmnet", "vboxnet"];
    let IfAddr::V4(address) = &card.addr else { return None };
    let virtual_one = VIRTUAL.iter().any(|own| card.name.starts_with(own));
    let usable = address.broadcast.is_some() && !address.ip.is_loopback() && !address.ip.is_link_local();
    (usable && !virtual_one).then_some(address.ip)
}

/// Homes have private addresses; some have a carrier's, some campuses public ones.
fn rank(address: Ipv4Addr) -> u8 {
    match address {
        _ if address.is_private() => 0,
        _ if is_carriers(address) => 1,
        _ => 2,
    }
}

/// What this machine is in, so that its own address may be none that a phone reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enclosure {
    /// A container with a network of its own.
    Container,
    /// The Windows Subsystem for Linux.
    Wsl,
    /// A virtual machine, perhaps behind its host's NAT.
    Machine,
}

impl Enclosure {
    /// As far as can be seen.
    #[must_use]
    pub fn find(addresses: &[IpAddr]) -> Option<Self> {
        let holds = |file: &str, words: &[&str]| {
            let text = std::fs::read_to_string(file).unwrap_or_default().to_ascii_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // The first guest behind the NAT of VirtualBox and QEMU, and every other.
        let behind_nat = addresses.contains(&IpAddr::from([10, 0, 2, 15]));
        if set("container") || Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() {
            Some(Self::Container)
        } else if set("WSL_DISTRO_NAME") || holds("/proc/sys/kernel/osrelease", &["microsoft"]) {
            Some(Self::Wsl)
        } else if behind_nat || holds("/sys/class/dmi/id/product_name", &["virtualbox", "vmware", "parallels"]) {
            Some(Self::Machine)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::{Ifv4Addr, Ifv6Addr};

    use super::*;

    fn card(address: &str, prefix: u32) -> IfAddr {
        match address.parse().expect("an address") {
            IpAddr::V4(ip) => {
                let netmask = Ipv4Addr::from_bits(u32::MAX << (32 - prefix));
                IfAddr::V4(Ifv4Addr { ip, netmask, prefixlen: 0, broadcast: None })
            }
            IpAddr::V6(ip) => {
                let netmask = Ipv6Addr::from_bits(u128::MAX << (128 - prefix));
                IfAddr::V6(Ifv6Addr { ip, netmask, prefixlen: 0, broadcast: None })
            }
        }
    }

    #[test]
    fn who_is_in_the_same_network_is_told_by_its_mask() {
        for (own, prefix, other, shared) in [
            ("198.51.100.5", 24, "198.51.100.77", true),
            ("198.51.100.5", 24, "198.51.101.77", false),
            ("100.72.0.5", 16, "100.72.9.9", true),
            ("100.72.0.5", 16, "100.73.0.9", false),
            ("100.100.1.1", 32, "100.127.1.2", true),
            ("100.100.1.1", 32, "100.128.1.2", false),
            ("203.0.113.1", 32, "203.0.113.2", false),
            ("2001:db8:7::2", 64, "2001:db8:7::9", true),
            ("2001:db8:7::2", 64, "2001:db8:8::9", false),
            ("2001:db8:7::2", 64, "198.51.100.77", false),
        ] {
            let other = other.parse().expect("an address");
            assert_eq!(contains(&card(own, prefix), other), shared, "{own}/{prefix} and {other}");
        }
    }

    #[test]
    fn no_own_address_is_of_this_machine_alone() {
        assert!(lan_addresses().iter().all(|address| !address.is_loopback()));
    }
}
