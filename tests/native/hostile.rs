//! The program when those who have a key are not honest: it takes no more memory than it was told, and others lose nothing.
//!
//! Memory is the highest that the kernel has seen of the process. The attackers' sockets have the smallest buffers that there
//! are, so that what they do not read is the program's to hold and not the kernel's.

use std::{sync::Arc, time::Duration};

use pasarela::{
    serve::Room,
    tunnel::{BoxedStream, Direct, Kind, Options, Tunnel, TunnelStream},
};
use pasarela_core::{
    limits,
    tunnel::{
        message::{Ack, Control, Open},
        upgrade as protocol,
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    sync::Mutex,
};
use tokio_rustls::TlsConnector;

use crate::{
    frames::{ZEROS, frame, header, upgrade},
    serve::{Program, certificate, started},
    start,
    tunnels::{KEY, command},
    within,
};

/// One attack at a time: each takes all the memory that the program may have.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What the program is told that it may take, in MiB.
const MEMORY: u64 = 256;

const MIB: usize = 1 << 20;

/// Attackers that come with one connection each.
const MANY: usize = 300;

/// A relay with this little memory, a simulator behind it, and an honest user's stream.
struct Scene {
    _sim: pasarela_sim::Sim,
    program: Program,
    said: serde_json::Value,
    /// To reach it by TLS.
    connector: Option<TlsConnector>,
    honest: TunnelStream,
}

impl Scene {
    async fn start() -> Self {
        Self::with(&[], None).await
    }

    async fn with_tls() -> Self {
        let (_folder, files) = certificate();
        let path = |path: &std::path::Path| path.to_str().expect("text").to_owned();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.certificate).expect("PEM")).expect("a root");
        let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
        Self::with(&["--cert", &path(&files.certificate), "--key", &path(&files.key)], Some(config)).await
    }

    async fn with(more: &[&str], tls: Option<Arc<ClientConfig>>) -> Self {
        let sim = start().await;
        let (keys, chat) = (format!("me={KEY}"), sim.chat().to_string());
        let web = format!("http://{}/ws/chat", sim.web());
        let memory = format!("{MEMORY}M");
        let arguments = [&["--rate", "0", "--memory", &memory, "--phones", "127.0.0.1:0"], more].concat();
        let (program, said) =
            started(&arguments, &[("RELAY_KEYS", &keys), ("UPSTREAM_CHAT", &chat), ("UPSTREAM_WEB", &web)]);
        let address = said["http"].as_str().expect("an address");
        let options = match &tls {
            None => Options::new(&format!("ws://{address}/{KEY}/tunnel"), Kind::Chat),
            Some(config) => {
                let name = "localhost".try_into().expect("a name");
                let dialer = Arc::new(Direct::tls(address.to_owned(), name, Arc::clone(config)));
                Options::with_dialer(&format!("wss://localhost/{KEY}/tunnel"), Kind::Chat, dialer)
            }
        };
        let mut honest = Tunnel::new(options.expect("a URL")).open();
        honest.write_all(&command("sim echo")).await.expect("a stream");
        Self { _sim: sim, program, said, connector: tls.map(TlsConnector::from), honest }
    }

    /// The most that it has ever taken, in MiB.
    fn highest(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    async fn must_bear_it(mut self, what: &str) {
        for round in 0..5 {
            let (sent, mut got) = ([round; 10_000], [0; 10_000]);
            within(self.honest.write_all(&sent)).await.expect("the stream goes on");
            within(self.honest.read_exact(&mut got)).await.expect("the stream goes on");
            assert!(sent == got, "{what}: other bytes came back");
        }
        let mut asking = self.connected("http").await;
        let request = format!("GET /{KEY}/status.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        within(asking.write_all(request.as_bytes())).await.expect("connected");
        let mut answer = String::new();
        // Not every end of a TLS connection is said.
        let _ = within(asking.read_to_string(&mut answer)).await;
        assert!(answer.contains("\"relay\":\"native\""), "{what}: {answer}");
        let highest = self.highest();
        println!("{what}: {highest} MiB of {MEMORY}");
        assert!(highest <= MEMORY, "{what}: {highest} MiB");
    }
}

/// Whom an attacker reaches: the upgrade's path and subprotocols, or a raw port.
#[derive(Clone, Copy)]
enum Way {
    Pipe,
    Web,
    Tunnel,
    Raw,
}

impl Scene {
    /// A connection whose buffers are as small as they may be.
    async fn connected(&self, port: &str) -> BoxedStream {
        let said = if port == "phones" { &self.said[port][0] } else { &self.said[port] };
        let socket = TcpSocket::new_v4().expect("open files are left");
        socket.set_recv_buffer_size(4096).expect("a socket");
        let address = said.as_str().and_then(|address| address.parse().ok()).expect("an address");
        let tcp = within(socket.connect(address)).await.expect("listens");
        match &self.connector {
            Some(connector) if port == "http" => {
                let name = "localhost".try_into().expect("a name");
                Box::new(within(connector.connect(name, tcp)).await.expect("a handshake"))
            }
            Some(_) | None => Box::new(tcp),
        }
    }

    /// One behind its upgrade, on which this mode was asked for.
    async fn attacker(&self, way: Way, mode: &str) -> BoxedStream {
        let mut tcp = self.connected(if matches!(way, Way::Raw) { "phones" } else { "http" }).await;
        let (path, offer) = match way {
            Way::Raw => {
                tcp.write_all(&command(mode)).await.expect("connected");
                return tcp;
            }
            Way::Pipe => ("pipe/chat", String::new()),
            Way::Web => ("ws/chat", String::new()),
            Way::Tunnel => {
                let open = Open { route: Kind::Chat, window: limits::WINDOW_MAX, budget: None, packets: None };
                let offer = protocol::encode(&Control::Open(open), &command(mode));
                ("tunnel", format!("Sec-WebSocket-Protocol: {offer}\r\n"))
            }
        };
        tcp.write_all(upgrade(path, &offer).as_bytes()).await.expect("connected");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(within(tcp.read_u8()).await.expect("an answer"));
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        if matches!(way, Way::Pipe | Way::Web) {
            tcp.write_all(&message(2, &command(mode))).await.expect("connected");
        }
        tcp
    }
}

/// A message of a client.
fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | opcode, ZEROS, payload)
}

/// What the attacker sends is taken, or he is sent away.
async fn send(tcp: &mut BoxedStream, bytes: &[u8]) -> bool {
    tokio::time::timeout(Duration::from_secs(10), tcp.write_all(bytes)).await.is_ok_and(|sent| sent.is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_never_whole() {
    let _alone = ALONE.lock().await;
    for (what, way, announced, count) in [
        ("announced on pipes", Way::Pipe, 15 * MIB, 60),
        ("announced for an upstream WebSocket", Way::Web, 15 * MIB, 60),
        ("announced in tunnels", Way::Tunnel, MIB, MANY),
    ] {
        let scene = Scene::start().await;
        let mut kept = Vec::new();
        let most = vec![0; announced - 64];
        for _ in 0..count {
            let mut tcp = scene.attacker(way, "sim stall").await;
            if send(&mut tcp, &header(0x82, ZEROS, announced)).await {
                send(&mut tcp, &most).await;
            }
            kept.push(tcp);
        }
        scene.must_bear_it(what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_fragments_that_never_end() {
    let _alone = ALONE.lock().await;
    let scene = Scene::start().await;
    let mut kept = Vec::new();
    for _ in 0..40 {
        let mut tcp = scene.attacker(Way::Pipe, "sim stall").await;
        let mut begun = send(&mut tcp, &frame(0x02, ZEROS, &[0])).await;
        let fragment = frame(0x00, ZEROS, &[0; 100_000]);
        for _ in 0..150 {
            begun = begun && send(&mut tcp, &fragment).await;
        }
        kept.push(tcp);
    }
    scene.must_bear_it("fragments").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_nobody_reads() {
    let _alone = ALONE.lock().await;
    for (what, way, tls) in [
        ("unread pipes", Way::Pipe, false),
        ("unread upstream WebSockets", Way::Web, false),
        ("unread tunnels", Way::Tunnel, false),
        ("unread raw streams", Way::Raw, false),
        ("unread pipes over TLS", Way::Pipe, true),
        ("unread tunnels over TLS", Way::Tunnel, true),
    ] {
        let scene = if tls { Scene::with_tls().await } else { Scene::start().await };
        let mut kept = Vec::new();
        for _ in 0..MANY {
            kept.push(scene.attacker(way, "sim source 67108864").await);
        }
        scene.must_bear_it(what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_nobody_takes() {
    let _alone = ALONE.lock().await;
    for (what, way) in [("pipes into a stalled upstream", Way::Pipe), ("tunnels into one", Way::Tunnel)] {
        let scene = Scene::start().await;
        let mut kept = Vec::new();
        let sent = message(0x02, &vec![0; MIB / 2]);
        for _ in 0..MANY {
            let mut tcp = scene.attacker(way, "sim stall").await;
            // As much as it takes.
            for _ in 0..16 {
                if tokio::time::timeout(Duration::from_millis(5), tcp.write_all(&sent)).await.is_err() {
                    break;
                }
            }
            kept.push(tcp);
        }
        scene.must_bear_it(what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_and_not_read() {
    let _alone = ALONE.lock().await;
    let scene = Scene::start().await;
    let mut kept = Vec::new();
    for _ in 0..MANY {
        kept.push(scene.attacker(Way::Tunnel, "sim source 67108864").await);
    }
    for step in 1..20 {
        let ack = Control::Ack(Ack { n: step * (64 << 10), fin: false, window: None });
        for tcp in &mut kept {
            // Some are sent away for it.
            let _ = tcp.write_all(&message(1, ack.encode().as_bytes())).await;
        }
    }
    scene.must_bear_it("acknowledging what was not read").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_as_there_may_be() {
    let _alone = ALONE.lock().await;
    let room = Room::within(MEMORY as usize * MIB);
    let scene = Scene::with_tls().await;
    let mut kept = Vec::new();
    for _ in 1..room.streams {
        kept.push(scene.attacker(Way::Pipe, "sim stall").await);
    }
    for _ in 1..room.strangers.min(1000) {
        kept.push(scene.connected("http").await);
    }
    drop(kept.pop());
    scene.must_bear_it("idle streams").await;
}
