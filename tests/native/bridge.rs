//! `bridge` as its user starts it: what it says of relays, what it cannot use, and how it ends.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use pasarela_noise::wire;
use pasarela_sim::Sim;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use crate::{
    client::{Client, Link},
    front::{Front, Manner},
    program::{Ended, Folder, command, finish, run},
    tunnels::{self, KEY, World, assert_relay_empty},
    within,
};

/// A bridge of its own process, ended with the test.
pub(crate) struct Bridge {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bridge {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::of(command(&[&["bridge", "--listen", "127.0.0.1:0"], args].concat()))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The first line from here on that is as wanted.
    async fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = within(self.lines.recv()).await.expect("it runs");
            if wanted(&line) {
                return line;
            }
        }
    }

    /// The same of its JSON.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let parse = |line: &str| serde_json::from_str(line).expect("JSON");
        parse(&self.line(|line| wanted(&parse(line))).await)
    }

    async fn listens(&mut self) -> SocketAddr {
        let event = self.event(|event| event["event"] == "listening").await;
        event["listen"][0].as_str().and_then(|address| address.parse().ok()).expect("an address")
    }
}

fn link(name: &str, address: SocketAddr) -> String {
    format!("http://{name}/#{KEY}&addr={address}")
}

/// A relay that forbids, and one that does not.
async fn two(world: &World) -> (Front, [String; 2]) {
    let front = Front::start(Manner::Say(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")).await;
    let links = [link("one.example", front.address), link("two.example", world.relay.address())];
    (front, links)
}

async fn chat(sim: &Sim, bridge: SocketAddr) -> Client {
    let tcp = TcpStream::connect(bridge).await.expect("listens");
    Client::connect(sim, Link::Tcp(tcp), &wire::HEADER).await
}

#[tokio::test]
async fn programs_are_told_why_another_relay_is_used() {
    let world = World::start().await;
    let (_front, [one, two]) = two(&world).await;
    let mut bridge = Bridge::start(&["--json", &one, &two]);
    let address = bridge.listens().await;
    let _chat = chat(&world.sim, address).await;
    let event = bridge.event(|event| event["relay"] == "two.example").await;
    assert_eq!((&event["connections"], &event["failed"]), (&1.into(), &0.into()), "{event}");
    let problem = serde_json::json!({ "relay": "one.example", "trouble": "status-403", "hint": "forbidden" });
    assert_eq!(event["problem"], problem, "{event}");
}

#[tokio::test]
async fn people_are_told_why_another_relay_is_used() {
    let world = World::start().await;
    let (_front, [one, two]) = two(&world).await;
    let mut bridge = Bridge::start(&[&one, &two]);
    let line = bridge.line(|line| line.contains("on this computer only: 127.0.0.1, port ")).await;
    let port = line.split("port ").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok()).expect("a port");
    bridge.line(|line| line == "waiting for your phone").await;
    let _chat = chat(&world.sim, (Ipv4Addr::LOCALHOST, port).into()).await;
    let line = bridge.line(|line| line.contains("through relay 2")).await;
    assert!(line.contains(" · relay 1: access is forbidden there (403) ("), "{line}");
}

#[tokio::test]
async fn it_ends_in_order_when_it_is_told_to_while_a_stream_is_open() {
    for signal in [Signal::INT, Signal::TERM] {
        let world = World::start().await;
        let mut bridge = Bridge::start(&["--json", &link("relay.example", world.relay.address())]);
        let mut phone = TcpStream::connect(bridge.listens().await).await.expect("listens");
        phone.write_all(&[&tunnels::command("sim echo")[..], b"hello"].concat()).await.expect("connected");
        let mut heard = [0; 5];
        within(phone.read_exact(&mut heard)).await.expect("carried");
        kill_process(Pid::from_child(&bridge.child), signal).expect("runs");
        let end = within(phone.read(&mut heard)).await;
        assert!(end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "no reset");
        let status = tokio::task::spawn_blocking(move || bridge.child.wait());
        assert_eq!(within(status).await.expect("no panic").expect("ended").code(), Some(0));
        assert_relay_empty(&world.relay).await;
    }
}

#[tokio::test]
async fn it_does_not_outlive_the_program_that_started_it_if_that_is_asked_for() {
    let nobody = link("relay.example", tunnels::Nobody::new().address());
    let mut command = command(&["bridge", "--listen", "127.0.0.1:0", "--json", "--end-with-stdin", &nobody]);
    command.stdin(Stdio::piped());
    let mut bridge = Bridge::of(command);
    let mut input = bridge.child.stdin.take().expect("piped");
    let address = bridge.listens().await;
    input.write_all(b"not looked at\n").expect("open");
    TcpStream::connect(address).await.expect("still there");
    drop(input);
    let status = tokio::task::spawn_blocking(move || bridge.child.wait());
    assert_eq!(within(status).await.expect("no panic").expect("ended").code(), Some(0));
}

/// What the bridge says of arguments that it cannot use.
async fn failed(args: &[&str], code: i32) -> String {
    let Ended { code: ended, out, err } = run(&[&["bridge"], args].concat()).await;
    assert_eq!((ended, out.as_str()), (Some(code), ""), "{args:?}: {err}");
    assert!(err.starts_with("error: ") && !err.contains("a-key"), "{args:?}: {err}");
    err
}

#[tokio::test]
async fn what_cannot_be_is_told_in_one_line_with_what_to_try() {
    let folder = Folder::new();
    let no_authority = folder.write("ca.pem", "no authority");
    let garbage = "-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n";
    let garbage = folder.write("garbage.pem", garbage);
    let missing = folder.path("missing").to_str().expect("UTF-8").to_owned();
    let nowhere = format!("{missing}/ways");
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let taken = taken.local_addr().expect("bound").to_string();
    let socks_taken = format!("--socks5={taken}");
    let own = format!("(process {})", std::process::id());
    let link = &format!("https://relay.example/#{KEY}");
    for (args, wanted) in [
        (vec!["ftp://relay.example/#a-key-of-the-tests"], "link 1 cannot be used: "),
        (vec![link, "relay#a-key-of-the-tests"], "link 2 cannot be used: "),
        (vec![link, "https://relay.example/#a-key"], "link 2 cannot be used: "),
        (vec![""], "no link"),
        (vec![link, "--listen", &taken], &own),
        (vec![link, "--listen", "127.0.0.1:0", &socks_taken], &own),
        (vec![link, "--ca", &missing], "cannot read the certificate authorities in "),
        (vec![link, "--ca", &no_authority], "it holds none"),
        (vec![link, "--ca", &garbage], "not a certificate"),
        (vec![link, "--remember", &no_authority], "it holds something else"),
        (vec![link, "--remember", &nowhere], "cannot keep anything in "),
    ] {
        // A port may be free another time, and nothing else here is otherwise then: no service manager starts that again.
        let said = failed(&args, if wanted == own { 1 } else { 2 }).await;
        assert!(said.contains(wanted) && said.contains("\n  try: ") && said.lines().count() == 2, "{said}");
    }
    for command in [&["serve", "--open"][..], &["check", link]] {
        let ended = run(&[command, &["--ca", &garbage]].concat()).await;
        assert!(ended.code == Some(2) && ended.err.contains("not a certificate"), "{ended:?}");
    }
    let said = failed(&[], 2).await;
    assert!(said.contains("LINK") && said.contains("--help"), "{said}");
    let file = folder.write("pasarela.toml", &format!("[bridge]\nlinks = ['{link}']\nlisen = '127.0.0.1:0'\n"));
    let said = failed(&["--config", &file], 2).await;
    assert!(said.contains(&format!("{file}: `pasarela bridge` has no option \"lisen\"")), "{said}");
}

#[tokio::test]
async fn a_link_in_the_wrong_place_is_not_repeated() {
    let link = &format!("https://relay.example/#{KEY}");
    let by_path = "https://relay.example/a-key-of-the-tests";
    let socks = format!("--socks5={link}");
    for args in [vec![&socks[..]], vec![link, "--budget", link], vec!["--link", link], vec!["--listen", by_path]] {
        failed(&args, 2).await;
    }
    let mut with_environment = command(&["bridge"]);
    with_environment.env("PASARELA_LISTEN", link);
    let ended = finish(with_environment).await;
    assert!(ended.code == Some(2) && !ended.err.contains("a-key"), "{ended:?}");
    assert_eq!(failed(&[&format!("--links={link}")], 2).await.matches("error: ").count(), 1);
}
