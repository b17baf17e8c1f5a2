//! Nothing is left in the program of a connection that has ended, whatever its route and however it ended: as many files are
//! open as before, and its memory stands still.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use pasarela::tunnel::{Kind, Options, Tunnel};
use pasarela_core::{
    limits,
    tunnel::{
        message::{Control, Open},
        upgrade as protocol,
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    frames::{ZEROS, frame, upgrade},
    program::command as program,
    serve::{Program, certificate, started},
    start,
    tunnels::{KEY, Nobody, command, relay},
    within,
};

/// Connections a round.
const ROUND: usize = 1000;

/// By so much memory may grow from one round to the next, in KiB: a quarter of one a connection.
const SLACK: u64 = 256;

/// What the kernel says of the program: its memory in KiB, and its open files.
fn holds(program: &Program) -> (u64, usize) {
    let of = |what: &str| format!("/proc/{}/{what}", program.0.id());
    let status = std::fs::read_to_string(of("status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    let memory = line.trim().trim_end_matches(" kB").parse().expect("a number");
    (memory, std::fs::read_dir(of("fd")).expect("it runs").count())
}

/// What comes.
#[derive(Clone)]
enum Visit {
    /// A connection on which this is said; it stays to the end.
    Stays(Vec<u8>),
    /// The same, cut after the first answer, or after a moment without one.
    Leaves(Vec<u8>),
    /// The same by TLS.
    LeavesTls(TlsConnector, Vec<u8>),
    /// A tunnel that downloads so much, on connections of so many bytes each.
    Tunnel(String, Option<u64>),
}

/// One that is never answered leaves after this.
const MOMENT: Duration = Duration::from_millis(50);

impl Visit {
    async fn pay(self, to: SocketAddr) {
        match self {
            Self::Stays(said) => {
                let mut tcp = within(TcpStream::connect(to)).await.expect("listens");
                tcp.write_all(&said).await.expect("connected");
                // A reset is an end, too.
                let _ = within(tcp.read_to_end(&mut Vec::new())).await;
            }
            Self::Leaves(said) => {
                let mut tcp = within(TcpStream::connect(to)).await.expect("listens");
                tcp.write_all(&said).await.expect("connected");
                let _ = timeout(MOMENT, tcp.read(&mut [0; 4096])).await;
                tcp.set_zero_linger().expect("connected");
            }
            Self::LeavesTls(connector, said) => {
                let tcp = within(TcpStream::connect(to)).await.expect("listens");
                let session = connector.connect("localhost".try_into().expect("a name"), tcp);
                let mut session = within(session).await.expect("a session");
                session.write_all(&said).await.expect("connected");
                let _ = timeout(MOMENT, session.read(&mut [0; 4096])).await;
                session.get_ref().0.set_zero_linger().expect("connected");
            }
            Self::Tunnel(said, budget) => {
                let url = format!("ws://{to}/{KEY}/tunnel");
                let options = Options { budget, ..Options::new(&url, Kind::Chat).expect("a URL") };
                let mut stream = Tunnel::new(options).open();
                within(stream.write_all(&command(&said))).await.expect("a stream");
                // However it ends.
                let _ = within(stream.read_to_end(&mut Vec::new())).await;
            }
        }
    }
}

/// Everybody comes and goes, round for round, until a round leaves nothing.
async fn must_leave_nothing(program: &Program, files: usize, what: &str, to: SocketAddr, visit: &Visit) {
    let mut rounds = Vec::new();
    let stands_still = loop {
        for _ in 0..ROUND / 50 {
            let visits: Vec<_> = (0..50).map(|_| tokio::spawn(visit.clone().pay(to))).collect();
            for visit in visits {
                visit.await.expect("no panic");
            }
        }
        // All of them are closed in the end.
        within(async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            while holds(program).1 > files {
                look.tick().await;
            }
        })
        .await;
        rounds.push(holds(program).0);
        if let [.., before, now] = rounds.as_slice()
            && *now <= before + SLACK
        {
            break true;
        }
        if rounds.len() == 8 {
            break false;
        }
    };
    println!("{what}: {rounds:?}");
    assert!(stands_still, "{what}: every round leaves something (KiB): {rounds:?}");
}

/// An upgrade, and a message behind it.
fn upgraded(path: &str, offer: &str, message: &[u8]) -> Vec<u8> {
    [upgrade(path, offer).as_bytes(), &frame(0x82, ZEROS, message)].concat()
}

/// The upgrade of a tunnel that downloads this.
fn tunnelled(said: &str) -> Vec<u8> {
    let open = Control::Open(Open { route: Kind::Chat, window: limits::WINDOW_MIN, budget: None, packets: None });
    let offer = format!("Sec-WebSocket-Protocol: {}\r\n", protocol::encode(&open, &command(said)));
    upgrade("tunnel", &offer).into_bytes()
}

fn address(said: &serde_json::Value) -> SocketAddr {
    said.as_str().and_then(|text| text.parse().ok()).expect("an address")
}

fn get(path: &str) -> Vec<u8> {
    format!("GET /{KEY}/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_and_no_ending_leaves_anything() {
    let sim = start().await;
    let (keys, chat, web) = (format!("me={KEY}"), sim.chat().to_string(), format!("http://{}/ws/chat", sim.web()));
    let vars = [("RELAY_KEYS", &*keys), ("UPSTREAM_CHAT", &*chat), ("UPSTREAM_WEB", &*web)];
    let (program, said) = started(&["--rate", "0", "--phones", "127.0.0.1:0"], &vars);
    let (_, files) = holds(&program);
    let (http, phones) = (address(&said["http"]), address(&said["phones"][0]));
    let source = command("sim source 1000");
    let refused = "Sec-WebSocket-Protocol: pasarela.v1, m.e30\r\n";
    for (what, to, visit) in [
        ("a page", http, Visit::Stays(get(""))),
        ("a status", http, Visit::Stays(get("status.json"))),
        ("a pipe", http, Visit::Leaves(upgraded("pipe/chat", "", &source))),
        ("a pipe of garbage", http, Visit::Leaves(upgraded("pipe/chat", "", b"garbage"))),
        ("a pipe of TLS that is none", http, Visit::Leaves(upgraded("pipe/tls", "", b"\x16\x03\x01"))),
        ("a pipe on which nothing is said", http, Visit::Leaves(upgrade("pipe/chat", "").into_bytes())),
        ("a coupled WebSocket", http, Visit::Leaves(upgraded("ws/chat", "", &source))),
        ("a tunnel that is refused", http, Visit::Leaves(upgraded("tunnel", refused, b""))),
        ("a tunnel", http, Visit::Tunnel("sim source 1000".to_owned(), None)),
        ("a tunnel over several connections", http, Visit::Tunnel("sim source 9000".to_owned(), Some(4096))),
        ("half an upgrade", http, Visit::Leaves(b"GET /".to_vec())),
        ("a raw stream", phones, Visit::Stays(source.clone())),
        ("a raw stream of garbage", phones, Visit::Stays(b"garbage".to_vec())),
    ] {
        must_leave_nothing(&program, files, what, to, &visit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_an_upstream_that_refuses_or_is_silent() {
    let nobody = Nobody::new();
    let refuses = nobody.address();
    // Its queue is full: whoever else dials waits.
    let silent = TcpSocket::new_v4().expect("a socket");
    silent.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let silent = silent.listen(1).expect("bound");
    let silent_at = silent.local_addr().expect("bound");
    let queued: Vec<_> = (0..4).map(|_| tokio::spawn(TcpStream::connect(silent_at))).collect();
    let keys = format!("me={KEY}");
    for (how, upstream) in [("refused", refuses), ("left while it is dialled", silent_at)] {
        let (chat, web) = (upstream.to_string(), format!("http://{upstream}/ws/chat"));
        let vars = [("RELAY_KEYS", &*keys), ("UPSTREAM_CHAT", &*chat), ("UPSTREAM_WEB", &*web)];
        let (program, said) = started(&["--rate", "0"], &vars);
        let (_, files) = holds(&program);
        let source = command("sim source 1000");
        let pipe = ("pipe", upgraded("pipe/chat", "", &source));
        let coupled = ("coupled WebSocket", upgraded("ws/chat", "", &source));
        let tunnel = ("tunnel", tunnelled("sim source 1000"));
        // The others are kept until their dial has failed, which takes seconds.
        let kinds = if upstream == refuses { vec![pipe, coupled, tunnel] } else { vec![pipe] };
        for (what, bytes) in kinds {
            let visit = Visit::Leaves(bytes);
            must_leave_nothing(&program, files, &format!("a {what}, {how}"), address(&said["http"]), &visit).await;
        }
    }
    queued.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_tls_or_tcp_mode() {
    let sim = start().await;
    let (_folder, files) = certificate();
    let path = |path: &Path| path.to_str().expect("text").to_owned();
    let (cert, key, keys) = (path(&files.certificate), path(&files.key), format!("me={KEY}"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.certificate).expect("PEM")).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let chat = sim.chat().to_string();
    let vars = [("RELAY_KEYS", &*keys), ("UPSTREAM_CHAT", &*chat), ("WEB_UPSTREAM", "tcp")];
    let (program, said) = started(&["--rate", "0", "--cert", &cert, "--key", &key], &vars);
    let (_, open) = holds(&program);
    let source = command("sim source 1000");
    for (what, bytes) in [
        ("a stream in tcp mode, by TLS", upgraded("ws/chat", "", &source)),
        ("a request without a key, by TLS", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
    ] {
        let visit = Visit::LeavesTls(connector.clone(), bytes);
        must_leave_nothing(&program, open, what, address(&said["http"]), &visit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_a_bridge() {
    /// Files of the connections that it keeps ready.
    const READY: usize = 8;
    let sim = start().await;
    let relay = relay(sim.chat()).await;
    let link = format!("http://{}/#{KEY}", relay.address());
    let mut bridge = program(&["bridge", "--json", "--listen", "127.0.0.1:0", &link]).spawn().expect("starts");
    let mut said = BufReader::new(bridge.stdout.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a line");
    // A pipe that nobody reads would stop it.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let (bridge, listens) = (Program(bridge), serde_json::from_str::<serde_json::Value>(&line).expect("JSON"));
    let (_, files) = holds(&bridge);
    let to = address(&listens["listen"][0]);
    for (what, visit) in [
        ("a phone's stream", Visit::Stays(command("sim source 1000"))),
        ("a phone that leaves", Visit::Leaves(command("sim echo"))),
        ("a phone that is none", Visit::Stays(b"garbage".to_vec())),
    ] {
        must_leave_nothing(&bridge, files + READY, what, to, &visit).await;
    }
}
