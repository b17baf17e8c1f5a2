//! A relay's link: its URL with the key in the fragment, which no browser sends, and how to get there.
//!
//! ```text
//! https://relay.example/#KEY
//! https://relay.example/#KEY&addr=192.0.2.7&addr=[2001:db8::7]:8443&sni=none
//! ```
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `addr` | address or name to connect to, with a port if it is another; several are tried | the URL's host |
//! | `port` | port to connect to | the URL's |
//! | `sni` | the name in the TLS hello, or `none` | the URL's host |
//! | `verify` | the name that the certificate must be for | `sni` if it is a name, else the URL's host |
//! | `host` | the HTTP `Host` | the URL's host, with its port if it is not the scheme's |
//! | `pin` | SHA-256 of the certificate's public key (RFC 7469), base64; it is then trusted for that, whoever made it | none |
//! | `ech` | `auto`: by DNS; `grease`: pretend; or an ECHConfigList, base64 | no encrypted hello |
//! | `sibling` | a wildcard, `*.relay.example`, under which the relay has every name; another may be named in the hello. The certificate must be for the link's own name as ever | none |
//! | `ports` | further TLS ports of the relay, `8443,2053` | those of the CDN, if the address is one of its |
//! | `ways` | what may be tried of itself where the relay cannot be reached as the link says: some of `ports`, `browser`, `sibling`, `nameless`, `cut` and `ech`, or `plain` for nothing | all that the link does not rule out |
//! | `root` | the key to believe in place of WhatsApp's root key, 64 hexadecimal digits; for tests against the simulator, and for checks alone | WhatsApp's |
//!
//! An encrypted hello hides the name on the way to the relay. Where the system looks names up in clear, DNS shows it all the
//! same, unless there is an `addr`, or names are asked for by HTTPS only.
//!
//! It connects nowhere and looks nothing up. Neither its `Debug` nor its errors hold the key.

mod address;
mod cleaned;
mod unusable;
mod sentence;
mod allowed;
mod vouched;

use std::{fmt, str::FromStr};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use pasarela_core::config::{is_key, page_name};
use url::Url;

pub use address::Address;
use address::host_name;
pub(crate) use address::is_name;
pub use allowed::Allowed;
pub(crate) use cleaned::{cleaned, several};
pub use unusable::UnusableLink;
pub use vouched::Vouched;

/// Written either way, read either way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where a relay is and how it is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// TLS (`https`), or none (`http`, for tests and behind a tunnel of one's own).
    pub secure: bool,
    /// The URL's host: a name in ASCII, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// The URL's port.
    pub port: u16,
    /// The key; a relay that is open to all has none.
    pub key: Option<String>,
    /// What to connect to, if not the URL's host.
    pub addresses: Vec<Address>,
    /// What the TLS hello names.
    pub sni: Sni,
    /// The name that the certificate must be for, if it is neither.
    pub verify: Option<String>,
    /// The HTTP `Host`, if it is not the URL's.
    pub http_host: Option<String>,
    /// SHA-256 of the certificate's public key.
    pub pin: Option<[u8; 32]>,
    /// The encrypted hello.
    pub ech: Ech,
    /// The domain under which the relay has every name, without `*.`.
    pub sibling: Option<String>,
    /// Further TLS ports.
    pub ports: Vec<u16>,
    /// What may be tried of itself.
    pub allowed: Allowed,
    /// What a check believes in place of WhatsApp's root key.
    pub root: Option<[u8; 32]>,
}

/// What the TLS hello names (RFC 6066, section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sni {
    /// The URL's host.
    #[default]
    Host,
    /// Nothing.
    None,
    /// Another name.
    Name(String),
}

/// The Encrypted ClientHello (RFC 9849).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ech {
    /// None.
    #[default]
    Off,
    /// With the configuration that DNS gives for the relay's name.
    Auto,
    /// A pretence that every server ignores.
    Grease,
    /// With this ECHConfigList.
    Config(Vec<u8>),
}

/// Further ports that a link may name.
const PORTS_MAX: usize = 8;

pub(crate) const PARAMETERS: [&str; 11] =
    ["addr", "port", "sni", "verify", "host", "pin", "ech", "sibling", "ports", "ways", "root"];

impl Link {
    /// The path of the relay's route, `/KEY/tunnel` for `/tunnel`.
    #[must_use]
    pub fn path(&self, route: &str) -> String {
        self.key.as_ref().map_or_else(|| route.to_owned(), |key| format!("/{key}{route}"))
    }

    /// The HTTP `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.http_host.clone().unwrap_or_else(|| self.own_authority())
    }

    /// Where a browser finds the relay's page. The key is in the path, where others may see it; the link itself is safer.
    #[must_use]
    pub fn door(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.own_authority(), self.path("/"))
    }

    /// What to connect to, in order.
    #[must_use]
    pub fn targets(&self) -> Vec<Address> {
        if self.addresses.is_empty() {
            vec![Address { host: self.host.clone(), port: self.port }]
        } else {
            self.addresses.clone()
        }
    }

    /// The name that the TLS hello holds, if any.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        match &self.sni {
            Sni::Host => Some(&self.host),
            Sni::None => None,
            Sni::Name(name) => Some(name),
        }
    }

    /// The name that the certificate must be for.
    #[must_use]
    pub fn verified(&self) -> &str {
        match (&self.verify, &self.sni) {
            (Some(name), _) | (None, Sni::Name(name)) => name,
            (None, Sni::Host | Sni::None) => &self.host,
        }
    }

    fn own_authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    fn set(&mut self, name: &'static str, value: &str) -> Result<(), UnusableLink> {
        let bad = UnusableLink::Parameter(name);
        match name {
            "addr" => self.addresses.push(Address::parse(value, self.port).ok_or(bad)?),
            "sni" if value.eq_ignore_ascii_case("none") => self.sni = Sni::None,
            "sni" => self.sni = Sni::Name(host_name(value).ok_or(bad)?),
            "verify" => self.verify = Some(host_name(value).ok_or(bad)?),
            "host" => {
                let Address { host, port } = Address::parse(value, 0).ok_or(bad)?;
                self.http_host = Some(if port == 0 { host } else { format!("{host}:{port}") });
            }
            "pin" => {
                let bytes = decode(value).and_then(|bytes| bytes.try_into().ok());
                self.pin = Some(bytes.ok_or(bad)?);
            }
            "ech" => {
                self.ech = match value {
                    "auto" => Ech::Auto,
                    "grease" => Ech::Grease,
                    // Padded, it would be read as another thing when it is written.
                    _ if value.trim_end_matches('=') == "auto" => return Err(bad),
                    _ => Ech::Config(decode(value).filter(|bytes| !bytes.is_empty()).ok_or(bad)?),
                }
            }
            "sibling" => {
                let name = value.strip_prefix("*.").and_then(host_name);
                self.sibling = Some(name.filter(|name| is_name(name) && name.contains('.')).ok_or(bad)?);
            }
            "ports" => {
                let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
                let ports: Vec<u16> = value.split(',').map(port).collect::<Option<_>>().ok_or(bad)?;
                // More would make a bridge a scanner of ports.
                self.ports = Some(ports).filter(|ports| ports.len() <= PORTS_MAX).ok_or(bad)?;
            }
            "ways" => self.allowed = Allowed::parse(value).ok_or(bad)?,
            "root" => self.root = Some(unhex(value).ok_or(bad)?),
            _ => return Err(UnusableLink::Unknown),
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = UnusableLink;

    fn from_str(text: &str) -> Result<Self, UnusableLink> {
        let text = cleaned::link(sentence::alone(text)?);
        let url = Url::parse(&text).map_err(|_| UnusableLink::NoUrl)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(UnusableLink::Scheme),
        };
        let host = url.host_str().and_then(host_name).ok_or(UnusableLink::NoUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UnusableLink::NoUrl);
        }
        let port = url.port_or_known_default().ok_or(UnusableLink::NoUrl)?;
        let mut link = Self {
            secure,
            host,
            port,
            key: None,
            addresses: Vec::new(),
            sni: Sni::Host,
            verify: None,
            http_host: None,
            pin: None,
            ech: Ech::Off,
            sibling: None,
            ports: Vec::new(),
            allowed: Allowed::ALL,
            root: None,
        };
        // The page of a relay is at /KEY/, and people copy what their browser shows.
        let path = url.path().trim_matches('/');
        if url.query().is_some() || path.contains('/') {
            return Err(UnusableLink::Path);
        }
        link.parse_fragment(url.fragment().unwrap_or_default())?;
        match (path, &link.key) {
            ("", _) => {}
            // What stays in the address bar.
            (path, Some(key)) if path == key || path == page_name(key) => {}
            (_, Some(_)) => return Err(UnusableLink::Path),
            (path, None) => link.key = Some(key(path)?),
        }
        // Otherwise a link could lead to somebody else than its host says.
        let above = |domain: &String| format!(".{}", link.host).ends_with(&format!(".{domain}"));
        if link.sibling.as_ref().is_some_and(|domain| !above(domain)) {
            return Err(UnusableLink::Parameter("sibling"));
        }
        Ok(link)
    }
}

impl Link {
    fn parse_fragment(&mut self, fragment: &str) -> Result<(), UnusableLink> {
        let mut parameters: Vec<(&'static str, String)> = Vec::new();
        for (index, part) in fragment.split('&').enumerate() {
            match part.split_once('=') {
                None if part.is_empty() => {}
                None if index == 0 => self.key = Some(key(part)?),
                None => return Err(UnusableLink::Unknown),
                Some((name, value)) => {
                    let known = PARAMETERS.iter().find(|known| **known == name).ok_or(UnusableLink::Unknown)?;
                    if *known != "addr" && parameters.iter().any(|(name, _)| name == known) {
                        return Err(UnusableLink::Unknown);
                    }
                    let value = percent_encoding::percent_decode_str(value).decode_utf8();
                    parameters.push((known, value.map_err(|_| UnusableLink::Parameter(known))?.into_owned()));
                }
            }
        }
        // The port first: addresses without one have it.
        let http_port = self.port;
        if let Some((_, port)) = parameters.iter().find(|(name, _)| *name == "port") {
            let port = port.parse().ok().filter(|port| *port != 0);
            self.port = port.ok_or(UnusableLink::Parameter("port"))?;
            if self.http_host.is_none() {
                let own = Self { port: http_port, ..self.clone() }.own_authority();
                self.http_host = Some(own);
            }
        }
        parameters.iter().filter(|(name, _)| *name != "port").try_for_each(|(name, value)| self.set(name, value))
    }
}

impl fmt::Display for Link {
    /// The link itself, key included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}/#{}", self.own_authority(), self.key.as_deref().unwrap_or_default())?;
        for Address { host, port } in &self.addresses {
            if *port == self.port { write!(f, "&addr={host}")? } else { write!(f, "&addr={host}:{port}")? }
        }
        match &self.sni {
            Sni::Host => {}
            Sni::None => f.write_str("&sni=none")?,
            Sni::Name(name) => write!(f, "&sni={name}")?,
        }
        if let Some(name) = &self.verify {
            write!(f, "&verify={name}")?;
        }
        if let Some(host) = &self.http_host {
            write!(f, "&host={host}")?;
        }
        if let Some(pin) = &self.pin {
            write!(f, "&pin={}", BASE64.encode(pin))?;
        }
        match &self.ech {
            Ech::Off => {}
            Ech::Auto => f.write_str("&ech=auto")?,
            Ech::Grease => f.write_str("&ech=grease")?,
            Ech::Config(list) => write!(f, "&ech={}", BASE64.encode(list))?,
        }
        if let Some(name) = &self.sibling {
            write!(f, "&sibling=*.{name}")?;
        }
        for (index, port) in self.ports.iter().enumerate() {
            write!(f, "{}{port}", if index == 0 { "&ports=" } else { "," })?;
        }
        if self.allowed != Allowed::ALL {
            write!(f, "&ways={}", self.allowed)?;
        }
        if let Some(root) = &self.root {
            f.write_str("&root=")?;
            root.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

fn key(text: &str) -> Result<String, UnusableLink> {
    // Whatever is strange in it is no part of the key.
    let written = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    if let Some(foreign) = written.chars().find(|letter| !letter.is_ascii()) {
        return Err(UnusableLink::Foreign(foreign));
    }
    if is_key(text) { Ok(text.to_owned()) } else { Err(UnusableLink::Key) }
}

/// A key of 32 bytes as 64 hexadecimal digits.
#[must_use]
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes?.try_into().ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit) && digits.len() == 64)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('+', "-").replace('/', "_")).ok()
}

#[cfg(test)]
mod tests;
