//! Who may be asked by DNS over HTTPS, as people write it.
//!
//! It asks nobody.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use url::{Host, Url};

/// A resolver that is reached by DNS over HTTPS.
///
/// Written as a URL: `https://192.0.2.1/dns-query`, or with a name and the addresses at which it is found, so that nobody need
/// be asked for them: `https://dns.example/dns-query#192.0.2.1,192.0.2.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// As it stands in the URL.
    pub(super) host: String,
    /// Host and port, as HTTP names them.
    pub(super) authority: String,
    /// With a query, if there is one.
    pub(super) path: String,
    pub(super) addresses: Vec<SocketAddr>,
}

/// It is not written as a [`Provider`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableProvider;

impl fmt::Display for UnusableProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not like https://192.0.2.1/dns-query or https://dns.example/dns-query#192.0.2.1")
    }
}

impl std::error::Error for UnusableProvider {}

/// Large ones, under different laws, by address: no name shows, and none must be resolved first. The last is for networks
/// that have only IPv6.
const USUAL: [&str; 4] = [
    "https://1.1.1.1/dns-query",
    "https://8.8.8.8/dns-query",
    "https://9.9.9.9/dns-query",
    "https://[2606:4700:4700::1111]/dns-query",
];

impl Provider {
    /// Those that are asked if nobody says otherwise.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        USUAL.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

impl FromStr for Provider {
    type Err = UnusableProvider;

    fn from_str(text: &str) -> Result<Self, UnusableProvider> {
        let url = Url::parse(text.trim()).map_err(|_| UnusableProvider)?;
        let port = url.port_or_known_default().ok_or(UnusableProvider)?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(UnusableProvider);
        }
        let bootstrap = url.fragment().unwrap_or_default().split(',').filter(|part| !part.is_empty());
        let parse = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>();
        let mut addresses = bootstrap.map(parse).collect::<Result<Vec<_>, _>>().map_err(|_| UnusableProvider)?;
        match url.host() {
            Some(Host::Ipv4(address)) => addresses.insert(0, address.into()),
            Some(Host::Ipv6(address)) => addresses.insert(0, address.into()),
            Some(Host::Domain(_)) if !addresses.is_empty() => {}
            Some(Host::Domain(_)) | None => return Err(UnusableProvider),
        }
        Ok(Self {
            host: url.host_str().ok_or(UnusableProvider)?.to_owned(),
            authority: url.authority().to_owned(),
            path: url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
            addresses: addresses.into_iter().map(|address| (address, port).into()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_found_without_asking_anybody() {
        let provider: Provider = "https://dns.example:8443/dns-query?x=1#192.0.2.1,[2001:db8::1]".parse().expect("one");
        assert_eq!(provider.addresses, ["192.0.2.1:8443", "[2001:db8::1]:8443"].map(|a| a.parse().expect("one")));
        assert_eq!((provider.authority.as_str(), provider.path.as_str()), ("dns.example:8443", "/dns-query?x=1"));
        let provider: Provider = "https://[2001:db8::1]/dns-query".parse().expect("one");
        assert_eq!(provider.addresses, ["[2001:db8::1]:443".parse().expect("one")]);
        for text in ["https://dns.example/dns-query", "http://192.0.2.1/dns-query", "192.0.2.1", "https://x/#y", ""] {
            assert_eq!(text.parse::<Provider>(), Err(UnusableProvider), "{text}");
        }
        assert_eq!(Provider::usual().len(), USUAL.len());
    }
}
