//! The way to a relay: configurations for encrypted hellos. A server that accepts them is in the end-to-end tests.

use std::{collections::BTreeMap, io, sync::Arc};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use pasarela::{
    connect::{Connector, Mode, Provider, Resolver, Setup, Unusable},
    link::Link,
    trouble::Trouble,
    tunnel::Dialer,
};
use pasarela_e2e::doh::{DohServer, Known};

use crate::{
    front::{Authority, Front},
    resolver::system,
    within,
};

/// An ECHConfig under this public name, for a key that nobody has.
fn config(public: &str) -> Vec<u8> {
    let prefixed = |bytes: &[u8]| [&u16::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat();
    let key = [9; 32];
    let name = [&[u8::try_from(public.len()).expect("short")], public.as_bytes()].concat();
    let contents =
        [&[7][..], &[0, 0x20], &prefixed(&key), &prefixed(&[0, 1, 0, 1]), &[0], &name, &prefixed(&[])].concat();
    [&[0xfe, 0x0d][..], &prefixed(&contents)].concat()
}

/// Why a relay is not reached by a hello for which DNS gives this.
async fn trouble(front: &Front, authority: &Authority, ech: Option<Vec<u8>>) -> Trouble {
    let known = Known { addresses: vec!["127.0.0.1".parse().expect("one")], ech };
    let identity = authority.name(&["127.0.0.1"]);
    let server = DohServer::start(&identity.config, true, BTreeMap::from([("relay.example", known)]))
        .await
        .expect("a free port");
    let provider: Provider = format!("https://{}/dns-query", server.address).parse().expect("a provider");
    let roots = std::slice::from_ref(&authority.certificate);
    let resolver = Resolver::new(Mode::Auto, &[provider], roots).expect("usable");
    let resolver = resolver.with_system(system(Err(io::ErrorKind::NotFound)));
    let link: Link = format!("https://relay.example:{}/#ech=auto", front.port()).parse().expect("a link");
    let setup = Setup { extra_roots: roots.to_vec(), ..Setup::new(Arc::new(resolver)) };
    let connector = Connector::new(&link, &setup).expect("usable");
    let error = within(connector.dial()).await.map(drop).expect_err("none is accepted");
    // One connection is enough to know all that was asked.
    assert_eq!(server.asked().len(), 3);
    Trouble::of(&error).expect("a trouble")
}

#[tokio::test]
async fn without_a_configuration_the_name_is_not_shown_instead() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example", "public.example"])).await;
    assert_eq!(trouble(&front, &authority, None).await, Trouble::NoEch);
    assert_eq!(trouble(&front, &authority, Some(b"garbage".to_vec())).await, Trouble::NoEch);
    assert!(front.seen().is_empty());
}

#[tokio::test]
async fn a_server_that_knows_no_encrypted_hello_rejects_the_one_by_dns() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example", "public.example"])).await;
    assert_eq!(trouble(&front, &authority, Some(config("public.example"))).await, Trouble::EchRejected);
    // It was the public name that had to be certified for that.
    assert_eq!(trouble(&front, &authority, Some(config("other.example"))).await, Trouble::CertificateName);
    assert!(front.seen().is_empty());
}

#[test]
fn a_link_whose_configuration_or_names_cannot_be_used_is_told_at_once() {
    let unusable = |link: &str| {
        let link: Link = link.parse().expect("a link");
        Connector::new(&link, &Setup::new(Resolver::system())).map(drop).expect_err("unusable")
    };
    let garbage = BASE64_URL_SAFE_NO_PAD.encode(b"garbage");
    assert_eq!(unusable(&format!("https://relay.example/#ech={garbage}")), Unusable::Ech);
    assert_eq!(unusable("https://relay.example/#verify=a..b"), Unusable::Name);
}
