//! What a tunnel tells of its troubles while it goes on.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use pasarela::{
    connect::{Connector, Resolver, Setup},
    trouble::Trouble,
    tunnel::{Code, Kind, Options, Tunnel},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    front::{Front, Manner},
    tunnels::{KEY, Nobody, TIMING, World, command, options, relay, until},
    within,
};

/// Waits until a tunnel that asks for an echo tells a trouble.
async fn trouble(options: Options) -> Trouble {
    let tunnel = Tunnel::new(options);
    let handle = tunnel.handle();
    let (mut near, mut far) = tokio::io::duplex(1000);
    far.write_all(&command("sim echo")).await.expect("room");
    let task = tokio::spawn(async move { tunnel.carry(&mut near).await.map(drop) });
    let mut watch = handle.watch();
    let seen = within(watch.wait_for(|status| status.trouble.is_some())).await.expect("it tells").trouble;
    task.abort();
    seen.expect("some")
}

async fn behind(manner: Manner) -> Trouble {
    let front = Front::start(manner).await;
    trouble(options(front.address)).await
}

#[tokio::test]
async fn each_stage_has_its_trouble() {
    let nobody = Nobody::new();
    assert_eq!(trouble(options(nobody.address())).await, Trouble::Refused);
    assert_eq!(behind(Manner::Close).await, Trouble::UpgradeReset);
    assert_eq!(behind(Manner::Say(b"SSH-2.0-x\r\n")).await, Trouble::NoRelay);
    assert_eq!(behind(Manner::Say(b"HTTP/1.1 503 x\r\n\r\nerror code: 1102\r\n")).await, Trouble::ErrorPage(1102));
    let front = Front::start(Manner::Silence).await;
    let impatient = Options { answer: std::time::Duration::from_millis(50), ..options(front.address) };
    assert_eq!(trouble(impatient).await, Trouble::UpgradeTimeout);
    let world = World::start().await;
    let wrong = Options { path: "/wrong-key-of-the-tests/tunnel".to_owned(), ..world.options() };
    assert_eq!(trouble(wrong).await, Trouble::Key);
    let closed = relay(nobody.address()).await;
    assert_eq!(trouble(options(closed.address())).await, Trouble::Stream(Code::UpstreamRefused));
}

#[tokio::test]
async fn the_connectors_troubles_are_told_as_they_are() {
    let front = Front::start(Manner::Reset).await;
    let link = format!("https://relay.example/#{KEY}&addr={}", front.address).parse().expect("a link");
    let connector = Connector::new(&link, &Setup::new(Resolver::system())).expect("usable");
    let url = format!("wss://relay.example/{KEY}/tunnel");
    let options = Options::with_dialer(&url, Kind::Chat, Arc::new(connector)).expect("usable");
    assert_eq!(trouble(Options { timing: TIMING, ..options }).await, Trouble::TlsReset);
}

#[tokio::test]
async fn a_stream_that_goes_well_has_none() {
    let world = World::start().await;
    let stream = world.open("sim echo").await;
    assert_eq!(until(stream.handle(), |status| status.connected).await.trouble, None);
}

/// What stands in front of a relay and takes heads of at most so many bytes. Counts those that were too long.
async fn short_front(relay: SocketAddr, most: usize, status: u16) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let refused = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&refused);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.expect("accepts");
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(near.read_u8().await?);
                }
                if head.len() > most {
                    count.fetch_add(1, Ordering::Relaxed);
                    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    return near.write_all(answer.as_bytes()).await;
                }
                let mut far = TcpStream::connect(relay).await?;
                far.write_all(&head).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
            });
        }
    });
    (address, refused)
}

#[tokio::test]
async fn where_heads_must_be_short_nothing_of_a_stream_is_in_them_and_that_is_remembered() {
    let world = World::start().await;
    for status in [400, 413, 431] {
        let (front, refused) = short_front(world.relay.address(), 3072, status).await;
        let options = options(front);
        for _ in 0..3 {
            let mut stream = Tunnel::new(options.clone()).open();
            let said = [command("sim echo"), vec![7; 2300]].concat();
            within(stream.write_all(&said)).await.expect("taken");
            let mut heard = vec![0; 2300];
            within(stream.read_exact(&mut heard)).await.expect("an echo");
            assert_eq!(heard, said[said.len() - 2300..], "{status}");
        }
        assert_eq!(refused.load(Ordering::Relaxed), 1, "{status}");
    }
}
