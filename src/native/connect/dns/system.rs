//! The system's resolver, and when its answer cannot be true.
//!
//! Whom to ask instead is `dns`'s.

use std::{future::Future, io, net::IpAddr, pin::Pin, sync::Arc};

use crate::trouble::Trouble;

/// What [`Lookup`] gives.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// A resolver of the system: `getaddrinfo`, or a stand-in for it.
pub type Lookup = Arc<dyn Fn(String) -> Looking + Send + Sync>;

/// `getaddrinfo`, in a thread.
pub(super) fn lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// The system tells only in words why there is no answer.
pub(super) fn trouble(error: &io::Error) -> Trouble {
    let words = error.to_string();
    let silent = ["Temporary failure", "Try again", "ystem error"].iter().any(|part| words.contains(part));
    if silent { Trouble::NoResolver } else { Trouble::NoAddress }
}

/// Whether a name is one that everybody finds, so that addresses of one's own network cannot be its.
pub(super) fn is_public(host: &str) -> bool {
    const LOCAL: [&str; 8] = ["localhost", "local", "internal", "lan", "home", "home.arpa", "test", "corp"];
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let local = LOCAL.iter().any(|name| {
        let rest = host.strip_suffix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    host.contains('.') && !local
}

/// Whether an address is one to which networks lead names astray that they forbid: this machine, none, or their own.
pub(super) const fn is_bogus(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || a == 0 || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_bogus(IpAddr::V4(v4)),
            None => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ones_own_are_bogus_for_names_of_everybody() {
        for text in
            ["127.0.0.1", "0.0.0.0", "10.10.34.35", "100.64.0.1", "169.254.1.1", "::", "::1", "fe80::1", "fd00::1"]
        {
            assert!(is_bogus(text.parse().expect("one")), "{text}");
        }
        for text in ["::ffff:127.0.0.1", "192.168.1.1"] {
            assert!(is_bogus(text.parse().expect("one")), "{text}");
        }
        for text in ["1.1.1.1", "100.128.0.1", "2606:4700::1"] {
            assert!(!is_bogus(text.parse().expect("one")), "{text}");
        }
        for (name, public) in [
            ("relay.example", true),
            ("localhost", false),
            ("a.localhost", false),
            ("router.lan", false),
            ("notlan.example", true),
            ("flan", false),
            ("pi.home.arpa.", false),
            ("x.flan", true),
        ] {
            assert_eq!(is_public(name), public, "{name}");
        }
    }
}
