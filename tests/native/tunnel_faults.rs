//! The tunnel when the relay or its client misbehaves.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use pasarela::tunnel::{Code, Direct, Error, Kind, Options, Tunnel};
use pasarela_core::{
    limits,
    tunnel::{
        message::{Ack, Control, Open, Reset, Resume},
        upgrade,
    },
};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use crate::{
    assert_all_closed, start,
    tunnels::{KEY, Nobody, World, ask, assert_relay_empty, command, options, relay, until},
    within,
};

async fn failure(options: Options) -> Error {
    let mut local = Vec::new();
    let (mut near, mut far) = tokio::io::duplex(1000);
    far.write_all(&command("sim echo")).await.expect("room");
    let error = within(Tunnel::new(options).carry(&mut near)).await.expect_err("no end in order");
    drop(near);
    within(far.read_to_end(&mut local)).await.expect("an end");
    assert!(local.is_empty());
    error
}

#[tokio::test]
async fn another_path_is_not_found_and_not_tried_again() {
    let world = World::start().await;
    let address = world.relay.address();
    for path in ["tunnel", "wrong-key-of-tests/tunnel", &format!("{KEY}/tunnels")] {
        let options = Options::new(&format!("ws://{address}/{path}"), Kind::Chat).expect("usable");
        assert!(matches!(failure(options).await, Error::Status(404)), "{path}");
    }
    assert_eq!(world.relay.gauges().opened, 0);
}

#[tokio::test]
async fn a_web_socket_server_that_is_no_relay_is_known_as_such() {
    let sim = start().await;
    let options = Options::new(&sim.web_url(), Kind::Chat).expect("usable");
    assert!(matches!(failure(options).await, Error::NoRelay));
}

#[tokio::test]
async fn a_relay_is_reached_over_tls() {
    let sim = start().await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(sim.ca_der().to_vec())).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("static.whatsapp.net").expect("a name");
    let dialer = Direct::tls(sim.media().to_string(), name, Arc::new(config));
    let url = format!("wss://static.whatsapp.net/{KEY}/tunnel");
    let options = Options::with_dialer(&url, Kind::Chat, Arc::new(dialer)).expect("usable");
    // The media host speaks HTTP, but is no relay: its answer shows that the request arrived.
    assert!(matches!(failure(options).await, Error::Status(_)));
}

#[tokio::test]
async fn what_is_not_a_web_socket_is_told_so() {
    let world = World::start().await;
    let mut tcp = TcpStream::connect(world.relay.address()).await.expect("listens");
    let request = format!("GET /{KEY}/tunnel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.expect("connected");
    let mut answer = String::new();
    within(tcp.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_refuses_is_told() {
    let nobody = Nobody::new();
    let relay = relay(nobody.address()).await;
    assert!(matches!(failure(options(relay.address())).await, Error::Reset(Code::UpstreamRefused)));
    assert_relay_empty(&relay).await;
}

#[tokio::test]
async fn what_is_not_whatsapps_is_refused() {
    let world = World::start().await;
    let mut stream = Tunnel::new(world.options()).open();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.expect("buffered");
    let error = within(stream.read(&mut [0])).await.expect_err("no end");
    assert!(matches!(Error::of(&error), Some(Error::Reset(Code::Garbage))), "{error}");
    let error = within(stream.write(b"more")).await.expect_err("over");
    assert!(matches!(Error::of(&error), Some(Error::Reset(Code::Garbage))), "{error}");
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn an_upstream_that_resets_is_told() {
    let world = World::start().await;
    let mut stream = world.open("sim sink").await;
    stream.write_all(&[1; 1000]).await.expect("buffered");
    let error = within(async {
        while stream.read(&mut [0; 100]).await? > 0 {}
        Ok::<_, std::io::Error>(())
    })
    .await;
    let error = error.expect_err("no end");
    assert!(matches!(Error::of(&error), Some(Error::Reset(Code::UpstreamReset))), "{error}");
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn a_relay_that_shuts_down_says_so() {
    let world = World::start().await;
    let mut stream = world.open("sim echo").await;
    until(stream.handle(), |status| status.connected).await;
    within(world.relay.shutdown()).await;
    let error = within(stream.read(&mut [0])).await.expect_err("no end");
    assert!(matches!(Error::of(&error), Some(Error::Reset(Code::Draining))), "{error}");
    assert_all_closed(&world.sim).await;
}

/// A client that says what the test likes.
struct Raw(WebSocketStream<TcpStream>);

impl Raw {
    async fn connect(world: &World, key: &str, protocols: &str) -> Self {
        let tcp = TcpStream::connect(world.relay.address()).await.expect("listens");
        let builder = ClientBuilder::new().uri(&format!("ws://relay/{key}/tunnel")).expect("a URL");
        let value = HeaderValue::from_str(protocols).expect("text");
        let builder = builder.add_header(SEC_WEBSOCKET_PROTOCOL, value).expect("allowed");
        Self(within(builder.connect_on(tcp)).await.expect("upgraded").0)
    }

    async fn open(world: &World) -> Self {
        let open = Open { route: Kind::Chat, window: 65536, budget: None, packets: None };
        Self::connect(world, KEY, &upgrade::encode(&Control::Open(open), &command("sim echo"))).await
    }

    async fn control(&mut self) -> Control {
        loop {
            let message = within(self.0.next()).await.expect("a message").expect("no error");
            if let Some(text) = message.as_text() {
                return Control::decode(text).expect("a control message").expect("known");
            }
        }
    }

    async fn say(&mut self, control: &Control) {
        self.0.send(Message::text(control.encode())).await.expect("connected");
    }

    /// The last word is this code, in a message and in the close.
    async fn ends_with(&mut self, code: Code) {
        assert_eq!(self.control().await, Control::Reset(Reset { code }));
        let close = within(self.0.next()).await.expect("a close").expect("no error");
        let (number, reason) = close.as_close().expect("a close");
        assert_eq!((u16::from(number), reason), (code.number(), code.token()));
    }
}

#[tokio::test]
async fn an_upgrade_that_says_nothing_right_is_accepted_and_told_why() {
    let world = World::start().await;
    let doubled = "pasarela.v1, m.e30, m.e30".to_owned();
    let long = format!("pasarela.v1, m.{}", "A".repeat(6000));
    for (protocols, code) in
        [("pasarela.v1".to_owned(), Code::Protocol), (doubled, Code::Protocol), (long, Code::TooBig)]
    {
        Raw::connect(&world, KEY, &protocols).await.ends_with(code).await;
    }
    assert_eq!(world.relay.gauges().opened, 0);
}

#[tokio::test]
async fn a_session_is_only_found_with_the_key_it_was_opened_with() {
    let world = World::start().await;
    let mut first = Raw::open(&world).await;
    let Control::Opened(opened) = first.control().await else { unreachable!("the first message") };
    let session = opened.session.expect("sessions are kept");
    let resume = |session: &str, attach| Resume {
        session: session.into(),
        attach,
        received: 0,
        window: 65536,
        budget: None,
        packets: None,
    };
    let ask = |resume| upgrade::encode(&Control::Resume(resume), b"");
    let foreign = Raw::connect(&world, "another-key-of-tests", &ask(resume(&session, 1))).await;
    let guessed = Raw::connect(&world, KEY, &ask(resume("0.AAAAAAAAAAAAAAAAAAAAAA", 1))).await;
    for mut refused in [foreign, guessed] {
        refused.ends_with(Code::Gone).await;
    }
    let mut second = Raw::connect(&world, KEY, &ask(resume(&session, 1))).await;
    assert!(matches!(second.control().await, Control::Resumed(_)));
    let close = within(first.0.next()).await.expect("a close").expect("no error");
    assert_eq!(close.as_close().map(|(number, _)| u16::from(number)), Some(4001));
    // Not newer than what is there.
    Raw::connect(&world, KEY, &ask(resume(&session, 1))).await.ends_with(Code::Gone).await;
    second.say(&Control::Reset(Reset { code: Code::End })).await;
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn who_breaks_the_protocol_is_told_and_forgotten() {
    let world = World::start().await;
    let mut raw = Raw::open(&world).await;
    assert!(matches!(raw.control().await, Control::Opened(_)));
    raw.say(&Control::Ack(Ack { n: 1 << 40, fin: false, window: None })).await;
    raw.ends_with(Code::Protocol).await;
    drop(raw);
    assert_all_closed(&world.sim).await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_told_so_before_it_has_come() {
    let world = World::start().await;
    let mut raw = Raw::open(&world).await;
    assert!(matches!(raw.control().await, Control::Opened(_)));
    let Raw(web) = &mut raw;
    let len = limits::TUNNEL_CHUNK as u64 + 1;
    let begun = [&[0x82, 0xff][..], &len.to_be_bytes(), &[0; 4], b"the beginning"].concat();
    web.get_mut().write_all(&begun).await.expect("connected");
    raw.ends_with(Code::TooBig).await;
    drop(raw);
    assert_all_closed(&world.sim).await;
}

#[tokio::test]
async fn a_tunnel_whose_client_never_speaks_ends() {
    let world = World::start().await;
    let open = Open { route: Kind::Chat, window: 65536, budget: None, packets: None };
    let raw = Raw::connect(&world, KEY, &upgrade::encode(&Control::Open(open), b"")).await;
    assert_eq!(world.relay.gauges().opened, 1);
    drop(raw);
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn tunnels_end_with_their_relay() {
    let world = World::start().await;
    let stream = ask(Tunnel::new(world.options()).open(), "sim echo").await;
    until(stream.handle(), |status| status.connected).await;
    drop(world.relay);
    assert_all_closed(&world.sim).await;
}

#[tokio::test]
async fn who_attaches_and_never_lets_go_keeps_few_carriers() {
    let world = World::start().await;
    let mut first = Raw::open(&world).await;
    let Control::Opened(opened) = first.control().await else { unreachable!("the upstream is there") };
    let session = opened.session.expect("kept");
    let mut later = Vec::new();
    for attach in 1..12 {
        let resume =
            Resume { session: session.clone(), received: 0, window: 65536, attach, budget: None, packets: None };
        let mut carrier = Raw::connect(&world, KEY, &upgrade::encode(&Control::Resume(resume), &[])).await;
        assert!(matches!(carrier.control().await, Control::Resumed(_)));
        later.push(carrier);
    }
    // Its end, though the close was never answered.
    let cut = tokio::time::timeout(limits::CLOSE / 4, first.0.get_mut().read_to_end(&mut Vec::new())).await;
    assert!(cut.is_ok());
    let last = later.last_mut().expect("just pushed");
    last.say(&Control::Reset(Reset { code: Code::Gone })).await;
    drop(later);
    assert_relay_empty(&world.relay).await;
}
