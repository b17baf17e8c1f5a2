//! The relay as a server: over TLS, in front of another, and as the program that a volunteer starts.

use std::{
    io::{BufRead, BufReader, Read},
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use pasarela::{
    serve::{Certificate, Files, Options, Relay},
    tunnel::{self, Direct, Kind, Tunnel},
};
use pasarela_core::{
    config::Config,
    limits,
    tunnel::{
        message::{Control, Open},
        upgrade as protocol,
    },
};
use pasarela_e2e::places;
use pasarela_noise::wire;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    assert_all_closed,
    client::{Client, Link},
    start,
    tunnels::{KEY, command},
    within,
};

/// A certificate for `localhost` in files, which go with the folder.
pub(crate) fn certificate() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().expect("a folder");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("signed");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let files =
        Files { certificate: file("relay.crt", certificate.pem()), key: file("relay.key", key.serialize_pem()) };
    (folder, files)
}

fn der(files: &Files) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(&files.certificate).expect("a certificate")
}

async fn relay(vars: &[(&str, String)], options: Options) -> Relay {
    let keys = ("RELAY_KEYS", format!("tests={KEY}"));
    let var = |name: &str| vars.iter().chain([&keys]).find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    Relay::start_with(listener, Config::from_vars(var).expect("usable"), options).expect("bound")
}

fn with_tls(files: &Files) -> Options {
    let certificate = Certificate::load(files.clone()).expect("usable");
    Options { tls: Some(certificate.server_config()), ..Options::default() }
}

async fn link_to(relay: &Relay) -> Link {
    let address = relay.address();
    Link::web_to(address, &format!("ws://{address}/{KEY}/ws/chat"), &[]).await
}

#[tokio::test]
async fn a_tunnel_goes_over_tls() {
    let sim = start().await;
    let (_folder, files) = certificate();
    let relay = relay(&[("UPSTREAM_CHAT", sim.chat().to_string())], with_tls(&files)).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(der(&files)).expect("a certificate");
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let dialer = Direct::tls(relay.address().to_string(), name, Arc::new(config));
    let url = format!("wss://localhost/{KEY}/tunnel");
    let options = tunnel::Options::with_dialer(&url, Kind::Chat, Arc::new(dialer)).expect("usable");
    let mut stream = Tunnel::new(options).open();
    within(stream.write_all(&command("sim echo"))).await.expect("a stream");
    within(stream.write_all(b"over TLS")).await.expect("a stream");
    let mut heard = [0; 8];
    within(stream.read_exact(&mut heard)).await.expect("an answer");
    assert_eq!(&heard, b"over TLS");
    within(stream.shutdown()).await.expect("an end");
    drop(stream);
    assert_all_closed(&sim).await;
    within(relay.shutdown()).await;
}

#[tokio::test]
async fn an_upstream_web_socket_must_show_a_certificate_that_is_trusted() {
    let sim = start().await;
    let (_folder, files) = certificate();
    let upstream = relay(&[("UPSTREAM_WEB", sim.web_url().replacen("ws:", "http:", 1))], with_tls(&files)).await;
    let url = format!("https://localhost:{}/{KEY}/ws/chat", upstream.address().port());
    let trusting = Options { upstream_ca: vec![der(&files)], ..Options::default() };
    let trusting = relay(&[("UPSTREAM_WEB", url.clone())], trusting).await;
    let mut client = Client::connect(&sim, link_to(&trusting).await, &wire::HEADER).await;
    client.pair().await;
    drop(client);
    assert_all_closed(&sim).await;

    let wary = relay(&[("UPSTREAM_WEB", url)], Options::default()).await;
    assert!(within(link_to(&wary).await.read()).await.is_none());
    assert_eq!(sim.stats().web.total, 1);
}

/// The program, with these arguments and variables and no others of ours.
fn program(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(places::program().expect("it builds"));
    command.arg("serve").args(arguments).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Its process, killed with the test.
pub(crate) struct Program(pub(crate) Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it and waits for its line of JSON.
pub(crate) fn started(arguments: &[&str], variables: &[(&str, &str)]) -> (Program, serde_json::Value) {
    let arguments = [&["--json", "--listen", "127.0.0.1:0"], arguments].concat();
    let mut child = program(&arguments, variables).spawn().expect("starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    (Program(child), serde_json::from_str(&line).expect("JSON"))
}

pub(crate) async fn get(address: &serde_json::Value, path: &str) -> String {
    let mut tcp = TcpStream::connect(address.as_str().expect("an address")).await.expect("listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.expect("connected");
    let mut answer = String::new();
    within(tcp.read_to_string(&mut answer)).await.expect("an answer");
    answer
}

#[tokio::test]
async fn going_on_with_a_tunnel_is_no_further_request() {
    let sim = start().await;
    let relay = relay(&[("UPSTREAM_CHAT", sim.chat().to_string())], Options { rate: 2, ..Options::default() }).await;
    let url = format!("ws://{}/{KEY}/tunnel", relay.address());
    let options = tunnel::Options { budget: Some(4096), ..tunnel::Options::new(&url, Kind::Chat).expect("a URL") };
    let mut stream = Tunnel::new(options).open();
    within(stream.write_all(&command("sim source 200000"))).await.expect("a stream");
    let mut got = Vec::new();
    within(stream.read_to_end(&mut got)).await.expect("an end");
    assert_eq!(got.len(), 200_000);
    assert!(relay.gauges().resumed > 10, "{:?}", relay.gauges());
}

#[tokio::test]
async fn the_program_says_where_it_is_and_ends_in_order() {
    let keys = format!("me={KEY}");
    let (mut program, said) =
        started(&["--metrics", "127.0.0.1:0", "--max-connections", "100"], &[("RELAY_KEYS", &keys)]);
    let pid = rustix::process::Pid::from_child(&program.0);
    // It has no certificate that could be read again.
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("runs");
    assert!(get(&said["http"], &format!("/{KEY}/")).await.contains("data-relay=\"ready\""));
    assert!(get(&said["http"], &format!("/{KEY}/status.json")).await.contains("\"relay\":\"native\""));
    assert!(get(&said["metrics"], "/metrics").await.contains("pasarela_clients 0"));
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("runs");
    let ended = within(tokio::task::spawn_blocking(move || {
        let status = program.0.wait().expect("ended");
        let mut said = String::new();
        program.0.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        (status, said)
    }));
    let (status, said) = ended.await.expect("no panic");
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[tokio::test]
async fn a_panic_ends_one_stream_and_is_told_without_what_was_in_it() {
    let sim = start().await;
    let (keys, chat) = (format!("me={KEY}"), sim.chat().to_string());
    let arguments = ["--metrics", "127.0.0.1:0", "--verbose", "--verbose"];
    let (mut program, said) = started(&arguments, &[("RELAY_KEYS", &keys), ("UPSTREAM_CHAT", &chat)]);
    let address = said["http"].as_str().expect("an address").to_owned();
    let mut stream =
        Tunnel::new(tunnel::Options::new(&format!("ws://{address}/{KEY}/tunnel"), Kind::Chat).expect("a URL")).open();
    let echoed = async |stream: &mut tunnel::TunnelStream| {
        let mut got = [0; 5];
        stream.write_all(b"alive").await.expect("open");
        within(stream.read_exact(&mut got)).await.expect("an echo");
        assert_eq!(&got, b"alive");
    };
    stream.write_all(&command("sim echo")).await.expect("open");
    echoed(&mut stream).await;

    let ask = async |path: &str, place: &str, upgrade: &str| {
        let mut tcp = TcpStream::connect(&address).await.expect("listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nx-instrument: panic at {place}\r\n{upgrade}\r\n");
        tcp.write_all(request.as_bytes()).await.expect("connected");
        let mut answer = Vec::new();
        // It is cut, one way or another.
        let _ = within(tcp.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let open = Control::Open(Open { route: Kind::Chat, window: limits::WINDOW_MAX, budget: None, packets: None });
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ";
    let upgrade = format!("{upgrade}{}\r\n", protocol::encode(&open, &command("sim echo")));
    assert_eq!(ask("/nothing", "entry", "").await, "");
    for route in ["pipe/chat", "tunnel", "ws/chat"] {
        let path = format!("/{KEY}/{route}");
        assert!(ask(&path, "stream", &upgrade).await.starts_with("HTTP/1.1 101 "), "{route}");
    }
    echoed(&mut stream).await;
    let metrics = get(&said["metrics"], "/metrics").await;
    for line in ["pasarela_panics_total 4", "pasarela_clients 1", "pasarela_tunnels 1", "pasarela_pipes 0"] {
        assert!(metrics.contains(&format!("{line}\n")), "no {line} in {metrics}");
    }
    drop(stream);
    let pid = rustix::process::Pid::from_child(&program.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("runs");
    let mut told = String::new();
    let stderr = program.0.stderr.take().expect("piped");
    let told = within(tokio::task::spawn_blocking(move || {
        BufReader::new(stderr).read_to_string(&mut told).expect("text");
        told
    }));
    let told = told.await.expect("no panic");
    assert_eq!(told.matches("error: a fault in the program, at native/serve/entry.rs:").count(), 4, "{told}");
    for secret in ["a secret", KEY, "127.0.0.1"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn the_operators_own_site_comes_from_a_folder_and_keys_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "bicycles").expect("written");
    let keys = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(keys.path(), format!("me={KEY}\nyou=another-key-of-tests\n")).expect("written");
    let path = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let arguments = ["--site-dir", &path(folder.path()), "--relay-keys-file", &path(keys.path())];
    let (_program, said) = started(&arguments, &[]);
    assert!(get(&said["http"], "/").await.ends_with("bicycles"));
    assert!(get(&said["http"], "/tunnel").await.starts_with("HTTP/1.1 404 "));
    for key in [KEY, "another-key-of-tests"] {
        assert!(get(&said["http"], &format!("/{key}/")).await.contains("data-relay=\"ready\""));
    }
}

#[test]
fn what_cannot_be_is_told_in_one_line_with_what_to_try() {
    let (folder, files) = certificate();
    let name = |path: &Path| path.to_str().expect("text").to_owned();
    let (cert, key) = (name(&files.certificate), name(&files.key));
    let missing = name(&folder.path().join("missing"));
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let taken = taken.local_addr().expect("bound").to_string();
    // What was told wrongly ends otherwise than what may pass: no service manager starts it again.
    let failed = |arguments: &[&str], variables: &[(&str, &str)]| -> String {
        let Output { status, stdout, stderr } = program(arguments, variables).output().expect("starts");
        let code = if arguments.contains(&&*taken) { 1 } else { 2 };
        assert!(status.code() == Some(code) && stdout.is_empty(), "{arguments:?}: {status}");
        String::from_utf8(stderr).expect("text")
    };
    let open = [("OPEN", "1")];
    for (said, wanted) in [
        (failed(&["--cert", &missing, "--key", &key], &open), "error: cannot use the certificate: "),
        (failed(&["--cert", &key, "--key", &key], &open), "holds no certificate in PEM\n  try: "),
        (failed(&["--cert", &cert, "--key", &cert], &open), "holds no private key in PEM\n  try: "),
        (failed(&["--listen", &taken, "--rate", "1"], &open), "error: cannot listen on 127.0.0.1:"),
        (failed(&["--listen", &taken], &open), &format!("(process {})\n", std::process::id())),
        (
            failed(&["--listen", "127.0.0.1:0", "--phones", &taken], &open),
            &format!("(process {})\n", std::process::id()),
        ),
        (failed(&["--relay-keys-file", &missing], &[]), "missing: No such file"),
        (failed(&["--relay-keys-file", "/dev/null"], &[]), "cannot use /dev/null: there is no key in it"),
        (failed(&[], &[("RELAY_KEYS", "me=short")]), "RELAY_KEYS is not usable: expected name=key pairs"),
        (failed(&[], &[("RELAY_KEYS", "me=")]), "RELAY_KEYS is not usable: expected name=key pairs"),
        (failed(&["--upstream-chat", "nowhere"], &open), "UPSTREAM_CHAT is not usable: expected host:port"),
        (failed(&["--site-dir", &missing], &open), "error: cannot read the site: "),
        (failed(&["--ca", &key], &open), "it holds none\n  try: a file with one or several blocks"),
    ] {
        assert!(said.contains(wanted) && said.contains("\n  try: ") && !said.contains("me=short"), "{said}");
    }
}
