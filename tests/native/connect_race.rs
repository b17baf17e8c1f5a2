//! The way to a relay: addresses, one after the other.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use pasarela::{
    connect::{Connector, Notes, Pace, Resolver, Setup, Source, Spares, Step},
    trouble::Trouble,
    tunnel::Dialer,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::yield_now,
};

use crate::{
    front::{Authority, Front, Manner, connector, connector_at},
    program::Folder,
    tunnels::Nobody,
    within,
};

/// Impatient, so that silence costs a test little.
const PACE: Pace = Pace {
    stagger: Duration::from_millis(20),
    in_flight: 4,
    patience: Duration::from_millis(300),
    stage: Duration::from_secs(1),
    whole: Duration::from_secs(2),
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
    // The kernel sends nobody to everybody at once.
    let link = "https://relay.example/#addr=255.255.255.255";
    assert_eq!(dial(link, &authority).await, (1, Trouble::Unreachable));
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

/// An address that answers nothing: its listener's queue is full.
struct BlackHole {
    address: SocketAddr,
    _queue: Vec<TcpStream>,
    _listener: tokio::net::TcpListener,
}

impl BlackHole {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let listener = socket.listen(0).expect("bound");
        let address = listener.local_addr().expect("bound");
        let mut queue = Vec::new();
        let connect = async || tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await;
        while let Ok(stream) = connect().await {
            queue.push(stream.expect("queued"));
        }
        Self { address, _queue: queue, _listener: listener }
    }
}

#[tokio::test]
async fn an_address_that_answers_nothing_holds_up_nobody_and_is_told_if_it_is_all() {
    let authority = Authority::new();
    let hole = BlackHole::start().await;
    let good = Front::tls(&authority.name(&["relay.example"])).await;
    let link = format!("https://relay.example/#addr={}&addr={}", hole.address, good.address);
    within(connector_at(&link, &authority, PACE).dial()).await.expect("one is good");
    let link = format!("https://relay.example/#addr={}", hole.address);
    assert_eq!(dial(&link, &authority).await, (1, Trouble::ConnectTimeout));
}

#[tokio::test]
async fn the_address_that_won_is_tried_first_until_all_is_forgotten() {
    let authority = Authority::new();
    let good = Front::tls(&authority.name(&["relay.example"])).await;
    let reset = Front::start(Manner::Reset).await;
    let link = format!("https://relay.example/#addr={}&addr={}", reset.address, good.address);
    let connector = connector(&link, &authority);
    for (forget, expected) in [(false, 1), (false, 1), (true, 2)] {
        if forget {
            connector.forget();
        }
        within(connector.dial()).await.expect("one is good");
        assert_eq!(reset.accepted(), expected);
    }
    good.wait_seen(3).await;
}

#[tokio::test]
async fn a_way_round_is_remembered_by_the_next_program_that_has_the_file() {
    let authority = Authority::new();
    let good = Front::tls(&authority.name(&["relay.example"])).await;
    let reset = Front::start(Manner::Reset).await;
    let link = format!("https://relay.example/#addr={}&ports={}", reset.address, good.address.port());
    let folder = Folder::new();
    let file = folder.path("ways");
    let dial = async |notes: Option<&Path>| {
        let mut setup = Setup::new(Resolver::system());
        setup.extra_roots = vec![authority.certificate.clone()];
        setup.spares = Spares::NONE;
        setup.notes = notes.map(|file| Notes::open(file).expect("a file"));
        let connector = Connector::new(&link.parse().expect("a link"), &setup).expect("usable");
        within(connector.dial()).await.expect("another port is good");
        reset.accepted()
    };
    let found = dial(Some(&file)).await;
    assert!(found > 0);
    // Nobody waits for the disk but this test.
    let written = async {
        while !fs::read_to_string(&file).is_ok_and(|text| text.contains("endpoint")) {
            yield_now().await;
        }
    };
    within(written).await;
    assert_eq!(dial(Some(&file)).await, found);
    assert!(dial(None).await > found);
}

#[tokio::test]
async fn another_way_is_made_first_and_the_one_before_comes_back_if_it_is_no_faster() {
    let authority = Authority::new();
    let tls = async || Front::start(Manner::Quiet(authority.name(&["relay.example"]))).await;
    let (usual, other) = (tls().await, tls().await);
    let link = format!("https://relay.example/#addr={}&addr={}", usual.address, other.address);
    let connector = connector(&link, &authority);
    let (_first, _) = (within(connector.dial()).await.expect("open"), usual.wait_seen(1).await);
    let trial = within(connector.seek_faster()).await.expect("another");
    other.wait_seen(1).await;
    let begun = usual.accepted();
    let _moved = within(connector.dial()).await.expect("open");
    assert_eq!(usual.accepted(), begun);
    drop(trial);
    let others = other.accepted();
    let _back = within(connector.dial()).await.expect("open");
    assert_eq!((usual.accepted() > begun, other.accepted()), (true, others));
    // One with a single way has no other to offer.
    let link = format!("https://relay.example/#addr={}&ways=plain", usual.address);
    let connector = connector_at(&link, &authority, PACE);
    let _first = within(connector.dial()).await.expect("open");
    assert!(within(connector.seek_faster()).await.is_none());
    let _same = within(connector.dial()).await.expect("open");
}

#[tokio::test]
async fn a_dial_takes_the_connection_that_was_made_ahead() {
    let authority = Authority::new();
    let mut setup = Setup::new(Resolver::system());
    setup.extra_roots = vec![authority.certificate.clone()];
    let front = Front::start(Manner::Quiet(authority.name(&["relay.example"]))).await;
    let link = format!("https://relay.example/#addr={}", front.address).parse().expect("a link");
    let connector = Connector::new(&link, &setup).expect("usable");
    let _first = within(connector.dial()).await.expect("reached");
    front.wait_seen(2).await;
    let _spare = within(connector.dial()).await.expect("ready");
    // The next one is made in its place, and no other was.
    front.wait_seen(3).await;
    let _observed = within(connector.dial_observed(&mut drop)).await.expect("reached");
    front.wait_seen(4).await;
    connector.close_spares();
    front.wait_gone(1).await;
    assert_eq!(front.accepted(), 4);
}

#[tokio::test]
async fn none_is_made_ahead_where_none_is_wanted() {
    let authority = Authority::new();
    let front = Front::start(Manner::Quiet(authority.name(&["relay.example"]))).await;
    let link = format!("https://relay.example/#addr={}", front.address).parse().expect("a link");
    let setup = Setup {
        extra_roots: vec![authority.certificate.clone()],
        spares: Spares::NONE,
        ..Setup::new(Resolver::system())
    };
    let connector = Connector::new(&link, &setup).expect("usable");
    for _ in 0..2 {
        within(connector.dial()).await.expect("reached");
    }
    assert_eq!(front.accepted(), 2);
}
