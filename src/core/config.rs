//! The operator's variables, checked once: the same names on the edge (bindings) and for `pasarela serve` (environment).
//!
//! It reads no environment itself; the caller passes a look-up. A client can change nothing here.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use sha2::{Digest, Sha256};

use crate::{limits, proxy};

/// What the operator has decided.
#[derive(Debug, Clone)]
pub struct Config {
    /// `RELAY_KEYS`, `OPEN`: who may use the relay. What [`PERSON`] begins is among the keys where [`all_keys`] put it.
    pub access: Access,
    /// `WEB_UPSTREAM`: how library clients are carried.
    pub web: WebUpstream,
    /// `UPSTREAM_CHAT`: candidates for chat, in order.
    pub chat: Vec<Authority>,
    /// `UPSTREAM_WEB`: `https://` or `http://` URLs of WebSocket upstreams, in order.
    pub web_urls: Vec<String>,
    /// `UPSTREAM_TLS`: one upstream that takes all TLS instead of the name asked for.
    pub tls: Option<Authority>,
    /// `PROXY_HEADER`: announce the client's address to the chat upstream.
    pub proxy_header: Option<proxy::Version>,
    /// `SITE`: what a visitor without a key sees.
    pub site: Site,
    /// `SESSION_SHARDS`: Durable Objects that share the sessions.
    pub session_shards: u8,
}

/// Who may use the relay.
#[derive(Debug, Clone)]
pub enum Access {
    /// Nobody: no key is set.
    Closed,
    /// Anybody: the operator said so with `OPEN=1`.
    Open,
    /// Who has one of these keys.
    Keys(Vec<Key>),
}

/// A relay key with the name that the operator gave it.
#[derive(Clone)]
pub struct Key {
    /// For the operator's eyes only.
    pub name: String,
    /// 16–128 URL-safe characters.
    pub secret: String,
    /// What stands for the secret in the path of a page that has the secret itself behind `#`: see [`page_name`].
    pub page: String,
}

/// The name under which a key's page is found, besides the key: 32 hexadecimal digits that do not give the key away.
///
/// The key must not stay in a path, and what is behind `#` no server sees; so a page that is loaded again is asked for by this.
/// It opens the page and its files alone.
#[must_use]
pub fn page_name(secret: &str) -> String {
    let digest = Sha256::new_with_prefix("pasarela page ").chain_update(secret).finalize();
    digest.iter().take(16).fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How `/ws/chat` reaches WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebUpstream {
    /// A WebSocket to web.whatsapp.com.
    Wss,
    /// Raw TCP to the chat upstream.
    Tcp,
}

/// What stands at every path that is not a relay route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Nothing: not found, with no mark of anybody's.
    Nothing,
    /// The guide at `/`, which tells everybody what this is; not found elsewhere.
    Guide,
    /// The operator's own static files.
    Own,
}

impl Site {
    /// What the operator chose. Who chose nothing has the guide until there are keys to keep: up to then nobody uses the
    /// relay, or everybody may.
    ///
    /// # Errors
    /// `SITE` is not usable.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let var = |name| get(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty());
        match var("SITE").as_deref() {
            None if var("RELAY_KEYS").is_some() => Ok(Self::Nothing),
            None | Some("guide") => Ok(Self::Guide),
            Some("none") => Ok(Self::Nothing),
            Some("own") => Ok(Self::Own),
            Some(_) => Err(ConfigError { variable: "SITE", expected: "none, guide or own" }),
        }
    }
}

/// A host and a port to dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Authority {
    /// A host and a port.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_string(), port }
    }

    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let well_formed = !host.is_empty() && host.len() <= 255 && host.bytes().all(valid);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (well_formed && (bracketed || !host.contains(':'))).then(|| Self::new(host, port))
    }
}

impl core::fmt::Display for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A variable that cannot be used. It holds no value: a value may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable's name.
    pub variable: &'static str,
    /// What it should be.
    pub expected: &'static str,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} is not usable: expected {}", self.variable, self.expected)
    }
}

impl core::error::Error for ConfigError {}

/// WhatsApp's hosts for its own protocol, tried on each of its ports.
const CHAT_HOSTS: [&str; 2] = ["g.whatsapp.net", "g-fallback.whatsapp.net"];
const CHAT_PORTS: [u16; 3] = [443, 5222, 80];

const WEB_URLS: [&str; 2] = ["https://web.whatsapp.com/ws/chat", "https://web.whatsapp.com:5222/ws/chat"];

impl Config {
    /// Checks the variables that `get` finds; one that is absent or empty has its default.
    ///
    /// # Errors
    /// The first variable that is not usable.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let var = |name| get(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty());
        let open = match var("OPEN") {
            None => false,
            Some(value) => is_on(&value).ok_or(ConfigError { variable: "OPEN", expected: "0 or 1" })?,
        };
        let web = [("wss", WebUpstream::Wss), ("tcp", WebUpstream::Tcp)];
        let web = choice(var("WEB_UPSTREAM"), &web, ConfigError { variable: "WEB_UPSTREAM", expected: "wss or tcp" })?;
        let headers = [("off", None), ("v1", Some(proxy::Version::V1)), ("v2", Some(proxy::Version::V2))];
        let error = ConfigError { variable: "PROXY_HEADER", expected: "off, v1 or v2" };
        let proxy_header = choice(var("PROXY_HEADER"), &headers, error)?;
        let tls = var("UPSTREAM_TLS").map(|value| {
            Authority::parse(&value).ok_or(ConfigError { variable: "UPSTREAM_TLS", expected: "one host:port" })
        });
        Ok(Self {
            access: access(open, var("RELAY_KEYS").as_deref())?,
            web,
            chat: chat(var("UPSTREAM_CHAT").as_deref())?,
            web_urls: web_urls(var("UPSTREAM_WEB").as_deref())?,
            tls: tls.transpose()?,
            proxy_header,
            site: Site::from_vars(&get)?,
            session_shards: shards(var("SESSION_SHARDS").as_deref())?,
        })
    }
}

/// One of these by its word, and the first for who chose nothing.
fn choice<T: Copy, const N: usize>(
    chosen: Option<String>,
    of: &[(&str, T); N],
    error: ConfigError,
) -> Result<T, ConfigError> {
    let found = of.iter().find(|(word, _)| chosen.as_deref().is_none_or(|chosen| chosen == *word));
    found.map(|(_, value)| *value).ok_or(error)
}

/// Whether it can be a key: 16 to 128 characters that need no escape in a URL.
#[must_use]
pub fn is_key(text: &str) -> bool {
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    limits::KEY.contains(&text.len()) && text.bytes().all(url_safe)
}

fn access(open: bool, keys: Option<&str>) -> Result<Access, ConfigError> {
    let error = ConfigError {
        variable: "RELAY_KEYS",
        expected: "name=key pairs separated by spaces, no name twice; a key has 16 to 128 characters of A-Z a-z 0-9 - _ . ~",
    };
    let parse = |pair: &str| {
        let (name, secret) = pair.split_once('=')?;
        let valid = !name.is_empty() && is_key(secret);
        valid.then(|| Key { name: name.to_string(), secret: secret.to_string(), page: page_name(secret) })
    };
    let keys: Option<Vec<_>> = keys.unwrap_or_default().split_whitespace().map(parse).collect();
    let keys = keys.filter(|keys| {
        keys.iter().enumerate().all(|(n, key)| keys.iter().skip(n + 1).all(|other| other.name != key.name))
    });
    match keys.ok_or(error)? {
        _ if open => Ok(Access::Open),
        keys if keys.is_empty() => Ok(Access::Closed),
        keys => Ok(Access::Keys(keys)),
    }
}

/// What the name of a variable begins with that holds one person's key: `RELAY_KEY_ANA`.
///
/// A platform that tells the names of secrets and never their values can so add one key, and take it back, without the others.
pub const PERSON: &str = "RELAY_KEY_";

/// `RELAY_KEYS` with the keys of such variables, under their names in small letters. One whose name is in `RELAY_KEYS` already
/// has its variable's whole name: streams are counted by names. What cannot be a key is left out, so that it shuts nobody else out.
pub fn all_keys(relay_keys: Option<String>, variables: impl Iterator<Item = (String, String)>) -> Option<String> {
    let mut keys = relay_keys;
    for (variable, key) in variables {
        let person = variable.strip_prefix(PERSON).filter(|person| !person.is_empty() && is_key(key.trim()));
        let Some(person) = person else { continue };
        let person = person.to_ascii_lowercase();
        let taken = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| name == person);
        let name = match &keys {
            Some(keys) if keys.split_whitespace().any(taken) => variable.as_str(),
            Some(_) | None => &person,
        };
        keys = Some(format!("{} {name}={}", keys.unwrap_or_default(), key.trim()));
    }
    keys
}

fn chat(value: Option<&str>) -> Result<Vec<Authority>, ConfigError> {
    let error = ConfigError { variable: "UPSTREAM_CHAT", expected: "host:port pairs separated by spaces" };
    match value {
        Some(list) => list.split_whitespace().map(Authority::parse).collect::<Option<_>>().ok_or(error),
        None => {
            let host = |host| CHAT_PORTS.map(|port| Authority::new(host, port));
            Ok(CHAT_HOSTS.map(host).concat())
        }
    }
}

fn web_urls(value: Option<&str>) -> Result<Vec<String>, ConfigError> {
    let error = ConfigError {
        variable: "UPSTREAM_WEB",
        expected: "https:// (or http://) URLs without query, separated by spaces",
    };
    let usable = |url: &str| {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        (!rest.is_empty() && !rest.contains(['?', '#', '@'])).then(|| url.to_string())
    };
    match value {
        Some(list) => list.split_whitespace().map(usable).collect::<Option<_>>().ok_or(error),
        None => Ok(WEB_URLS.map(|url| url.to_string()).to_vec()),
    }
}

fn shards(value: Option<&str>) -> Result<u8, ConfigError> {
    let error = ConfigError { variable: "SESSION_SHARDS", expected: "a number from 1 to 255" };
    value.map_or(Ok(1), |value| value.parse().ok().filter(|shards| *shards > 0).ok_or(error))
}

/// A switch, as people and their tools write it.
fn is_on(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_vars(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn the_defaults_are_whatsapps_own_hosts_and_closed() {
        let config = config(&[]).unwrap();
        assert!(matches!(config.access, Access::Closed));
        let chat: Vec<_> = config.chat.iter().map(ToString::to_string).collect();
        assert_eq!(chat[..2], ["g.whatsapp.net:443", "g.whatsapp.net:5222"]);
        assert_eq!(chat[5], "g-fallback.whatsapp.net:80");
        assert_eq!(config.web_urls, WEB_URLS);
    }

    #[test]
    fn each_unusable_value_is_named_and_never_shown() {
        for (variable, value) in [
            ("OPEN", "perhaps"),
            ("WEB_UPSTREAM", "quic"),
            ("UPSTREAM_CHAT", "g.whatsapp.net"),
            ("UPSTREAM_CHAT", "::1:443"),
            ("UPSTREAM_CHAT", "host:0"),
            ("UPSTREAM_WEB", "wss://web.whatsapp.com/ws/chat"),
            ("UPSTREAM_WEB", "https://u:p@host/"),
            ("UPSTREAM_TLS", "a:1 b:2"),
            ("PROXY_HEADER", "v3"),
            ("SITE", "mine"),
            ("SESSION_SHARDS", "0"),
            ("RELAY_KEYS", "ana=tooshort"),
            ("RELAY_KEYS", "ana="),
            ("RELAY_KEYS", "ana=0123456789abcdef bo="),
            ("RELAY_KEYS", "0123456789abcdef"),
            ("RELAY_KEYS", "ana=0123456789abcdef ana=fedcba9876543210"),
            ("RELAY_KEYS", "ana=0123456789abcdef/"),
        ] {
            let error = config(&[(variable, value)]).unwrap_err();
            assert_eq!(error.variable, variable);
            assert!(!error.to_string().contains(value));
        }
    }

    #[test]
    fn with_keys_strangers_see_nothing_unless_the_operator_wants_it() {
        let keys = ("RELAY_KEYS", "ana=0123456789abcdef");
        let site = |vars: &[(&str, &str)]| config(vars).unwrap().site;
        assert_eq!(site(&[]), Site::Guide);
        assert_eq!(site(&[("OPEN", "1")]), Site::Guide);
        assert_eq!(site(&[keys]), Site::Nothing);
        assert_eq!(site(&[keys, ("SITE", " ")]), Site::Nothing);
        assert_eq!(site(&[keys, ("SITE", "guide")]), Site::Guide);
        assert_eq!(site(&[("SITE", "none")]), Site::Nothing);
        assert_eq!(site(&[("SITE", "own")]), Site::Own);
        // Keys that cannot be used are keys to keep all the same.
        for unusable in ["short", "me="] {
            let found = Site::from_vars(|name| (name == "RELAY_KEYS").then(|| unusable.to_string()));
            assert_eq!(found, Ok(Site::Nothing), "{unusable}");
        }
    }

    #[test]
    fn addresses_may_be_names_ipv4_or_bracketed_ipv6() {
        let config = config(&[("UPSTREAM_CHAT", "a.example:1  127.0.0.1:2\t[::1]:3")]).unwrap();
        let shown: Vec<_> = config.chat.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a.example:1", "127.0.0.1:2", "[::1]:3"]);
    }

    #[test]
    fn a_persons_own_variable_is_a_key_beside_the_others() {
        let names = |relay_keys: Option<&str>, variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, key)| (name.to_string(), key.to_string()));
            let keys = all_keys(relay_keys.map(ToString::to_string), variables)?;
            match config(&[("RELAY_KEYS", &keys)]).unwrap().access {
                Access::Keys(keys) => Some(keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>().join(" ")),
                Access::Closed | Access::Open => None,
            }
        };
        let (ana, bo) = (("RELAY_KEY_ANA", "0123456789abcdef"), ("RELAY_KEY_BO_2", " fedcba9876543210\n"));
        assert_eq!(names(None, &[ana, ("SITE", "none"), bo]).as_deref(), Some("ana bo_2"));
        assert_eq!(names(Some("cy=aaaaaaaaaaaaaaaa"), &[bo]).as_deref(), Some("cy bo_2"));
        assert_eq!(names(Some("ana=aaaaaaaaaaaaaaaa"), &[ana]).as_deref(), Some("ana RELAY_KEY_ANA"));
        assert_eq!((names(None, &[]), names(None, &[("RELAY_KEY_ANA", " ")])), (None, None));
        let wrong = [("RELAY_KEY_CY", "cy=0123456789abcdef"), ("RELAY_KEY_DAN", "short"), ("RELAY_KEY_", ana.1)];
        assert_eq!(names(None, &[&wrong[..], &[ana]].concat()).as_deref(), Some("ana"));
    }

    #[test]
    fn keys_are_parsed_and_never_printed() {
        let config = config(&[("RELAY_KEYS", "ana=0123456789abcdef bo=fedcba9876543210")]).unwrap();
        assert!(matches!(&config.access, Access::Keys(keys) if keys.len() == 2 && keys[1].name == "bo"));
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }
}
