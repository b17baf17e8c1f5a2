//! The way to a relay out of a network that has only a proxy.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use pasarela::{
    connect::{Connector, Exits, Resolver, Setup, Source, Step},
    trouble::Trouble,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    front::{Authority, Front},
    program::{command, finish},
    tunnels::Nobody,
    within,
};

/// A proxy that does this with each connection, and leads to `target` if that says so.
async fn proxy<F>(target: SocketAddr, meet: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = std::io::Result<Option<TcpStream>>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let meet = Arc::new(meet);
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.expect("accepts");
            let meet = Arc::clone(&meet);
            tokio::spawn(async move {
                if let Some(mut near) = meet(near).await? {
                    let mut far = TcpStream::connect(target).await?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    address
}

/// Takes `CONNECT relay.example:443` from who knows the password.
async fn http(mut near: TcpStream) -> std::io::Result<Option<TcpStream>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let known = head.contains("Proxy-Authorization: Basic dXNlcjpwYTpzcw==\r\n");
    let right = head.starts_with("CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n");
    let (answer, goes_on) = match (known, right) {
        (false, _) => ("407 Proxy Authentication Required", false),
        (true, false) => ("403 Forbidden", false),
        (true, true) => ("200 Connection established", true),
    };
    near.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await?;
    Ok(goes_on.then_some(near))
}

/// SOCKS5 for `relay.example:443`, with a password or without.
async fn socks(mut near: TcpStream) -> std::io::Result<Option<TcpStream>> {
    let mut greeting = [0; 2];
    near.read_exact(&mut greeting).await?;
    let mut methods = vec![0; greeting[1].into()];
    near.read_exact(&mut methods).await?;
    if methods.contains(&2) {
        near.write_all(&[5, 2]).await?;
        let mut said = [0; 12];
        near.read_exact(&mut said).await?;
        near.write_all(&[1, u8::from(said != *b"\x01\x04user\x05pa:ss")]).await?;
    } else {
        near.write_all(&[5, 0]).await?;
    }
    let mut request = [0; 4 + 1 + 13 + 2];
    near.read_exact(&mut request).await?;
    let right = request == *b"\x05\x01\x00\x03\x0drelay.example\x01\xbb";
    near.write_all(&[5, if right { 0 } else { 2 }, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(right.then_some(near))
}

/// What a dial of this link by this way out comes to.
async fn dial(url: &str, link: &str, authority: &Authority) -> Result<Vec<Step>, Trouble> {
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = vec![authority.certificate.clone()];
    setup.exit = Exits::given(url).towards(true, "relay.example").expect("usable");
    let connector = Connector::new(&link.parse().expect("a link"), &setup).expect("usable");
    let mut steps = Vec::new();
    within(connector.dial_observed(&mut |step| steps.push(step))).await.map(|_| steps)
}

#[tokio::test]
async fn a_relay_is_reached_by_a_proxy_which_is_asked_for_its_name() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example"])).await;
    let (http, socks) = (proxy(front.address, http).await, proxy(front.address, socks).await);
    for url in
        [format!("http://user:pa%3Ass@{http}"), format!("socks5h://{socks}"), format!("socks5://user:pa%3Ass@{socks}")]
    {
        let steps = dial(&url, "https://relay.example/", &authority).await.expect(&url);
        assert!(matches!(steps.first(), Some(Step::Resolved { by: Source::Exit, .. })), "{steps:?}");
    }
}

#[tokio::test]
async fn why_a_proxy_does_not_lead_out_is_told() {
    let authority = Authority::new();
    let nobody = Nobody::new();
    let target = nobody.address();
    let (http, socks) = (proxy(target, http).await, proxy(target, socks).await);
    for (url, link, trouble) in [
        (format!("http://{http}"), "https://relay.example/", Trouble::ExitStatus(407)),
        (format!("http://user:pa%3Ass@{http}"), "https://other.example/", Trouble::ExitStatus(403)),
        (format!("socks5://{socks}"), "https://relay.exampl0/", Trouble::ExitRefused),
        (format!("http://{}", nobody.address()), "https://relay.example/", Trouble::NoExit),
    ] {
        assert_eq!(dial(&url, link, &authority).await, Err(trouble), "{url}");
    }
}

/// In capitals and empty, as where `HTTPS_PROXY=${HTTPS_PROXY}` is written, it says nothing: what is in small letters counts.
#[tokio::test]
async fn a_variable_that_is_empty_hides_no_other() {
    let asked = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", asked.local_addr().expect("bound"));
    let check = ["check", "--timeout", "1", "--dns", "system", "https://relay.example/#a-key-of-the-tests"];
    for [empty, said] in [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]] {
        let mut check = command(&check);
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
            check.env_remove(name);
        }
        check.env(empty, "").env(said, &url);
        let ended = tokio::spawn(finish(check));
        let (mut tcp, _) = within(asked.accept()).await.expect("the proxy is asked");
        let mut head = [0; 11];
        tcp.read_exact(&mut head).await.expect("a request");
        assert_eq!(&head, b"CONNECT rel");
        drop(tcp);
        assert!(ended.await.expect("no panic").code.is_some_and(|code| code >= 10));
    }
}
