//! The way to a relay: addresses, one after the other.

use std::time::Duration;

use pasarela::connect::{Pace, Source, Step};
use pasarela::trouble::Trouble;
use pasarela::tunnel::Dialer;

use crate::front::{Authority, Front, Manner, connector, connector_at};
use crate::tunnels::Nobody;
use crate::within;

/// Impatient, so that silence costs a test little.
const PACE: Pace = Pace {
    stagger: Duration::from_millis(20),
    in_flight: 4,
    connect: Duration::from_millis(300),
    handshake: Duration::from_millis(300),
    whole: Duration::from_secs(5),
};

#[tokio::test]
async fn it_goes_on_to_an_address_whose_handshake_is_done() {
    let authority = Authority::new();
    let good = Front::tls(&authority.name(&["relay.example"])).await;
    let (nobody, reset, silent) =
        (Nobody::new(), Front::start(Manner::Reset).await, Front::start(Manner::Silence).await);
    let link = format!(
        "https://relay.example/#addr={}&addr={}&addr={}&addr={}",
        nobody.address(),
        reset.address,
        silent.address,
        good.address
    );
    let mut steps = Vec::new();
    let connector = connector(&link, &authority);
    within(connector.dial_observed(&mut |step| steps.push(step))).await.expect("one is good");
    let connected = steps.iter().find_map(|step| match step {
        Step::Connected { address, .. } => Some(*address),
        Step::Resolved { .. } | Step::Secured { .. } => None,
    });
    assert_eq!(connected, Some(good.address));
    assert_eq!(steps.len(), 4 + 2, "{steps:?}");
    assert!(matches!(steps.first(), Some(Step::Resolved { addresses: 1, by: Source::Literal, .. })), "{steps:?}");
}

#[tokio::test]
async fn the_most_telling_trouble_is_told_with_what_was_passed() {
    let authority = Authority::new();
    let nobody = Nobody::new();
    let link = format!("https://relay.example/#addr={}", nobody.address());
    assert_eq!(dial(&link, &authority).await, (1, Trouble::Refused));
    let reset = Front::start(Manner::Reset).await;
    let link = format!("https://relay.example/#addr={}&addr={}", nobody.address(), reset.address);
    assert_eq!(dial(&link, &authority).await, (3, Trouble::TlsReset));
    let silent = Front::start(Manner::Silence).await;
    let link = format!("https://relay.example/#addr={}&addr={}", nobody.address(), silent.address);
    assert_eq!(dial(&link, &authority).await, (3, Trouble::TlsTimeout));
}

async fn dial(link: &str, authority: &Authority) -> (usize, Trouble) {
    let mut steps = 0;
    let connector = connector_at(link, authority, PACE);
    let trouble = within(connector.dial_observed(&mut |_| steps += 1)).await.map(drop).expect_err("none is good");
    (steps, trouble)
}

#[tokio::test]
async fn an_error_of_the_dialer_is_a_trouble() {
    let link = format!("https://relay.example/#addr={}", Nobody::new().address());
    let error = within(connector(&link, &Authority::new()).dial()).await.map(drop).expect_err("nobody is there");
    assert_eq!(Trouble::of(&error), Some(Trouble::Refused));
}
