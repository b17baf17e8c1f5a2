//! The way to a relay: names.

use std::{collections::BTreeMap, io, net::IpAddr, sync::Arc};

use hyper::Version;
use pasarela::{
    connect::{Connector, Lookup, Mode, Pace, Provider, Resolved, Resolver, Setup, Source, Step},
    trouble::Trouble,
};
use pasarela_e2e::doh::{DohServer, Known};
use simple_dns::TYPE;

use crate::{
    front::{Authority, Front, Manner},
    resolver::{silent, system},
    tunnels::Nobody,
    within,
};

const TRUTH: [&str; 2] = ["192.0.2.7", "2001:db8::7"];

fn truth() -> BTreeMap<&'static str, Known> {
    let addresses = TRUTH.iter().map(|text| text.parse().expect("one")).collect();
    BTreeMap::from([("relay.example", Known { addresses, ech: Some(b"configs".to_vec()) })])
}

async fn server(authority: &Authority, h2: bool) -> DohServer {
    DohServer::start(&authority.name(&["127.0.0.1"]).config, h2, truth()).await.expect("a free port")
}

fn resolver(mode: Mode, server: &DohServer, authority: &Authority, system: Lookup) -> Resolver {
    let provider: Provider = format!("https://{}/dns-query", server.address).parse().expect("a provider");
    let resolver = Resolver::new(mode, &[provider], std::slice::from_ref(&authority.certificate)).expect("usable");
    resolver.with_system(system)
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().expect("one")).collect()
}

#[tokio::test]
async fn both_versions_of_http_give_addresses_and_configuration_on_one_connection() {
    let authority = Authority::new();
    for (h2, version) in [(true, Version::HTTP_2), (false, Version::HTTP_11)] {
        let server = server(&authority, h2).await;
        let resolver = resolver(Mode::Doh, &server, &authority, silent());
        let expected = Resolved { addresses: addresses(&TRUTH), by: Source::Doh };
        let (found, ech) =
            within(async { tokio::join!(resolver.addresses("relay.example"), resolver.ech("relay.example")) }).await;
        assert_eq!((found, ech), (Ok(expected.clone()), Ok(b"\0\x07configs".to_vec())));
        // What is known is not asked again, until it is forgotten.
        assert_eq!(within(resolver.addresses("relay.example")).await, Ok(expected));
        let mut asked = server.asked();
        asked.sort_by_key(|(_, kind, _)| u16::from(*kind));
        let kinds = [TYPE::A, TYPE::AAAA, TYPE::HTTPS].map(|kind| ("relay.example".to_owned(), kind, version));
        assert_eq!(asked, kinds);
        resolver.forget();
        within(resolver.addresses("relay.example")).await.expect("known");
        assert_eq!(server.asked().len(), 6);
    }
}

#[tokio::test]
async fn addresses_are_asked_of_nobody() {
    within(Resolver::usual().addresses("192.0.2.1")).await.expect("known");
    let authority = Authority::new();
    let server = server(&authority, true).await;
    for mode in [Mode::System, Mode::Doh, Mode::Auto] {
        let resolver = resolver(mode, &server, &authority, silent());
        for (host, address) in [("192.0.2.1", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1")] {
            let expected = Resolved { addresses: addresses(&[address]), by: Source::Literal };
            assert_eq!(within(resolver.addresses(host)).await, Ok(expected));
        }
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_system_that_lies_or_knows_nothing_is_not_believed() {
    let authority = Authority::new();
    let server = server(&authority, true).await;
    for system in [
        system(Err(io::ErrorKind::NotFound)),
        system(Ok(&[])),
        system(Ok(&["127.0.0.1", "::1"])),
        system(Ok(&["10.10.34.35"])),
        system(Ok(&["0.0.0.0"])),
        silent(),
    ] {
        let resolver = resolver(Mode::Auto, &server, &authority, system);
        let found = within(resolver.addresses("relay.example")).await;
        assert_eq!(found, Ok(Resolved { addresses: addresses(&TRUTH), by: Source::Doh }));
    }
}

#[tokio::test]
async fn a_system_that_may_be_right_is_believed_and_nobody_else_is_asked() {
    let authority = Authority::new();
    let server = server(&authority, true).await;
    for (name, told, believed) in [
        ("relay.example", &["198.51.100.1"][..], &["198.51.100.1"][..]),
        ("relay.example", &["127.0.0.1", "198.51.100.1"], &["198.51.100.1"]),
        ("relay.localhost", &["127.0.0.1"], &["127.0.0.1"]),
        ("router", &["192.168.1.1"], &["192.168.1.1"]),
    ] {
        let resolver = resolver(Mode::Auto, &server, &authority, system(Ok(told)));
        let found = within(resolver.addresses(name)).await;
        assert_eq!(found, Ok(Resolved { addresses: addresses(believed), by: Source::System }), "{name}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_nobody_knows_is_told_apart_from_nobody_to_ask() {
    let authority = Authority::new();
    let server = server(&authority, true).await;
    let missing = system(Err(io::ErrorKind::NotFound));
    for mode in [Mode::System, Mode::Doh, Mode::Auto] {
        let resolver = resolver(mode, &server, &authority, Arc::clone(&missing));
        assert_eq!(within(resolver.addresses("other.example")).await, Err(Trouble::NoAddress));
        assert_eq!(within(resolver.ech("other.example")).await, Err(Trouble::NoEch));
    }
    // A provider whose certificate is another's is none.
    let resolver = resolver(Mode::Doh, &server, &Authority::new(), missing);
    assert_eq!(within(resolver.addresses("relay.example")).await, Err(Trouble::NoResolver));
    // Without providers a doubtful answer is better than none.
    let alone = Resolver::new(Mode::Auto, &[], &[]).expect("usable").with_system(system(Ok(&["10.1.2.3"])));
    let found = within(alone.addresses("relay.example")).await;
    assert_eq!(found, Ok(Resolved { addresses: addresses(&["10.1.2.3"]), by: Source::System }));
}

#[tokio::test]
async fn providers_are_raced_past_those_that_are_silent_refuse_or_know_nothing() {
    let authority = Authority::new();
    let identity = authority.name(&["127.0.0.1", "dns.example"]);
    let good = DohServer::start(&identity.config, true, truth()).await.expect("a free port");
    let empty = DohServer::start(&identity.config, true, BTreeMap::new()).await.expect("a free port");
    let silent_one = Front::start(Manner::Silence).await;
    let nobody = Nobody::new();
    let texts = [
        format!("https://{}/dns-query", silent_one.address),
        format!("https://{}/dns-query", nobody.address()),
        format!("https://{}/dns-query", empty.address),
        format!("https://dns.example:{}/dns-query#127.0.0.1", good.address.port()),
    ];
    let providers = texts.map(|text| text.parse::<Provider>().expect("a provider"));
    let resolver = Resolver::new(Mode::Doh, &providers, std::slice::from_ref(&authority.certificate)).expect("usable");
    let found = within(resolver.addresses("relay.example")).await;
    assert_eq!(found, Ok(Resolved { addresses: addresses(&TRUTH), by: Source::Doh }));
}

#[tokio::test]
async fn a_lie_that_looks_true_is_found_out_by_what_is_there() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example"])).await;
    let known = Known { addresses: addresses(&["127.0.0.1"]), ech: None };
    let known = BTreeMap::from([("relay.example", known)]);
    let doh = DohServer::start(&authority.name(&["127.0.0.1"]).config, true, known).await.expect("a free port");
    // Nobody has this address; it is reserved for documentation.
    let resolver = resolver(Mode::Auto, &doh, &authority, system(Ok(&["192.0.2.1"])));
    let link = format!("https://relay.example:{}/", front.port()).parse().expect("a link");
    let mut setup = Setup::new(Arc::new(resolver));
    setup.extra_roots = vec![authority.certificate.clone()];
    setup.pace = Pace { patience: std::time::Duration::from_millis(100), ..Pace::DEFAULT };
    let connector = Connector::new(&link, &setup).expect("usable");
    let mut steps = Vec::new();
    within(connector.dial_observed(&mut |step| steps.push(step))).await.expect("reached");
    assert!(matches!(steps.first(), Some(Step::Resolved { by: Source::Doh, addresses: 1, .. })), "{steps:?}");
}
