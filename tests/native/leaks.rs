//! Nothing is left in the program of a connection that has ended, whatever its route and however it ended: as many files are
//! open as before, and its memory stands still.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    frames::{ZEROS, frame, upgrade},
    serve::{Program, started},
    start,
    tunnels::{KEY, command},
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

/// A connection on which this is said; it stays to the end, or is cut after the first answer.
async fn visit(to: SocketAddr, said: &[u8], stays: bool) {
    let mut tcp = within(TcpStream::connect(to)).await.expect("listens");
    tcp.write_all(said).await.expect("connected");
    let mut heard = [0; 4096];
    if stays {
        // A reset is an end, too.
        while within(tcp.read(&mut heard)).await.is_ok_and(|count| count > 0) {}
    } else {
        let _ = within(tcp.read(&mut heard)).await;
        tcp.set_zero_linger().expect("connected");
    }
}

/// An upgrade, and a message behind it.
fn upgraded(path: &str, offer: &str, message: &[u8]) -> Vec<u8> {
    [upgrade(path, offer).as_bytes(), &frame(0x82, ZEROS, message)].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_and_no_ending_leaves_anything() {
    let sim = start().await;
    let (keys, chat, web) = (format!("me={KEY}"), sim.chat().to_string(), format!("http://{}/ws/chat", sim.web()));
    let vars = [("RELAY_KEYS", &*keys), ("UPSTREAM_CHAT", &*chat), ("UPSTREAM_WEB", &*web)];
    let (program, said) = started(&["--rate", "0", "--phones", "127.0.0.1:0"], &vars);
    let address = |said: &serde_json::Value| said.as_str().and_then(|text| text.parse().ok()).expect("an address");
    let (_, files) = holds(&program);
    let (http, phones): (SocketAddr, SocketAddr) = (address(&said["http"]), address(&said["phones"][0]));
    let page = format!("GET /{KEY}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes();
    let source = command("sim source 1000");
    let refused = "Sec-WebSocket-Protocol: pasarela.v1, m.e30\r\n";
    for (what, to, said, stays) in [
        ("a page", http, page, true),
        ("a pipe", http, upgraded("pipe/chat", "", &source), false),
        ("a pipe of garbage", http, upgraded("pipe/chat", "", b"garbage"), false),
        ("a coupled WebSocket", http, upgraded("ws/chat", "", &source), false),
        ("a tunnel that is refused", http, upgraded("tunnel", refused, b""), false),
        ("half an upgrade", http, b"GET /".to_vec(), false),
        ("a raw stream", phones, source.clone(), true),
        ("a raw stream of garbage", phones, b"garbage".to_vec(), true),
    ] {
        let mut rounds = Vec::new();
        let stands_still = loop {
            for _ in 0..ROUND / 50 {
                let visits = (0..50).map(|_| {
                    let said = said.clone();
                    tokio::spawn(async move {
                        let visiting = visit(to, &said, stays);
                        // One that is never answered is left.
                        let _ = tokio::time::timeout(Duration::from_millis(if stays { 30_000 } else { 50 }), visiting)
                            .await;
                    })
                });
                for visit in visits.collect::<Vec<_>>() {
                    visit.await.expect("no panic");
                }
            }
            // All of them are closed in the end.
            within(async {
                let mut look = tokio::time::interval(Duration::from_millis(10));
                while holds(&program).1 > files {
                    look.tick().await;
                }
            })
            .await;
            rounds.push(holds(&program).0);
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
}
