//! RFC 6455 as the Autobahn testsuite tries it, with the cases that apply here: no text is carried, and there are no
//! extensions. Its sections are named; the suite itself needs an interpreter that nobody has any more.

use std::net::{Ipv4Addr, SocketAddr};

use pasarela::{
    serve::{Options, Relay},
    tunnel::{Tunnel, TunnelStream},
};
use pasarela_core::config::Config;
use pasarela_sim::Sim;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    frames::{frame, upgrade},
    start,
    tunnels::{KEY, command, options},
    within,
};

const BINARY: u8 = 2;
const CONTINUED: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Set in a message's last frame.
const LAST: u8 = 0x80;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, Some([0x37, 0xfa, 0x21, 0x3d]), payload)
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    masked(LAST | CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

/// A relay that echoes, and a WebSocket of it.
struct Echo {
    _sim: Sim,
    _relay: Relay,
    tcp: TcpStream,
}

impl Echo {
    async fn start() -> Self {
        let sim = start().await;
        let vars = |name: &str| match name {
            "RELAY_KEYS" => Some(format!("tests={KEY}")),
            "UPSTREAM_CHAT" => Some(sim.chat().to_string()),
            _ => None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let relay = Relay::start_with(listener, Config::from_vars(vars).expect("usable"), Options::default());
        let relay = relay.expect("bound");
        let mut tcp = TcpStream::connect(relay.address()).await.expect("listens");
        tcp.write_all(upgrade("pipe/chat", "").as_bytes()).await.expect("connected");
        let answer = head_of(&mut tcp).await;
        assert!(answer.contains(" 101 ") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        tcp.write_all(&masked(LAST | BINARY, &command("sim echo"))).await.expect("connected");
        Self { _sim: sim, _relay: relay, tcp }
    }

    /// Says this; hears so many bytes of messages, pongs apart, or a close.
    async fn hears(&mut self, said: &[u8], bytes: usize) -> Heard {
        self.tcp.write_all(said).await.expect("connected");
        let mut heard = Heard::default();
        while heard.data.len() < bytes {
            let [first, second] = within(async { [self.tcp.read_u8().await, self.tcp.read_u8().await] }).await;
            let (first, second) = (first.expect("no end"), second.expect("no end"));
            assert_eq!((first & 0x70, second & 0x80), (0, 0), "a reserved bit, or a mask of a server");
            let len = match second {
                126 => self.tcp.read_u16().await.expect("no end").into(),
                127 => self.tcp.read_u64().await.expect("no end"),
                len => len.into(),
            };
            let mut payload = vec![0; usize::try_from(len).expect("fits")];
            within(self.tcp.read_exact(&mut payload)).await.expect("no end");
            match first & 0x0f {
                BINARY | CONTINUED => heard.data.extend(payload),
                PONG => heard.pongs.push(payload),
                CLOSE => {
                    heard.close = Some(payload);
                    return heard;
                }
                other => unreachable!("opcode {other}"),
            }
        }
        heard
    }
}

async fn head_of(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(tcp.read_u8()).await.expect("a head"));
    }
    String::from_utf8(head).expect("text")
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    data: Vec<u8>,
    pongs: Vec<Vec<u8>>,
    close: Option<Vec<u8>>,
}

#[tokio::test]
async fn what_is_allowed_passes() {
    let mut echo = Echo::start().await;
    // 1.2: all lengths at which the header changes; 9.2: long ones.
    for len in [1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 4 << 20] {
        let said: Vec<u8> = (0..len).map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        assert!(echo.hears(&masked(LAST | BINARY, &said), said.len()).await.data == said, "{len} bytes");
    }
    // 1.2.1: nothing at all is nothing to carry.
    let both = [masked(LAST | BINARY, b""), masked(LAST | BINARY, b"x")].concat();
    assert_eq!(echo.hears(&both, 1).await.data, b"x");
    // 2.1 to 2.6, 2.10: pings with and without payload, and many; 2.7 to 2.9: pongs that nobody asked for.
    let mut said = [masked(LAST | PONG, b""), masked(LAST | PONG, b"unasked for")].concat();
    let asked: Vec<Vec<u8>> = (0..10_u8).map(|n| vec![n; usize::from(n) * 13]).collect();
    asked.iter().for_each(|ping| said.extend(masked(LAST | PING, ping)));
    said.extend(masked(LAST | PING, &[0xfe; 125]));
    said.extend(masked(LAST | BINARY, b"y"));
    let heard = echo.hears(&said, 1).await;
    assert_eq!((heard.pongs, heard.data), ([&asked[..], &[vec![0xfe; 125]]].concat(), b"y".to_vec()));
    // 5.3 to 5.8, 5.19: fragments, some of them empty, with pings between them.
    let pieces = [
        masked(BINARY, b"frag"),
        masked(LAST | PING, b"1"),
        masked(CONTINUED, b""),
        masked(CONTINUED, b"ment"),
        masked(LAST | PING, b"2"),
        masked(LAST | CONTINUED, b"ed"),
    ];
    let heard = echo.hears(&pieces.concat(), 10).await;
    assert_eq!((&heard.data[..], heard.pongs.concat()), (&b"fragmented"[..], b"12".to_vec()));
    // 2.6, 5.5, 9.5: octet by octet.
    let said = [&pieces.concat()[..], &masked(LAST | BINARY, &[5; 300])].concat();
    for byte in &said[..said.len() - 1] {
        echo.tcp.write_all(&[*byte]).await.expect("connected");
        tokio::task::yield_now().await;
    }
    assert_eq!(echo.hears(&said[said.len() - 1..], 310).await.data[..10], b"fragmented"[..]);
    // 7.1.1, 7.3.1 to 7.7.x: each close that may be said is answered with its code.
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let heard = Echo::start().await.hears(&close(code, b"a reason"), usize::MAX).await;
        assert_eq!(heard.close.as_deref(), Some(&code.to_be_bytes()[..]), "{code}");
    }
    for reason in [&b""[..], &[b'x'; 123]] {
        let said = [close(1000, reason), masked(LAST | BINARY, b"after it"), close(1000, b"")].concat();
        let heard = Echo::start().await.hears(&said, usize::MAX).await;
        assert_eq!((heard.close.as_deref(), &heard.data[..]), (Some(&[3, 0xe8][..]), &b""[..]));
    }
    let heard = Echo::start().await.hears(&masked(LAST | CLOSE, b""), usize::MAX).await;
    assert_eq!(heard.close.as_deref(), Some(&b""[..]), "one without a code");
}

#[tokio::test]
async fn what_is_forbidden_ends_the_connection_with_its_code() {
    const PROTOCOL: u16 = 1002;
    const UTF8: u16 = 1007;
    let reserved_bits = [1, 2, 3, 4, 5, 6, 7].map(|bits| ("3", masked(LAST | bits << 4 | BINARY, b"x"), PROTOCOL));
    let reserved_opcodes =
        [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(|opcode| ("4", masked(LAST | opcode, b"x"), PROTOCOL));
    let closes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map(|code| ("7.9", close(code, b""), PROTOCOL));
    let others = [
        ("2.5: a long ping", masked(LAST | PING, &[0; 126]), PROTOCOL),
        ("5.1: a ping in fragments", masked(PING, b"x"), PROTOCOL),
        ("5.2: a pong in fragments", masked(PONG, b"x"), PROTOCOL),
        ("5.9: goes on with nothing", masked(CONTINUED, b"x"), PROTOCOL),
        ("5.10: and ends it", masked(LAST | CONTINUED, b"x"), PROTOCOL),
        ("5.18: two at once", [masked(BINARY, b"x"), masked(LAST | BINARY, b"y")].concat(), PROTOCOL),
        ("7.3.2: a close of one byte", masked(LAST | CLOSE, b"x"), PROTOCOL),
        ("7.3.6: a long close", close(1000, &[b'x'; 124]), PROTOCOL),
        ("7.5.1: a reason that is no text", close(1000, &[0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xed, 0xa0, 0x80]), UTF8),
        ("no mask", frame(LAST | BINARY, None, b"x"), PROTOCOL),
        ("a length that needs less", [&[LAST | BINARY, 0xfe, 0, 5][..], &[0; 4], b"12345"].concat(), PROTOCOL),
    ];
    for (case, said, code) in reserved_bits.into_iter().chain(reserved_opcodes).chain(closes).chain(others) {
        let heard = Echo::start().await.hears(&said, usize::MAX).await;
        let closed = heard.close.as_deref().and_then(|close| close.first_chunk().copied()).map(u16::from_be_bytes);
        assert_eq!((closed, &heard.data[..]), (Some(code), &b""[..]), "{case}: {said:02x?}");
    }
}

/// A server that accepts one upgrade of a tunnel and says this behind it; gives what the client says until it ends.
async fn server(said: Vec<u8>) -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let heard = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a client");
        let request = head_of(&mut tcp).await;
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = accept_of(key);
        let fixed = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: pasarela.v1";
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{fixed}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        tcp.write_all(&[head.as_bytes(), &said].concat()).await.expect("connected");
        let mut heard = Vec::new();
        // A reset is an end, too.
        let _ = within(tcp.read_to_end(&mut heard)).await;
        heard
    });
    (address, heard)
}

fn accept_of(key: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use sha1::{Digest, Sha1};
    BASE64_STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

fn tunnel(to: SocketAddr) -> TunnelStream {
    Tunnel::new(options(to)).open()
}

#[tokio::test]
async fn a_client_cuts_a_server_that_breaks_the_protocol() {
    let said = |first, payload: &[u8]| frame(first, None, payload);
    for wrong in [
        said(LAST | 0x40 | BINARY, b"x"),
        said(LAST | 3, b"x"),
        said(LAST | 11, b"x"),
        said(LAST | PING, &[0; 126]),
        said(PING, b"x"),
        said(LAST | CONTINUED, b"x"),
        [said(BINARY, b"x"), said(LAST | BINARY, b"y")].concat(),
        said(LAST | CLOSE, b"x"),
        said(LAST | CLOSE, &999_u16.to_be_bytes()),
        said(LAST | CLOSE, &[3, 0xe8, 0xff]),
        masked(LAST | BINARY, b"x"),
        [&[LAST | BINARY, 127][..], &(1_u64 << 62).to_be_bytes()].concat(),
    ] {
        let (address, heard) = server(wrong.clone()).await;
        let mut stream = tunnel(address);
        stream.write_all(&command("sim echo")).await.expect("a stream");
        let heard = within(heard).await.expect("no panic");
        // It said its close, or nothing more; whatever was wrong never becomes a byte of the stream.
        let mut got = [0];
        let read = tokio::time::timeout(std::time::Duration::from_millis(20), stream.read(&mut got)).await;
        assert!(read.is_err() || read.is_ok_and(|read| read.is_err()), "{wrong:02x?} was taken: {heard:02x?}");
    }
}
