//! Where the relay is, and how those who want to reach it know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{behaviour::Behaviour, system::System};

/// Whom systems ask for addresses, in the world.
pub(crate) const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 53));

/// Where the providers are that a bridge of ours asks by DNS over HTTPS.
pub(crate) const PROVIDERS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)),
    IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)),
];

const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10));
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 20));
const SIXTH: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x10, 0, 0, 0, 0, 0x10));

/// Where a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At two addresses in two networks, which links and systems know.
    Known,
    /// The same, and links give no address: DNS is asked.
    Asked,
    /// At an address of IPv6 and one of IPv4, which links and systems know.
    Both,
    /// As known, and somebody ends all TLS on the way.
    Intercepted,
}

impl Place {
    /// Where it is behind a censor like this.
    pub(crate) const fn behind(behaviour: Option<&Behaviour>) -> Self {
        match behaviour {
            Some(Behaviour { number: 21, .. }) => Self::Asked,
            Some(Behaviour { number: 27, .. }) => Self::Intercepted,
            Some(Behaviour { number: 32..=34, .. }) => Self::Both,
            Some(_) | None => Self::Known,
        }
    }

    /// Its addresses.
    pub(crate) const fn addresses(self) -> [IpAddr; 2] {
        match self {
            Self::Known | Self::Asked | Self::Intercepted => [FIRST, SECOND],
            Self::Both => [SIXTH, FIRST],
        }
    }

    /// Its first address of IPv4, for who knows no other.
    pub(crate) const fn old_address(self) -> IpAddr {
        FIRST
    }

    /// What else is in the world: those who are asked for addresses. Where others have their far end at all addresses there is no
    /// room for providers, and nobody but ours asks them.
    pub(crate) fn beside(self, system: System) -> Vec<IpAddr> {
        let providers = PROVIDERS.into_iter().filter(|_| system.is_ours());
        providers.chain([RESOLVER]).collect()
    }
}
