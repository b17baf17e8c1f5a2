//! The tunnel, both ends, with the simulator behind it: what is carried, and how it ends.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pasarela::tunnel::{self, Handle, Tunnel, TunnelStream};
use pasarela_sim::pattern;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, split},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::{
    assert_all_closed,
    tunnels::{World, ask, assert_relay_empty, command, until},
    within,
};

const MIB: u64 = 1 << 20;

/// Smaller than what the operating system would buffer, had it the choice.
const WINDOW: usize = 256 << 10;

fn pattern_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    pattern::fill(0, &mut bytes);
    bytes
}

/// Reads `total` bytes of the pattern and then the end.
pub(crate) async fn download(stream: &mut TunnelStream, total: u64) {
    let mut buffer = vec![0; 100_000];
    let mut at = 0;
    loop {
        let n = within(stream.read(&mut buffer)).await.expect("no failure");
        if n == 0 {
            break;
        }
        assert!(pattern::matches(at, &buffer[..n]), "wrong bytes after {at}");
        at += n as u64;
    }
    assert_eq!(at, total);
}

/// Writes `total` bytes of the pattern, which the simulator's sink verifies, and ends.
pub(crate) async fn upload(stream: TunnelStream, total: u64) {
    let (mut reader, mut writer) = split(stream);
    let writing = tokio::spawn(async move {
        let mut piece = vec![0; 50_000];
        let mut at = 0;
        while at < total {
            let n = piece.len().min(usize::try_from(total - at).expect("small"));
            pattern::fill(at, &mut piece[..n]);
            within(writer.write_all(&piece[..n])).await.expect("no failure");
            at += n as u64;
        }
        writer.shutdown().await.expect("no failure");
        writer
    });
    let mut counts = Vec::new();
    within(reader.read_to_end(&mut counts)).await.expect("no failure");
    let last = counts.last_chunk().copied().map(u64::from_be_bytes);
    assert_eq!(last, Some(total));
    within(writing).await.expect("no panic");
}

#[tokio::test]
async fn echo_gives_back_what_it_gets() {
    let world = World::start().await;
    let mut stream = world.open("sim echo").await;
    for len in [1, 100, 200_000] {
        let sent = pattern_bytes(len);
        let mut got = vec![0; len];
        let (mut reader, mut writer) = split(&mut stream);
        let (wrote, read) = within(async { tokio::join!(writer.write_all(&sent), reader.read_exact(&mut got)) }).await;
        wrote.expect("no failure");
        read.expect("no failure");
        assert!(sent == got, "other bytes came back");
    }
    stream.shutdown().await.expect("no failure");
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.expect("an end, no failure");
    assert!(rest.is_empty());
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn a_local_connection_is_carried_with_its_half_closes() {
    let world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut app = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("listens");
    let (mut local, _) = listener.accept().await.expect("connected");
    let carried = tokio::spawn({
        let options = world.options();
        async move { tunnel::carry(&mut local, options).await }
    });
    let mut hello = command("sim sink");
    hello.extend(pattern_bytes(1000));
    app.write_all(&hello).await.expect("connected");
    app.shutdown().await.expect("connected");
    let mut counts = Vec::new();
    within(app.read_to_end(&mut counts)).await.expect("an end, no reset");
    assert_eq!(counts.last_chunk().copied().map(u64::from_be_bytes), Some(1000));
    let status = within(carried).await.expect("no panic").expect("ended in order");
    assert_eq!((status.sent, status.received), (hello.len() as u64, counts.len() as u64));
    assert_eq!((status.connected, status.dialled, status.carriers), (true, 1, 1));
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

/// A local side that is written to only when everybody can see that the tunnel is connected.
struct Watcher {
    stream: DuplexStream,
    handle: Handle,
}

impl AsyncRead for Watcher {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watcher {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        assert!(self.handle.status().connected, "bytes from WhatsApp, and no word that it is reached");
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn who_gets_bytes_can_see_that_whatsapp_is_reached() {
    let world = World::start().await;
    // The relay's word and the bytes come in one piece sometimes only.
    for _ in 0..100 {
        let tunnel = Tunnel::new(world.options());
        let (stream, mut app) = duplex(1 << 16);
        let mut local = Watcher { stream, handle: tunnel.handle() };
        let carried = tokio::spawn(async move { tunnel.carry(&mut local).await });
        app.write_all(&command("sim source 10")).await.expect("room");
        app.shutdown().await.expect("open");
        let mut got = Vec::new();
        within(app.read_to_end(&mut got)).await.expect("an end");
        within(carried).await.expect("told in time").expect("ended in order");
        assert_eq!(got.len(), 10);
    }
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn eight_mebibytes_come_down_unchanged() {
    let world = World::start().await;
    let mut stream = world.open(&format!("sim source {}", 8 * MIB)).await;
    download(&mut stream, 8 * MIB).await;
    stream.shutdown().await.expect("no failure");
    drop(stream);
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn eight_mebibytes_go_up_unchanged() {
    let world = World::start().await;
    let stream = world.open("sim sink").await;
    upload(stream, 8 * MIB).await;
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn the_far_end_may_be_first_and_what_is_said_then_still_arrives() {
    let world = World::start().await;
    let mut stream = world.open("sim source 10").await;
    download(&mut stream, 10).await;
    let connected = world.sim.stats().chat.open;
    assert_eq!(connected, 1, "half closed is open");
    within(stream.write_all(&[1; 100_000])).await.expect("no failure");
    stream.shutdown().await.expect("no failure");
    assert_all_closed(&world.sim).await;
    assert!(world.sim.stats().chat.bytes_in >= 100_000);
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn a_reader_that_stops_is_held_for_by_a_window_and_no_more() {
    let world = World::start().await;
    let mut options = world.options();
    options.window = u32::try_from(WINDOW).expect("small");
    let stream = ask(Tunnel::new(options).open(), &format!("sim source {}", 64 * MIB)).await;
    // What is acknowledged late is still held by the relay.
    until(stream.handle(), |status| status.held >= WINDOW - 64 * 1024).await;
    within(async {
        // What is on its way to the socket counts twice.
        while world.relay.held() != WINDOW {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // That no more comes can only be seen over some time; it would come at once.
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..10 {
        looks.tick().await;
        assert_eq!(world.relay.held(), WINDOW);
        // Besides, it holds its own few words, which the relay has not acknowledged.
        assert!(stream.handle().status().held <= WINDOW + 100);
    }
    drop(stream);
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_reset() {
    let world = World::start().await;
    let stream = world.open("sim stall").await;
    until(stream.handle(), |status| status.connected).await;
    drop(stream);
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
}

#[tokio::test]
async fn an_upload_that_has_stalled_can_be_abandoned() {
    let world = World::start().await;
    let abandon = CancellationToken::new();
    let tunnel = Tunnel::new(world.options()).until(abandon.clone());
    let handle = tunnel.handle();
    let (mut near, mut far) = duplex(1 << 20);
    let carrying = tokio::spawn(async move { tunnel.carry(&mut near).await.map(drop) });
    within(far.write_all(&command("sim stall"))).await.expect("carried");
    let filling = tokio::spawn(async move { while far.write_all(&[1; 64 << 10]).await.is_ok() {} });
    // The window is full: it waits for the relay alone.
    let window = world.options().window as usize;
    until(&handle, |status| status.held >= window).await;
    abandon.cancel();
    assert!(matches!(within(carrying).await.expect("no panic"), Err(tunnel::Error::Local(_))));
    assert_all_closed(&world.sim).await;
    assert_relay_empty(&world.relay).await;
    within(filling).await.expect("no panic");
}
