//! What clients make the relay hold that have its key and are not honest: never so much that others lose their streams.
//!
//! Memory is that of the relay's process, read from outside. The clients' sockets have the smallest buffers that there are, so
//! that what they do not read is the relay's to hold and not the kernel's.
//!
//! Two things are the runtime's alone to bound. How many clients there may be: here one that does nothing takes some 130 KiB. And what
//! has come of a message that is not whole; what is merely announced takes nothing.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use pasarela_core::{
    codes::Code,
    limits,
    tunnel::{
        message::{Ack, Control, Reset, Resume},
        upgrade,
    },
};
use pasarela_e2e::{handshake, http::UPGRADE, measuring::ask, process::resident, tunnel::open};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::relays::{Bench, Kind};

mod under {
    crate::relays::against! { object Object:
        acknowledging_what_was_not_read
        many_who_acknowledge_what_they_do_not_read
        one_who_goes_on_with_what_he_does_not_read
        uploads_that_nobody_takes
        tunnels_that_nobody_reads
    }
    crate::relays::against! { worker Worker:
        messages_that_never_come
        acknowledging_what_was_not_read
        many_who_acknowledge_what_they_do_not_read
        tunnels_that_nobody_reads
        pipes_that_nobody_reads
    }
}

const MIB: u64 = 1 << 20;

/// By so much the memory may rise whatever clients do. An isolate has 128 MB; of workerd's own 60 some are in it.
const RISE: u64 = 96 * MIB;

/// For the worst of them to do its worst.
const TIME: Duration = Duration::from_secs(6);

/// A WebSocket by hand, on a connection whose buffers are as small as they may be.
struct Client(TcpStream);

impl Client {
    /// `offer` is the subprotocol header's value, if there is to be one.
    async fn connect(to: SocketAddr, path: &str, offer: Option<&str>) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        let mut tcp = socket.connect(to).await?;
        let offer = offer.map(|offer| format!("Sec-WebSocket-Protocol: {offer}\r\n")).unwrap_or_default();
        let upgrade = UPGRADE.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
        tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{upgrade}{offer}\r\n").as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(Duration::from_secs(30), tcp.read_u8()).await.context("no answer")??);
        }
        ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Ok(Self(tcp))
    }

    async fn tunnel(bench: &Bench, mode: &str) -> Result<Self> {
        let offer = upgrade::encode(&Control::Open(open(limits::WINDOW_MAX)), &ask(mode));
        Self::connect(bench.address(), "/tunnel", Some(&offer)).await
    }

    /// The name under which its tunnel may be gone on with. Of what follows nothing is read.
    async fn session(&mut self) -> Result<String> {
        let mut header = [0; 2];
        timeout(Duration::from_secs(30), self.0.read_exact(&mut header)).await.context("no answer")??;
        ensure!(header[0] == 0x81 && header[1] < 126, "{header:?}");
        let mut text = vec![0; header[1].into()];
        self.0.read_exact(&mut text).await?;
        match Control::decode(std::str::from_utf8(&text)?) {
            Ok(Some(Control::Opened(opened))) => opened.session.context("it keeps no tunnels"),
            other => bail!("{other:?}"),
        }
    }

    async fn pipe(bench: &Bench, mode: &str) -> Result<Self> {
        let mut client = Self::connect(bench.address(), "/pipe/chat", None).await?;
        client.send(2, &ask(mode)).await?;
        Ok(client)
    }

    /// A message, masked with zeros.
    async fn send(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | u8::try_from(len)?),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(len)?.to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        timeout(Duration::from_secs(30), self.0.write_all(&frame)).await.context("nobody takes it")??;
        Ok(())
    }
}

/// The most that the memory rises while these do what they do; others are served all the while.
async fn must_not_rise(bench: &Bench, what: &str, attack: impl Future<Output = Result<()>>) -> Result<()> {
    let memory = || resident(bench.workerd()?.pid());
    // The heap is warm.
    pasarela_e2e::measuring::download(&bench.url_of("/pipe/chat"), 64 * MIB).await?;
    let before = memory()?;
    let watch = async {
        let (begun, mut highest) = (Instant::now(), 0);
        while begun.elapsed() < TIME {
            highest = highest.max(memory()?);
            sleep(Duration::from_millis(20)).await;
        }
        handshake::through(&bench.url_of("/pipe/chat"), bench.sim.root_key()).await.context("others are not served")?;
        anyhow::Ok(highest)
    };
    let (rise, ()) = tokio::try_join!(watch, attack)?;
    let rise = rise.saturating_sub(before);
    println!("{what}: rises by {} MiB", rise / MIB);
    ensure!(rise <= RISE, "{what}: rises by {} MiB", rise / MIB);
    Ok(())
}

async fn acknowledging_what_was_not_read(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let attack = async {
        let mut client = Client::tunnel(&bench, "sim source 4294967296").await?;
        for step in 1..u64::MAX {
            let ack = Control::Ack(Ack { n: step * (256 << 10), fin: false, window: None });
            // It is closed for that.
            if client.send(1, ack.encode().as_bytes()).await.is_err() {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
            if step == 1000 {
                break;
            }
        }
        Ok(())
    };
    must_not_rise(&bench, "acknowledging what was not read", attack).await
}

/// Acknowledgements of a tunnel that has read nothing, each before its sender could think that too much is on its way.
async fn acknowledge_blindly(client: &mut Client) -> Result<()> {
    for step in 1..=15_u64 {
        let ack = Control::Ack(Ack { n: step * (256 << 10), fin: false, window: None });
        client.send(1, ack.encode().as_bytes()).await?;
        sleep(Duration::from_millis(40)).await;
    }
    Ok(())
}

/// Half of them then end their tunnel, but not their connection.
async fn many_who_acknowledge_what_they_do_not_read(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let one = async |number: usize| {
        // So that there are never more than some at once, and each has all that can be had.
        sleep(Duration::from_millis(25) * u32::try_from(number)?).await;
        let mut client = Client::tunnel(&bench, "sim source 67108864").await?;
        let acknowledged = acknowledge_blindly(&mut client).await;
        if acknowledged.is_ok() && number.is_multiple_of(2) {
            client.send(1, Control::Reset(Reset { code: Code::End }).encode().as_bytes()).await?;
        }
        anyhow::Ok(client)
    };
    let attack = async {
        let _here = try_join_all((0..96).map(one)).await?;
        sleep(TIME / 2).await;
        Ok(())
    };
    must_not_rise(&bench, "many who acknowledge what they do not read", attack).await
}

/// One tunnel, each of whose carriers is left with what was sent on it.
async fn one_who_goes_on_with_what_he_does_not_read(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let attack = async {
        let mut here = vec![Client::tunnel(&bench, "sim source 1073741824").await?];
        let session = here[0].session().await?;
        for attach in 1..60 {
            let resume = Resume {
                session: session.clone(),
                attach,
                received: attach * (64 << 10),
                window: limits::WINDOW_MAX,
                budget: None,
                packets: None,
            };
            let offer = upgrade::encode(&Control::Resume(resume), &[]);
            here.push(Client::connect(bench.address(), "/tunnel", Some(&offer)).await?);
            sleep(Duration::from_millis(50)).await;
        }
        sleep(TIME / 2).await;
        Ok(())
    };
    must_not_rise(&bench, "one who goes on with what he does not read", attack).await
}

async fn uploads_that_nobody_takes(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let attack = async {
        let mut clients = Vec::new();
        for _ in 0..16 {
            let mut client = Client::pipe(&bench, "sim stall").await?;
            for _ in 0..15 {
                // Others were closed for it.
                if client.send(2, &vec![7; 1 << 20]).await.is_err() {
                    break;
                }
            }
            clients.push(client);
        }
        sleep(TIME / 2).await;
        Ok(())
    };
    must_not_rise(&bench, "uploads that nobody takes", attack).await
}

/// So many clients of a kind, who stay for a while.
async fn crowd(bench: &Bench, what: &str, clients: usize, connect: impl AsyncFn() -> Result<Client>) -> Result<()> {
    let attack = async {
        let mut here = Vec::new();
        for _ in 0..clients {
            here.push(connect().await?);
        }
        sleep(TIME / 2).await;
        Ok(())
    };
    must_not_rise(bench, what, attack).await
}

async fn tunnels_that_nobody_reads(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let connect = async || Client::tunnel(&bench, "sim source 67108864").await;
    crowd(&bench, "tunnels that nobody reads", 200, connect).await
}

/// All at once, so that nobody is counted yet while the others come; and then they vanish, while there is much more for them.
async fn pipes_that_nobody_reads(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let attack = async {
        let clients = (0..150).map(|_| Client::pipe(&bench, "sim source 67108864"));
        let _here = try_join_all(clients).await?;
        sleep(TIME / 2).await;
        Ok(())
    };
    must_not_rise(&bench, "pipes that nobody reads", attack).await
}

async fn messages_that_never_come(kind: Kind) -> Result<()> {
    let bench = Bench::start(kind).await?;
    let connect = async || {
        let mut client = Client::pipe(&bench, "sim echo").await?;
        // As long as the runtime lets a message be.
        let header = [&[0x82, 0x80 | 127][..], &(1_u64 << 20).to_be_bytes(), &[0; 4], &[7; 100]].concat();
        client.0.write_all(&header).await?;
        Ok(client)
    };
    crowd(&bench, "messages that never come", 200, connect).await
}
