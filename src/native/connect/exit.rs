//! The way out of a network that has only one: an HTTP proxy that takes `CONNECT` (RFC 9110, section 9.3.6), or SOCKS5 (RFC 1928).
//!
//! It is asked for names, not for addresses: such networks resolve few. What it is asked for it can read.

use std::{fmt, net::IpAddr};

use bytes::BytesMut;
use fast_socks5::{
    AuthenticationMethod, Socks5Command,
    client::{Config, Socks5Stream},
    util::target_addr::TargetAddr,
};
use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    net::{eyeballs, wait_outside},
    trouble::Trouble,
};

/// The longest head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// Which way out is for whom: all take one, but those that an exception names.
pub struct Exits {
    known: Matcher,
    /// Something was said of a way out of which none can be made: for hosts without TLS, and for those with it. Nobody is to be
    /// reached past a way out that he was told to take.
    unusable: [bool; 2],
    /// Intercepts all but the exceptions.
    exceptions: Matcher,
}

impl Exits {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in capitals or small letters. One that is empty says nothing.
    #[must_use]
    pub fn from_env() -> Self {
        let all = said(["ALL_PROXY", "all_proxy"]);
        let own = [said(["HTTP_PROXY", "http_proxy"]), said(["HTTPS_PROXY", "https_proxy"])];
        let own = own.map(|own| own.or_else(|| all.clone()).unwrap_or_default());
        let unusable = own.each_ref().map(|url| !url.is_empty() && !is_usable(url));
        let [plain, secure] = own;
        let known = Matcher::builder().http(plain).https(secure).no(no_proxy()).build();
        Self { known, unusable, exceptions: exceptions() }
    }

    /// This one, but for hosts that `NO_PROXY` names.
    #[must_use]
    pub fn given(url: &str) -> Self {
        let known = Matcher::builder().all(url).no(no_proxy()).build();
        Self { known, unusable: [!is_usable(url); 2], exceptions: exceptions() }
    }

    /// The way out towards a host, if there is one. This machine is reached without.
    ///
    /// # Errors
    ///
    /// It is of another kind than those that are known here.
    pub fn towards(&self, secure: bool, authority: &str) -> Result<Option<Exit>, UnusableExit> {
        let url: Uri =
            format!("{}://{authority}/", if secure { "https" } else { "http" }).parse().map_err(|_| UnusableExit)?;
        if is_here(url.host().unwrap_or_default()) {
            return Ok(None);
        }
        if self.unusable[usize::from(secure)] && self.exceptions.intercept(&url).is_some() {
            return Err(UnusableExit);
        }
        self.known.intercept(&url).map(|found| Exit::of(&found)).transpose()
    }
}

/// The first of these variables that holds something.
fn said(names: [&str; 2]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
}

fn no_proxy() -> String {
    said(["NO_PROXY", "no_proxy"]).unwrap_or_default()
}

fn exceptions() -> Matcher {
    Matcher::builder().all("http://anybody.example").no(no_proxy()).build()
}

/// Whether a way out can be made of this. What makes none the matcher takes for nothing said.
fn is_usable(said: &str) -> bool {
    let anybody = Uri::from_static("https://anybody.example/");
    let found = Matcher::builder().all(said).build().intercept(&anybody);
    found.is_some_and(|found| Exit::of(&found).is_ok())
}

/// Whether no network lies between.
pub(crate) fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// It is no `http://…`, `socks5://…` or `socks5h://…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableExit;

impl fmt::Display for UnusableExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a proxy must be http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host if it wants one")
    }
}

impl std::error::Error for UnusableExit {}

/// One way out.
#[derive(Clone)]
pub struct Exit {
    authority: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// With what is to stand in `Proxy-Authorization`.
    Http(Option<String>),
    /// With a name and a password.
    Socks(Option<(String, String)>),
}

// It may hold a password.
impl fmt::Debug for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exit").finish_non_exhaustive()
    }
}

impl Exit {
    fn of(found: &Intercept) -> Result<Self, UnusableExit> {
        let url = found.uri();
        let host = url.host().ok_or(UnusableExit)?;
        let (kind, port) = match url.scheme_str() {
            Some("http") => {
                let basic = found.basic_auth().and_then(|basic| basic.to_str().ok());
                (Kind::Http(basic.map(str::to_owned)), 80)
            }
            Some("socks5" | "socks5h") => {
                (Kind::Socks(found.raw_auth().map(|(user, word)| (user.to_owned(), word.to_owned()))), 1080)
            }
            Some(_) | None => return Err(UnusableExit),
        };
        Ok(Self { authority: format!("{host}:{}", url.port_u16().unwrap_or(port)), kind })
    }

    /// Connects to a host by it, by `limit` at the latest. An IPv6 address stands in brackets.
    pub(super) async fn connect(&self, host: &str, port: u16, limit: Instant) -> Result<TcpStream, Trouble> {
        let connecting = async {
            let tcp = eyeballs::connect(&self.authority).await.map_err(|_| Trouble::NoExit)?;
            wait_outside(&tcp);
            match &self.kind {
                Kind::Http(credentials) => through_http(tcp, &format!("{host}:{port}"), credentials.as_deref()).await,
                Kind::Socks(credentials) => through_socks(tcp, host, port, credentials.clone()).await,
            }
        };
        timeout_at(limit, connecting).await.unwrap_or(Err(Trouble::NoExit))
    }
}

async fn through_http(mut tcp: TcpStream, to: &str, credentials: Option<&str>) -> Result<TcpStream, Trouble> {
    let credentials = credentials.map(|it| format!("Proxy-Authorization: {it}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{credentials}\r\n");
    tcp.write_all(request.as_bytes()).await.map_err(|_| Trouble::NoExit)?;
    let mut head = BytesMut::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&head) {
            // Nothing may follow before we speak.
            Ok(httparse::Status::Complete(_)) => match response.code.unwrap_or_default() {
                200..300 => return Ok(tcp),
                status => return Err(Trouble::ExitStatus(status)),
            },
            Ok(httparse::Status::Partial) if head.len() < HEAD_MAX => {}
            Ok(httparse::Status::Partial) | Err(_) => return Err(Trouble::NoExit),
        }
        if tcp.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return Err(Trouble::NoExit);
        }
    }
}

async fn through_socks(
    tcp: TcpStream,
    host: &str,
    port: u16,
    credentials: Option<(String, String)>,
) -> Result<TcpStream, Trouble> {
    let bare = host.trim_matches(['[', ']']);
    let target = match bare.parse::<IpAddr>() {
        Ok(address) => TargetAddr::Ip((address, port).into()),
        Err(_) => TargetAddr::Domain(bare.to_owned(), port),
    };
    let method = credentials.map(|(username, password)| AuthenticationMethod::Password { username, password });
    let greeted = Socks5Stream::use_stream(tcp, method, Config::default()).await;
    let mut socks = greeted.map_err(|_| Trouble::NoExit)?;
    match socks.request(Socks5Command::TCPConnect, target).await {
        Ok(_) => Ok(socks.get_socket()),
        // It speaks SOCKS, and says no.
        Err(_) => Err(Trouble::ExitRefused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_from_what_is_not() {
        let towards = |url: &str, authority| Exits::given(url).towards(true, authority);
        for (url, authority) in [
            ("http://exit.example:3128", "exit.example:3128"),
            ("exit.example:3128", "exit.example:3128"),
            ("http://user:pass@exit.example", "exit.example:80"),
            ("socks5h://127.0.0.1:9050", "127.0.0.1:9050"),
            ("socks5://exit.example", "exit.example:1080"),
        ] {
            let exit = towards(url, "relay.example").expect("usable").expect("for all");
            assert_eq!(exit.authority, authority, "{url}");
        }
        for unusable in
            ["https://exit.example", "ftp://exit.example:21", "http://", "socks5:/exit.example", "socks://x", " ", ""]
        {
            assert!(towards(unusable, "relay.example").is_err(), "{unusable:?}: nobody is reached past it");
        }
        assert!(towards("http://exit.example", "127.0.0.1:8080").expect("usable").is_none());
    }

    #[test]
    fn a_password_is_not_shown() {
        let exit = Exits::given("http://user:secret@exit.example").towards(true, "relay.example");
        assert!(!format!("{exit:?}").contains("secret"));
    }
}
