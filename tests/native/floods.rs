//! The program when strangers open what they can: whoever has a key is served, and streams lose nothing.
//!
//! Strangers come from addresses of 127.0.0.0/8, which are as many as anybody's and need no namespace. What is said of seconds
//! is asserted at five times the figure, since the machine is shared; the figure itself is printed.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use pasarela::{
    bridge::{Bridge, Listener, Relay, Tuning},
    connect::{Connector, Resolver, Setup},
    frontend::{Admission, Door, Intake, bind},
    tunnel::{Kind, Options, Tunnel, TunnelStream},
};
use pasarela_e2e::phone::{self, Way};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::Mutex,
    task::JoinSet,
};

use crate::{
    LIMIT,
    serve::{Program, certificate, get, started},
    start,
    tunnels::{KEY, command},
    within,
};

/// One flood at a time: there are other tests, too.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Whoever has a key is served in this time.
const SERVED: Duration = Duration::from_secs(1);

/// So many requests in each scene.
const ROUNDS: u8 = 5;

/// Open files that this process needs besides those of strangers.
const OTHERS: usize = 2_000;

/// As many strangers as there may be in all: up to 20 000 with `--soak`, else 6000, which are more than the server has places.
fn strangers() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Root may have more than it was given.
    for wanted in [Some(30_000), maximum] {
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: wanted.max(maximum) }).is_ok() {
            break;
        }
    }
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| usize::try_from(files).expect("fits"));
    let strangers = files.saturating_sub(OTHERS).min(if soak() { 20_000 } else { 6_000 });
    assert!(strangers >= 1000, "{files} open files are allowed, which are too few for this test");
    strangers
}

fn soak() -> bool {
    std::env::var_os("PASARELA_SOAK").is_some()
}

/// What a stranger does with his connection.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Says nothing.
    Idle,
    /// Says a head, a byte now and then.
    SlowHead,
    /// The same with a TLS hello.
    SlowHello,
    /// Begins a TLS handshake, waits for the answer, and begins another.
    Handshakes,
    /// Says whose he is, as a balancer does, and nothing more.
    Announced,
}

/// Strangers at work, who come again when they are sent away. Dropped, they stop.
struct Flood {
    tasks: JoinSet<()>,
    opened: Arc<AtomicUsize>,
}

impl Flood {
    fn start(to: SocketAddr, strangers: usize, addresses: usize, manner: Manner) -> Self {
        let (opened, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for number in 0..strangers {
            let [_, _, a, b] = u32::try_from(number % addresses).expect("fits").to_be_bytes();
            let (from, opened) = (Ipv4Addr::new(127, 7, a, b), Arc::clone(&opened));
            tasks.spawn(async move {
                loop {
                    let socket = TcpSocket::new_v4().expect("open files are left");
                    socket.set_reuseaddr(true).expect("a socket");
                    socket.bind((from, 0).into()).expect("every port but a few is free");
                    if let Ok(Ok(mut tcp)) = tokio::time::timeout(Duration::from_secs(5), socket.connect(to)).await {
                        opened.fetch_add(1, Ordering::Relaxed);
                        // However it ends, another comes.
                        let _ = occupy(&mut tcp, manner).await;
                    }
                    // Some thousand a second in all are what one machine can do; with less pause it does nothing else.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
        Self { tasks, opened }
    }

    /// Waits until they have opened so many. That is the flood's own work: a busy machine takes its time for it.
    async fn has_opened(&self, count: usize) {
        let opened = async {
            while self.opened.load(Ordering::Relaxed) < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(4 * LIMIT, opened).await.expect("the flood comes up");
    }

    async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn occupy(tcp: &mut TcpStream, manner: Manner) -> std::io::Result<()> {
    /// The beginning of a ClientHello of 512 bytes.
    const HELLO: [u8; 9] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];
    let mut answer = [0; 4096];
    match manner {
        Manner::Idle => {}
        Manner::Announced => {
            let [from, to] = [tcp.local_addr()?, tcp.peer_addr()?];
            let announced = Ipv4Addr::from([203, 0, 113, from.port().to_be_bytes()[1]]);
            let header = format!("PROXY TCP4 {announced} {} {} {}\r\n", to.ip(), from.port(), to.port());
            tcp.write_all(header.as_bytes()).await?;
        }
        Manner::SlowHead | Manner::SlowHello => {
            let slow = match manner {
                Manner::SlowHello => &HELLO[..],
                Manner::Idle | Manner::SlowHead | Manner::Handshakes | Manner::Announced => {
                    b"GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                }
            };
            for byte in slow {
                tcp.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        Manner::Handshakes => {
            let roots = rustls::RootCertStore::empty();
            let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            let name = "localhost".try_into().expect("a name");
            let mut client = rustls::ClientConnection::new(config.into(), name).expect("a hello");
            let mut hello = Vec::new();
            client.write_tls(&mut hello).expect("room");
            tcp.write_all(&hello).await?;
            while tcp.read(&mut answer).await? == answer.len() {}
            return Ok(());
        }
    }
    while tcp.read(&mut answer).await? > 0 {}
    Ok(())
}

/// How long each of some requests of a key-holder takes while all this goes on; each on a connection of its own.
async fn must_be_served(said: &serde_json::Value, stream: &mut TunnelStream, what: &str) {
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        let begun = Instant::now();
        assert!(get(&said["http"], &format!("/{KEY}/status.json")).await.contains("\"relay\":\"native\""), "{what}");
        longest = longest.max(begun.elapsed());
        let sent = [round; 10_000];
        let mut got = [0; 10_000];
        within(stream.write_all(&sent)).await.expect("the stream goes on");
        within(stream.read_exact(&mut got)).await.expect("the stream goes on");
        assert!(sent == got, "{what}: other bytes came back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{what}: {longest:?}");
    assert!(longest < SERVED * 10, "{what}: {longest:?}");
}

async fn server(arguments: &[&str]) -> (pasarela_sim::Sim, Program, serde_json::Value, TunnelStream) {
    let sim = start().await;
    let (keys, chat) = (format!("me={KEY}"), sim.chat().to_string());
    let (program, said) = started(arguments, &[("RELAY_KEYS", &keys), ("UPSTREAM_CHAT", &chat)]);
    let url = format!("ws://{}/{KEY}/tunnel", said["http"].as_str().expect("an address"));
    let mut stream = Tunnel::new(Options::new(&url, Kind::Chat).expect("a URL")).open();
    stream.write_all(&command("sim echo")).await.expect("a stream");
    (sim, program, said, stream)
}

fn address(said: &serde_json::Value) -> SocketAddr {
    said.as_str().and_then(|text| text.parse().ok()).expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_cannot_keep_out_whoever_has_a_key() {
    let _alone = ALONE.lock().await;
    let strangers = strangers();
    let (_sim, _program, said, mut stream) = server(&["--rate", "0"]).await;
    let to = address(&said["http"]);
    let scenes = [(1, Manner::Idle), (1000, Manner::Idle), (1000, Manner::SlowHead)];
    for (addresses, manner) in scenes {
        let flood = Flood::start(to, strangers, addresses, manner);
        flood.has_opened(strangers.min(6_000)).await;
        must_be_served(&said, &mut stream, &format!("{strangers} strangers, {addresses} addresses, {manner:?}")).await;
        flood.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_by_tls() {
    let _alone = ALONE.lock().await;
    let (_folder, files) = certificate();
    let path = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let (cert, key) = (path(&files.certificate), path(&files.key));
    let (keys, arguments) = (format!("me={KEY}"), ["--cert", &cert, "--key", &key, "--rate", "0"]);
    let (_program, said) = started(&arguments, &[("RELAY_KEYS", &keys)]);
    let to = address(&said["http"]);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::pem::PemObject::from_pem_file(&files.certificate).expect("PEM")).expect("a root");
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    for (addresses, manner) in [(1, Manner::Handshakes), (1000, Manner::Handshakes), (1000, Manner::SlowHello)] {
        let flood = Flood::start(to, 3000, addresses, manner);
        flood.has_opened(3000).await;
        let mut longest = Duration::ZERO;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let tcp = TcpStream::connect(to).await.expect("listens");
            let session = connector.connect("localhost".try_into().expect("a name"), tcp);
            let mut session = within(session).await.expect("a session");
            let request = format!("GET /{KEY}/status.json HTTP/1.1\r\nHost: x\r\n\r\n");
            session.write_all(request.as_bytes()).await.expect("connected");
            let mut answer = [0; 12];
            within(session.read_exact(&mut answer)).await.expect("an answer");
            assert_eq!(&answer, b"HTTP/1.1 200");
            longest = longest.max(begun.elapsed());
        }
        println!("3000 strangers, {addresses} addresses, {manner:?}: {longest:?}");
        assert!(longest < SERVED * 10, "{manner:?}: {longest:?}");
        flood.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_from_behind_a_balancer_that_says_whose_each_connection_is() {
    /// More than the places of so small a server: 213 and, at ports for phones, half as many.
    const STRANGERS: usize = 1500;
    let _alone = ALONE.lock().await;
    strangers();
    let (_folder, files) = certificate();
    let path = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let (cert, key, keys) = (path(&files.certificate), path(&files.key), format!("me={KEY}"));
    let ports = ["--phones", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--trust-proxy", "127.7.0.0/16"];
    let arguments = [&["--cert", &cert, "--key", &key, "--memory", "64M", "--rate", "0"], &ports[..]].concat();
    let (_program, said) = started(&arguments, &[("RELAY_KEYS", &keys)]);
    let number = async |name: &str| -> usize {
        let metrics = get(&said["metrics"], "/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |number| number.trim().parse().expect("a number"))
    };
    let flood = Flood::start(address(&said["http"]), STRANGERS, 100, Manner::Announced);
    flood.has_opened(STRANGERS * 2).await;
    let connections = number("pasarela_connections ").await;
    println!("{connections} of {STRANGERS} strangers are there");
    assert!(connections < STRANGERS / 3, "{connections}");
    flood.stop().await;

    let crowded = "pasarela_refusals_total{reason=\"crowded\"}";
    let flood = Flood::start(address(&said["phones"][0]), STRANGERS, 100, Manner::Announced);
    flood.has_opened(STRANGERS * 2).await;
    assert!(number(crowded).await > STRANGERS / 2);
    flood.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_a_phone_at_a_port_for_phones() {
    let _alone = ALONE.lock().await;
    let (sim, _program, said, _stream) = server(&["--phones", "127.0.0.1:0", "--rate", "0"]).await;
    phone_must_be_served(address(&said["phones"][0]), &sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_a_phone_at_a_bridge() {
    let _alone = ALONE.lock().await;
    let (sim, _program, said, _stream) = server(&["--rate", "0"]).await;
    let link: pasarela::link::Link = format!("http://{}/#{KEY}", address(&said["http"])).parse().expect("a link");
    let setup = Setup::new(Resolver::system());
    let relay = Relay::new(&link, Arc::new(Connector::new(&link, &setup).expect("usable")));
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let intake = Intake::new(Admission::default()).expect("a certificate");
    let listeners = vec![Listener::Phone(listener, Door::ANY)];
    let bridge = Bridge::start(listeners, intake, vec![relay], Tuning::default()).expect("bound");
    phone_must_be_served(bridge.addresses()[0], &sim).await;
}

async fn phone_must_be_served(to: SocketAddr, sim: &pasarela_sim::Sim) {
    let strangers = strangers().min(6_000);
    for addresses in [1, 1000] {
        let flood = Flood::start(to, strangers, addresses, Manner::Idle);
        flood.has_opened(strangers).await;
        let mut longest = Duration::ZERO;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            // On a busy machine a thousand others may come before what it said is read. Then it dials again, as the app does.
            within(async { while phone::chat(to, Way::Raw, sim.root_key()).await.is_err() {} }).await;
            longest = longest.max(begun.elapsed());
        }
        println!("{strangers} strangers, {addresses} addresses: {longest:?}");
        assert!(longest < SERVED * 10, "{longest:?}");
        flood.stop().await;
    }
}
