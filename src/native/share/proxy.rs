//! WhatsApp's own link to a proxy, `https://wa.me/proxy?…`, which sets the proxy on the phone that opens it.
//!
//! The form is WhatsApp's; it is the same for a bridge in the house and for an official proxy.

use std::{fmt, str::FromStr};

use url::{Host, Url, form_urlencoded::Serializer};

use crate::link::cleaned;

/// The port on which the app expects TLS for the chat.
const TLS_PORT: u16 = 443;

/// Where the official proxy takes media.
const MEDIA_PORT: u16 = 587;

/// A proxy as the app's settings describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// A name or an address; of IPv6 without brackets.
    pub host: String,
    /// Where chat goes.
    pub chat_port: u16,
    /// Where media go, if it was said.
    pub media_port: Option<u16>,
    /// Whether chat is wrapped in TLS, if it was said.
    pub chat_tls: Option<bool>,
}

/// It is neither `host`, `host:port` nor a link that WhatsApp gives to a proxy. It holds no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableProxy;

impl Proxy {
    /// The proxy at this host, with everything else as the phone has it.
    ///
    /// # Errors
    ///
    /// It is not a name or an address alone.
    pub fn at(name: &str) -> Result<Self, UnusableProxy> {
        let host = host(name).ok_or(UnusableProxy)?;
        Ok(Self { host, chat_port: TLS_PORT, media_port: None, chat_tls: None })
    }

    /// Whether chat is wrapped in TLS: as said, else on port 443 alone, as the app has it.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.chat_tls.unwrap_or(self.chat_port == TLS_PORT)
    }

    /// Where media may go, the likeliest first: as said; else, beside TLS, where the official proxy takes them; else on the
    /// one port that a bridge has for all, or where the official proxy takes them.
    #[must_use]
    pub fn media_ports(&self) -> Vec<u16> {
        match self.media_port {
            Some(port) => vec![port],
            None if self.chat_port == TLS_PORT || self.chat_port == MEDIA_PORT => vec![MEDIA_PORT],
            None => vec![self.chat_port, MEDIA_PORT],
        }
    }

    /// The link for the phone.
    #[must_use]
    pub fn link(&self) -> String {
        let media = self.media_ports().first().copied().unwrap_or(MEDIA_PORT);
        wa_me(&self.host, self.chat_port, media, self.is_tls())
    }

    fn of_url(url: &Url) -> Option<Self> {
        let known = url.scheme() == "https" && url.host_str() == Some("wa.me") && url.path() == "/proxy";
        let value =
            |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        let number = |name: &str| value(name).map_or(Some(None), |text| port(&text).map(Some));
        let chat_tls = match value("chatTLS").as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return None,
        };
        Some(Self {
            host: host(&value("host").filter(|_| known)?)?,
            chat_port: number("chatPort")?.unwrap_or(TLS_PORT),
            media_port: number("mediaPort")?,
            chat_tls,
        })
    }
}

impl FromStr for Proxy {
    type Err = UnusableProxy;

    /// Reads `host`, `host:port`, or the link.
    fn from_str(text: &str) -> Result<Self, UnusableProxy> {
        let words = text.split_whitespace().count();
        let text = cleaned(text);
        let text = text.as_str();
        if text.contains("://") {
            return Url::parse(text).ok().and_then(|url| Self::of_url(&url)).ok_or(UnusableProxy);
        }
        // Two words are no name that was broken.
        if words > 1 {
            return Err(UnusableProxy);
        }
        let (name, chat_port) = match text.rsplit_once(':') {
            Some((name, digits)) if text.parse::<std::net::Ipv6Addr>().is_err() && !digits.ends_with(']') => {
                (name, port(digits).ok_or(UnusableProxy)?)
            }
            Some(_) | None => (text, TLS_PORT),
        };
        Ok(Self { chat_port, ..Self::at(name)? })
    }
}

fn port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port != 0)
}

fn host(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<std::net::Ipv6Addr>() {
        return Some(address.to_string());
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) if name.is_empty() => None,
        host @ (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) => Some(host.to_string()),
    }
}

/// The link that sets this proxy on the phone that opens it.
#[must_use]
pub fn wa_me(host: &str, chat_port: u16, media_port: u16, tls: bool) -> String {
    let mut query = Serializer::new(String::new());
    query
        .append_pair("host", host)
        .append_pair("chatPort", &chat_port.to_string())
        .append_pair("mediaPort", &media_port.to_string())
        .append_pair("chatTLS", if tls { "true" } else { "false" });
    format!("https://wa.me/proxy?{}", query.finish())
}

impl fmt::Display for UnusableProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not like 192.168.1.7, 192.168.1.7:5222 or https://wa.me/proxy?host=…")
    }
}

impl std::error::Error for UnusableProxy {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, u16, Vec<u16>, bool) {
        let proxy: Proxy = text.parse().expect("usable");
        (proxy.host.clone(), proxy.chat_port, proxy.media_ports(), proxy.is_tls())
    }

    #[test]
    fn what_is_not_said_is_as_on_the_phone() {
        assert_eq!(read("proxy.example"), ("proxy.example".into(), 443, vec![587], true));
        assert_eq!(read("192.168.1.7:5222"), ("192.168.1.7".into(), 5222, vec![5222, 587], false));
        assert_eq!(read("[2001:db8::7]:80"), ("2001:db8::7".into(), 80, vec![80, 587], false));
        assert_eq!(read("2001:db8::7"), ("2001:db8::7".into(), 443, vec![587], true));
    }

    #[test]
    fn the_link_is_whatsapps_and_read_back() {
        let link = wa_me("192.168.1.7", 5222, 5222, false);
        assert_eq!(link, "https://wa.me/proxy?host=192.168.1.7&chatPort=5222&mediaPort=5222&chatTLS=false");
        assert_eq!(read(&link), ("192.168.1.7".into(), 5222, vec![5222], false));
        for host in ["2001:db8::7", "proxy.example"] {
            let link = wa_me(host, 8443, 587, true);
            assert_eq!(read(&link), (host.into(), 8443, vec![587], true), "{link}");
            assert_eq!(link.parse::<Proxy>().expect("usable").link(), link);
        }
        assert_eq!(read("https://wa.me/proxy?host=a.example"), ("a.example".into(), 443, vec![587], true));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for text in [
            "",
            ":5222",
            "a.example:0",
            "a.example:x",
            "a b",
            "https://wa.me/proxy",
            "https://wa.me/other?host=a.example",
            "https://relay.example/proxy?host=a.example",
            "https://wa.me/proxy?host=a.example&chatPort=x",
            "https://wa.me/proxy?host=a.example&chatTLS=1",
        ] {
            assert_eq!(text.parse::<Proxy>(), Err(UnusableProxy), "{text}");
        }
    }
}
