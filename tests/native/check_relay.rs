//! `check LINK`: the native relay in front of the simulator, and what may stand in its place.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela::{
    check::{self, Clock, Options, Subject},
    serve::Relay,
    trouble::Hint,
};
use pasarela_core::config::Config;
use pasarela_sim::Sim;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;

use crate::{
    assert_all_closed,
    front::{Authority, Front, Manner, own_authority},
    program::{Ended, Folder, pem, root_of, run, tls_before},
    start, start_with,
    tunnels::{KEY, Nobody, assert_relay_empty},
    within,
};

async fn relay(chat: SocketAddr, media: SocketAddr) -> Relay {
    let vars = |name: &str| match name {
        "RELAY_KEYS" => Some(format!("tests={KEY}")),
        "UPSTREAM_CHAT" => Some(chat.to_string()),
        "UPSTREAM_TLS" => Some(media.to_string()),
        _ => None,
    };
    let config = Config::from_vars(vars).expect("usable");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    Relay::start(listener, config).expect("bound")
}

fn link(address: SocketAddr) -> String {
    format!("http://{address}/#{KEY}")
}

/// Checks this link, believing the simulator and these authorities.
async fn check(link: &str, sim: &Sim, authorities: &str, more: &[&str]) -> Ended {
    let folder = Folder::new();
    let ca = folder.write("ca.pem", &format!("{}{authorities}", sim.ca_pem()));
    let args = ["check", link, "--ca", &ca, "--root", &root_of(sim)];
    run(&[&args, more].concat()).await
}

#[track_caller]
fn assert_failed(ended: &Ended, code: i32, phrases: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
    let (stages, conclusion) = ended.out.split_once("\n\n").expect("a conclusion");
    assert_eq!((stages.matches("FAILED").count(), conclusion.lines().count()), (1, 2), "{ended:?}");
    for phrase in phrases {
        assert!(conclusion.contains(phrase), "no {phrase:?} in {conclusion}");
    }
}

#[tokio::test]
async fn a_relay_that_leads_to_whatsapp_is_well_and_keeps_nothing() {
    let sim = start().await;
    let relay = relay(sim.chat(), sim.media()).await;
    let ended = check(&link(relay.address()), &sim, "", &[]).await;
    assert_eq!((ended.code, ended.out.contains("All well"), ended.err.as_str()), (Some(0), true, ""), "{ended:?}");
    assert_all_closed(&sim).await;
    assert_relay_empty(&relay).await;
}

#[tokio::test]
async fn a_link_with_a_root_key_of_its_own_is_believed_and_said_to_be_no_proof() {
    let sim = start().await;
    let relay = relay(sim.chat(), sim.media()).await;
    let folder = Folder::new();
    let ca = folder.write("ca.pem", sim.ca_pem());
    let link = format!("{}&root={}", link(relay.address()), root_of(&sim));
    let ended = run(&["check", &link, "--ca", &ca]).await;
    assert_eq!((ended.code, ended.out.contains("no proof")), (Some(0), true), "{ended:?}");
    assert!(ended.err.contains("a root key other than") && !ended.out.contains("WhatsApp works"), "{ended:?}");
    let ended = run(&["check", &link, "--ca", &ca, "--json"]).await;
    let object: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((object["verdict"].as_str(), object["root"].as_str()), (Some("ok"), Some("link")), "{object}");
    let ended = run(&["check", &link, "--ca", &ca, "--root", &"00".repeat(32)]).await;
    assert_failed(&ended, 16, &["NOT WhatsApp"]);
}

#[tokio::test]
async fn every_stage_is_told_to_programs() {
    let sim = start().await;
    let relay = relay(sim.chat(), sim.media()).await;
    let authority = Authority::new();
    let front = tls_before(&authority.name(&["relay.example"]), relay.address()).await;
    let link = format!("https://relay.example/#{KEY}&addr=127.0.0.1:{}", front.port());
    let ended = check(&link, &sim, &pem(&authority.certificate), &["--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let object: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    let stages = object["stages"].as_array().expect("a list").iter();
    let stages: Vec<_> = stages.map(|it| (it["stage"].as_str().unwrap_or_default(), &it["detail"])).collect();
    let names: Vec<_> = stages.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["name", "connect", "tls", "upgrade", "key", "upstream", "chat", "media"], "{object}");
    assert_eq!(stages[2].1, "sni=shown ech=off");
    assert!(!ended.out.contains("relay.example") && !ended.out.contains("127.0.0.1"), "{object}");
    let ended = check(&link.replace("a-key", "b-key"), &sim, &pem(&authority.certificate), &["--json"]).await;
    let object: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((ended.code, &object["verdict"], &object["hint"]), (Some(14), &"key".into(), &"new-link".into()));
}

#[tokio::test]
async fn a_wrong_key_is_told_from_a_relay_that_is_away() {
    let sim = start().await;
    let relay = relay(sim.chat(), sim.media()).await;
    let wrong = link(relay.address()).replace("a-key", "b-key");
    assert_failed(&check(&wrong, &sim, "", &[]).await, 14, &["key is wrong or was taken back", "new one"]);
    let nobody = Nobody::new();
    assert_failed(&check(&link(nobody.address()), &sim, "", &[]).await, 11, &["Nothing listens there", "tell whoever"]);
}

#[tokio::test]
async fn what_a_cdn_or_a_censor_answers_is_explained() {
    let sim = start().await;
    for (answer, phrase) in [
        (&b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"[..], "forbidden (HTTP 403)"),
        // The rest of it never comes.
        (b"HTTP/1.1 403 Forbidden\r\n\r\nno", "forbidden (HTTP 403)"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 16\r\n\r\nerror code: 1101", "program failed (Cloudflare 1101)"),
        (b"HTTP/1.1 429 X\r\nContent-Length: 16\r\n\r\nerror code: 1027", "free plan allows for today"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", "not as a relay does"),
        (b"HTTP/1.1 426 X\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", "passes no WebSockets on"),
        (b"HTTP/1.1 302 X\r\nLocation: http://portal.example/login?x\r\n\r\n", "it sends to portal.example."),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n", "it is not a relay"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "it is not a relay"),
    ] {
        let front = Front::start(Manner::Say(answer)).await;
        assert_failed(&check(&link(front.address), &sim, "", &["--timeout", "2"]).await, 13, &[phrase, "Try: "]);
    }
    let front = Front::start(Manner::Close).await;
    assert_failed(&check(&link(front.address), &sim, "", &[]).await, 13, &["cut when it asked"]);
    let front = Front::start(Manner::Silence).await;
    assert_failed(&check(&link(front.address), &sim, "", &["--timeout", "1"]).await, 13, &["does not answer"]);
}

#[tokio::test]
async fn another_certificate_is_another_server_and_dates_are_the_clock() {
    let sim = start().await;
    let authority = Authority::new();
    let known = pem(&authority.certificate);
    let (own_root, own) = own_authority("relay.example");
    for (identity, trusted, phrases) in [
        (Authority::new().name(&["relay.example"]), &known, ["Nobody trusted vouches", "another network"]),
        (own, &pem(&own_root), ["an authority's (CA:TRUE)", "&pin="]),
        (authority.name(&["other.example"]), &known, ["has another name", "another network"]),
        (
            authority.certify(&["relay.example"], [2020, 2021]),
            &known,
            ["out of date. The clock is wrong, or", "date and time"],
        ),
        (authority.certify(&["relay.example"], [2080, 2090]), &known, ["clock is wrong", "date and time"]),
    ] {
        let front = Front::tls(&identity).await;
        let link = format!("https://relay.example/#{KEY}&addr=127.0.0.1:{}", front.port());
        assert_failed(&check(&link, &sim, trusted, &[]).await, 12, &phrases);
    }
    let front = Front::start(Manner::Reset).await;
    let link = format!("https://relay.example/#{KEY}&addr=127.0.0.1:{}", front.port());
    assert_failed(&check(&link, &sim, "", &[]).await, 12, &["forbids the name", "&ech=auto"]);
}

#[tokio::test]
async fn whose_certificate_it_is_is_said_if_it_is_not_the_hosts() {
    let sim = start().await;
    let relay = relay(sim.chat(), sim.media()).await;
    let authority = Authority::new();
    let (known, identity) = (pem(&authority.certificate), authority.name(&["evil.example"]));
    let front = tls_before(&identity, relay.address()).await;
    let link = |host: &str, more: &str| format!("https://{host}/#{KEY}&addr=127.0.0.1:{}{more}", front.port());
    let pin = format!("&pin={}", BASE64_STANDARD.encode(identity.pin));
    for (link, said) in [
        (link("good.example", "&verify=evil.example"), Some("evil.example")),
        (link("good.example", "&sni=evil.example"), Some("evil.example")),
        (link("good.example", &pin), Some("pin")),
        (link("evil.example", "&sni=front.example&verify=evil.example"), None),
        (link("evil.example", ""), None),
    ] {
        let ended = check(&link, &sim, &known, &["--json"]).await;
        let object: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        assert_eq!((object["verdict"].as_str(), object["verified"].as_str()), (Some("ok"), said), "{ended:?}");
        let phrase = "good.example is only what the link calls the relay";
        assert_eq!(ended.err.contains(phrase), said.is_some(), "{ended:?}");
        assert!(said.is_none_or(|said| ended.err.contains(said)), "{ended:?}");
    }
}

#[tokio::test]
async fn what_lies_behind_the_relay_is_told_from_the_relay() {
    let sim = start().await;
    let nobody = Nobody::new();
    let deaf = relay(nobody.address(), sim.media()).await;
    assert_failed(&check(&link(deaf.address()), &sim, "", &[]).await, 15, &["The relay is there, but WhatsApp"]);
    let half = relay(sim.chat(), nobody.address()).await;
    assert_failed(&check(&link(half.address()), &sim, "", &[]).await, 17, &["photos and files do not"]);
    for (delivery, phrase) in [("silent", "says nothing"), ("cut:100", "was cut")] {
        let sim = start_with(delivery).await;
        let relay = relay(sim.chat(), sim.media()).await;
        assert_failed(&check(&link(relay.address()), &sim, "", &["--timeout", "2"]).await, 16, &[phrase]);
    }
}

#[tokio::test]
async fn a_relay_that_tampers_is_told_from_whatsapp() {
    let (sim, other) = (start().await, start().await);
    let relay = relay(sim.chat(), sim.media()).await;
    let ended = check(&link(relay.address()), &other, "", &[]).await;
    assert_failed(&ended, 16, &["NOT WhatsApp", "tampers", "do not use it"]);
}

#[tokio::test]
async fn the_relays_clock_tells_by_how_much_this_devices_is_wrong() {
    let sim = start().await;
    let relay = relay(sim.chat(), sim.media()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let subject = Subject::Relay(Box::new(link(relay.address()).parse().expect("a link")));
    for (ahead, off) in [(true, 365 * 86_400), (false, 3 * 86_400)] {
        let options = Options {
            root: *sim.root_key(),
            authorities: vec![CertificateDer::from(sim.ca_der().to_vec())],
            now: if ahead { now + off } else { now - off },
            ..Options::default()
        };
        let verdict = within(check::run(&subject, &options, &mut |_| {})).await.expect("usable");
        let (Some(Clock::Ahead(by) | Clock::Behind(by)), Some(Hint::SetClock)) = (verdict.clock, verdict.hint()) else {
            unreachable!("{verdict:?}")
        };
        assert_eq!(matches!(verdict.clock, Some(Clock::Ahead(_))), ahead);
        assert!(by.as_secs().abs_diff(off) < 60, "{by:?}");
    }
}
