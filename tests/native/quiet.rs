//! What the programs write down while all kinds of people use them: no address, no key, no relay's name and no payload, at
//! every verbosity.

use std::{
    fs::File,
    io::Read,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command},
    time::Duration,
};

use pasarela_core::{
    config::page_name,
    proxy::{Version, encode},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    frames::{ZEROS, frame, upgrade},
    front::Authority,
    program::{Folder, command as program, finish, pem, root_of, tls_before},
    serve::started,
    start,
    tunnels::{KEY, command},
    within,
};

/// Addresses of users: of one at the server, of one at the bridge, and one that a PROXY header says.
const USERS: [Ipv4Addr; 3] = [Ipv4Addr::new(127, 9, 8, 7), Ipv4Addr::new(127, 9, 8, 6), Ipv4Addr::new(203, 0, 113, 9)];

/// What the bridge's link calls its relay.
const RELAY: &str = "relay-of-ana.example";

/// Something that a user says.
const SAID: &[u8] = b"a secret that somebody said";

/// A program under way, and the file for its log: a pipe that nobody reads would stop it.
struct Running(Child, PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts it and reads its first line.
    fn start(mut command: Command, log: PathBuf) -> (Self, Value) {
        command.stderr(File::create(&log).expect("writable"));
        let mut child = command.spawn().expect("starts");
        let out = child.stdout.as_mut().expect("piped");
        let mut line = Vec::new();
        let mut byte = [0];
        while line.last() != Some(&b'\n') && out.read(&mut byte).expect("readable") == 1 {
            line.extend(byte);
        }
        (Self(child, log), serde_json::from_slice(&line).expect("JSON"))
    }

    /// Ends it in order; gives all that it said behind its first line.
    async fn said(mut self) -> String {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it runs");
        within(tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            self.0.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
            let ended = self.0.wait().expect("ended");
            said += &std::fs::read_to_string(&self.1).expect("text");
            assert!(ended.success(), "{said}");
            said
        }))
        .await
        .expect("no panic")
    }
}

/// A user's connection from this address, on which this is said; what is answered within a moment.
async fn says(from: Ipv4Addr, to: SocketAddr, said: &[u8]) -> Vec<u8> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of this machine");
    let mut tcp: TcpStream = within(socket.connect(to)).await.expect("listens");
    let mut answer = Vec::new();
    if tcp.write_all(said).await.is_ok() {
        // However it ends.
        let _ = tokio::time::timeout(Duration::from_millis(300), tcp.read_to_end(&mut answer)).await;
    }
    answer
}

fn address(said: &Value) -> SocketAddr {
    said.as_str().and_then(|text| text.parse().ok()).expect("an address")
}

/// An upgrade, and these bytes behind it.
fn upgraded(path: &str, more: &str, behind: &[u8]) -> Vec<u8> {
    let head = upgrade(path, more).replace("Host: x", &format!("Host: {RELAY}"));
    [head.as_bytes(), behind].concat()
}

/// A message of a client.
fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | opcode, ZEROS, payload)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_in_what_the_programs_write_down() {
    let all = tokio::join!(used(&[], None), used(&["--verbose", "--verbose"], None), used(&[], Some("trace")));
    for (number, said) in [all.0, all.1, all.2].into_iter().enumerate() {
        let users = USERS.map(|user| user.to_string());
        let page = page_name(KEY);
        let echo = "a secret that";
        for secret in users.iter().map(String::as_str).chain([KEY, &page, RELAY, echo]) {
            assert!(!said.contains(secret), "{secret:?} is in {said}");
        }
        // It looks at the right thing.
        assert!(said.contains("a fault in the program, at native/serve/entry.rs"), "{said}");
        assert!(number == 0 || said.contains("a tunnel is refused"), "{said}");
    }
}

/// Lets everybody do what people do; gives what was written down.
async fn used(verbosity: &[&str], variable: Option<&str>) -> String {
    let sim = start().await;
    let (folder, authority) = (Folder::new(), Authority::new());
    let (keys, ca) = (folder.write("keys", &format!("me={KEY}")), folder.write("ca", &pem(&authority.certificate)));
    let env = |mut command: Command| {
        command.env_remove("RUST_LOG").envs(variable.map(|value| ("RUST_LOG", value)));
        command
    };
    let (chat, web) = (sim.chat().to_string(), format!("http://{}/ws/chat", sim.web()));
    let ports = ["--listen", "127.0.0.1:0", "--phones", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    let options = ["serve", "--json", "--relay-keys-file", &keys, "--upstream-chat", &chat, "--upstream-web", &web];
    let (server, listens) =
        Running::start(env(program(&[&options, &ports[..], verbosity].concat())), folder.path("serve"));
    let front = tls_before(&authority.name(&[RELAY]), address(&listens["http"])).await;
    let link = format!("https://{RELAY}/#{KEY}&addr=127.0.0.1:{}", front.port());
    let none = format!("https://{RELAY}/#{KEY}&addr=127.0.0.1:1");
    let options = ["bridge", "--json", "--listen", "127.0.0.1:0", "--socks5=127.0.0.1:0", "--ca", &ca, &none, &link];
    let (bridge, at) = Running::start(env(program(&[&options, verbosity].concat())), folder.path("bridge"));

    let [of_server, of_bridge, announced] = USERS;
    let (http, phones) = (address(&listens["http"]), address(&listens["phones"][0]));
    let (phone, socks) = (address(&at["listen"][0]), address(&at["socks5"]));
    let echo = [&command("sim echo")[..], SAID].concat();
    let proxy = [encode(Version::V1, Some(announced.into())), echo.clone()].concat();
    let long = [&[0x82, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4], SAID].concat();
    let of = |path: &str| format!("/{KEY}{path}");
    let panic = |place: &str| format!("X-Instrument: panic at {place}\r\n");
    let pipe = upgraded("pipe/chat", "", &[message(2, &command("sim echo")), message(2, SAID)].concat());
    assert!(says(of_server, http, &pipe).await.ends_with(SAID), "there is no echo");
    for said in [
        upgraded("ws/chat", "", &message(2, SAID)),
        upgraded("tunnel", "", &message(2, SAID)),
        upgraded("tunnel", "Sec-WebSocket-Protocol: pasarela.v1, m.e30\r\n", &message(1, SAID)),
        upgraded("pipe/chat", "", &message(2, SAID)),
        upgraded("pipe/chat", "", &message(1, SAID)),
        upgraded("pipe/chat", "", &long),
        upgraded("pipe/chat", "", SAID),
        [upgrade("pipe/chat", "").replace(KEY, "another-key-of-the-tests").as_bytes(), SAID].concat(),
        upgraded("pipe/chat", &panic("entry"), b""),
        upgraded("pipe/chat", &panic("stream"), b""),
        format!("GET {} HTTP/1.1\r\nHost: {RELAY}\r\n\r\n", of("/status.json?probe=1")).into(),
        [of("/").as_bytes(), SAID].concat(),
    ] {
        says(of_server, http, &said).await;
    }
    for said in [&echo[..], &proxy, SAID, b"\x16\x03\x01", b""] {
        says(of_server, phones, said).await;
        says(of_bridge, phone, said).await;
    }
    assert!(says(of_bridge, phone, &echo).await.ends_with(SAID), "there is no echo");
    let name = b"\x0cg.whatsapp.net\x01\xbb";
    let asked = [b"\x05\x01\x00\x05\x01\x00\x03\x0e", &name[1..], &echo].concat();
    says(of_bridge, socks, &asked).await;
    let elsewhere = [b"\x05\x01\x00\x05\x01\x00\x03\x0b", &b"example.com\x01\xbb"[..], SAID].concat();
    says(of_bridge, socks, &elsewhere).await;
    let arguments = [&["--ca", &ca, &none, &link], verbosity].concat();
    let journal = in_a_journal(&arguments, env, folder.path("journal")).await;
    // The JSON of a bridge is for the program that started it, and names its relay.
    let bridge: String = bridge.said().await.lines().filter(|line| !line.starts_with('{')).collect();
    server.said().await + &bridge + &journal
}

/// What a bridge writes down that nobody looks at on a terminal.
async fn in_a_journal(arguments: &[&str], env: impl Fn(Command) -> Command, log: PathBuf) -> String {
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("bound");
    drop(free);
    let listen = port.to_string();
    let mut command = env(program(&[&["bridge", "--listen", &listen], arguments].concat()));
    let file = File::create(&log).expect("writable");
    command.stdout(file.try_clone().expect("a file")).stderr(file);
    let written = || std::fs::read_to_string(&log).expect("text");
    let _bridge = Running(command.spawn().expect("starts"), log.clone());
    let mut look = tokio::time::interval(Duration::from_millis(10));
    within(async {
        while written().is_empty() {
            look.tick().await;
        }
    })
    .await;
    let echo = [&self::command("sim echo")[..], SAID].concat();
    says(USERS[1], port, SAID).await;
    // This is where it says by which relay it goes.
    within(async {
        while !written().contains("relay 2") {
            says(USERS[1], port, &echo).await;
        }
    })
    .await;
    written()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_write_no_key_beside_their_answer() {
    let (sim, folder) = (start().await, Folder::new());
    let keys = format!("me={KEY}");
    let (chat, media) = (sim.chat().to_string(), sim.media().to_string());
    let (file, ca) = (folder.write("keys", &keys), folder.write("ca", sim.ca_pem()));
    let vars = [("RELAY_KEYS", &*keys), ("UPSTREAM_CHAT", &*chat), ("UPSTREAM_TLS", &*media)];
    let (_program, said) = started(&[], &vars);
    let link = format!("http://{}/#{KEY}", address(&said["http"]));
    let nowhere = format!("https://{RELAY}/#{KEY}&addr=127.0.0.1:1");
    let root = root_of(&sim);
    for (verbosity, variable) in [(&["--verbose", "--verbose"][..], None), (&[], Some("trace"))] {
        for arguments in [
            &["check", &link, "--ca", &ca, "--root", &root][..],
            &["check", &nowhere],
            &["share", &link, "--text"],
            &["keys", "list", "--file", &file],
        ] {
            let mut command = program(&[arguments, verbosity].concat());
            command.env_remove("RUST_LOG").envs(variable.map(|value| ("RUST_LOG", value)));
            let ended = finish(command).await;
            // A link is what `share` is asked for.
            let said = if arguments[0] == "share" { ended.err.clone() } else { format!("{}{}", ended.out, ended.err) };
            assert_eq!(ended.code == Some(0), arguments[1] != nowhere, "{ended:?}");
            for secret in [KEY, &page_name(KEY)] {
                assert!(!said.contains(secret), "{arguments:?}: {secret:?} is in {said}");
            }
        }
    }
}
