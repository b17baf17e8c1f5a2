//! The way to a relay: what TLS shows and verifies, and how its failures are told apart.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use pasarela::{
    connect::{EchStatus, Shown, Step, Version},
    trouble::Trouble,
    tunnel::Dialer,
};
use tokio::io::AsyncReadExt;

use crate::{
    front::{Authority, Front, GREETING, Manner, connector, own_authority},
    within,
};

/// Dials by the link and hears the greeting; gives the trouble otherwise.
async fn reach(link: &str, authority: &Authority) -> Result<Vec<Step>, Trouble> {
    let mut steps = Vec::new();
    let mut stream = within(connector(link, authority).dial_observed(&mut |step| steps.push(step))).await?.stream;
    let mut greeting = [0; GREETING.len()];
    within(stream.read_exact(&mut greeting)).await.expect("a greeting");
    assert_eq!(&greeting, GREETING);
    Ok(steps)
}

fn sni(front: &Front) -> Option<String> {
    front.seen().last().expect("a handshake").sni.clone()
}

#[tokio::test]
async fn the_name_that_is_shown_is_not_the_name_that_is_verified() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example", "127.0.0.1"])).await;
    let port = front.port();
    let host = format!("https://relay.example:{port}/#addr=127.0.0.1");
    let address = format!("https://127.0.0.1:{port}/");
    for (link, shown) in [
        (host.clone(), Some("relay.example")),
        (format!("{host}&sni=front.example&verify=relay.example"), Some("front.example")),
        (format!("{host}&sni=none"), None),
        (address.clone(), None),
        (format!("{address}#sni=front.example&verify=relay.example"), Some("front.example")),
        (format!("{address}#verify=relay.example"), None),
    ] {
        let steps = reach(&link, &authority).await.expect("verified");
        assert_eq!(sni(&front).as_deref(), shown, "{link}");
        let Some(Step::Secured { shown: told, ech, version, .. }) = steps.last().copied() else {
            unreachable!("{steps:?}")
        };
        let expected = if shown.is_some() { Shown::Name } else { Shown::Nothing };
        assert_eq!((told, ech, version), (expected, EchStatus::NotOffered, Version::Tls13));
    }
    assert!(front.seen().iter().all(|seen| seen.alpn.as_deref() == Some(b"http/1.1") && !seen.resumed));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_known_as_such() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example"])).await;
    let host = format!("https://other.example:{}/#addr=127.0.0.1", front.port());
    for link in [
        host.clone(),
        format!("{host}&sni=none"),
        format!("{host}&sni=relay.example&verify=other.example"),
        format!("{host}&sni=front.example"),
        format!("https://127.0.0.1:{}/", front.port()),
    ] {
        assert_eq!(reach(&link, &authority).await, Err(Trouble::CertificateName), "{link}");
    }
    // What is shown is what is verified, if the link says no more.
    reach(&format!("{host}&sni=relay.example"), &authority).await.expect("verified");
}

#[tokio::test]
async fn time_and_issuer_of_a_certificate_are_told_apart() {
    let authority = Authority::new();
    for (years, trouble) in
        [([2001, 2002], Trouble::CertificateExpired), ([2090, 2091], Trouble::CertificateNotYetValid)]
    {
        let front = Front::tls(&authority.certify(&["relay.example"], years)).await;
        let link = format!("https://relay.example:{}/#addr=127.0.0.1", front.port());
        assert_eq!(reach(&link, &authority).await, Err(trouble));
    }
    let front = Front::tls(&Authority::new().name(&["relay.example"])).await;
    let link = format!("https://relay.example:{}/#addr=127.0.0.1", front.port());
    assert_eq!(reach(&link, &authority).await, Err(Trouble::CertificateIssuer));
    let front = Front::tls(&own_authority("relay.example").1).await;
    let link = format!("https://relay.example:{}/#addr=127.0.0.1", front.port());
    assert_eq!(reach(&link, &authority).await, Err(Trouble::CertificateAuthority));
}

#[tokio::test]
async fn a_pin_is_all_that_counts() {
    let authority = Authority::new();
    let strange = Authority::new().certify(&["other.example"], [2001, 2002]);
    let front = Front::tls(&strange).await;
    let link = |pin| {
        let pin = BASE64_URL_SAFE_NO_PAD.encode(pin);
        format!("https://relay.example:{}/#addr=127.0.0.1&pin={pin}", front.port())
    };
    reach(&link(strange.pin), &authority).await.expect("the right key");
    assert_eq!(reach(&link([1; 32]), &authority).await, Err(Trouble::CertificatePin));
    // A good certificate with another key is no better.
    let front = Front::tls(&authority.name(&["relay.example"])).await;
    let pin = BASE64_URL_SAFE_NO_PAD.encode(strange.pin);
    let link = format!("https://relay.example:{}/#addr=127.0.0.1&pin={pin}", front.port());
    assert_eq!(reach(&link, &authority).await, Err(Trouble::CertificatePin));
}

#[tokio::test]
async fn what_is_no_handshake_is_told_apart() {
    let authority = Authority::new();
    // An alert: the handshake failed.
    const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    for (manner, trouble) in [
        (Manner::Reset, Trouble::TlsReset),
        (Manner::Close, Trouble::TlsReset),
        (Manner::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Trouble::TlsOther),
        (Manner::Say(b"SSH-2.0-x\r\n"), Trouble::TlsOther),
        (Manner::Say(ALERT), Trouble::TlsRefused),
    ] {
        let front = Front::start(manner).await;
        let link = format!("https://relay.example:{}/#addr=127.0.0.1", front.port());
        assert_eq!(reach(&link, &authority).await, Err(trouble));
    }
}

#[tokio::test]
async fn a_session_is_resumed_by_the_same_connector_only() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example"])).await;
    let link = format!("https://relay.example:{}/#addr=127.0.0.1", front.port());
    let connector = connector(&link, &authority);
    for _ in 0..2 {
        let mut stream = within(connector.dial()).await.expect("reached").stream;
        within(stream.read_exact(&mut [0; GREETING.len()])).await.expect("a greeting");
    }
    reach(&link, &authority).await.expect("reached");
    let resumed: Vec<_> = front.seen().iter().map(|seen| seen.resumed).collect();
    assert_eq!(resumed, [false, true, false]);
}

#[tokio::test]
async fn a_pretended_encrypted_hello_disturbs_nobody() {
    let authority = Authority::new();
    let front = Front::tls(&authority.name(&["relay.example"])).await;
    let link = format!("https://relay.example:{}/#addr=127.0.0.1&ech=grease", front.port());
    let steps = reach(&link, &authority).await.expect("reached");
    assert!(
        matches!(steps.last(), Some(Step::Secured { ech: EchStatus::Grease, shown: Shown::Name, .. })),
        "{steps:?}"
    );
}
