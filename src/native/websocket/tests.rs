//! Beside another implementation: the same bytes must mean the same to both, in whichever pieces they come.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio_websockets::{ClientBuilder, Config, Limits, ServerBuilder, WebSocketStream};

use super::{
    frame::{Opcode, mask},
    *,
};
use crate::net::BoxedStream;

/// The longest message that may come in, in bytes.
const LONGEST: usize = 200_000;

fn ours(role: Role, stream: impl crate::net::Stream + 'static) -> WebSocket {
    WebSocket::new(Prefixed::new(Bytes::new(), Box::new(stream) as BoxedStream), role, LONGEST)
}

fn theirs(role: Role, stream: DuplexStream) -> WebSocketStream<DuplexStream> {
    let (config, limits) = (Config::default(), Limits::default().max_payload_len(Some(LONGEST)));
    match role {
        Role::Client => ClientBuilder::new().config(config).limits(limits).take_over(stream),
        Role::Server => ServerBuilder::new().config(config).limits(limits).serve(stream),
    }
}

/// What was heard, up to the end or a fault.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    messages: Vec<(Opcode, Bytes)>,
    fault: bool,
}

fn opcode_of(message: &tokio_websockets::Message) -> Opcode {
    match message {
        message if message.is_binary() => Opcode::Binary,
        message if message.is_text() => Opcode::Text,
        message if message.is_ping() => Opcode::Ping,
        message if message.is_pong() => Opcode::Pong,
        _ => Opcode::Close,
    }
}

/// A frame as it might be sent: its first byte, whether it is masked, its payload.
fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let len = payload.len();
    let (short, extended) = match len {
        0..=125 => (len as u8, vec![]),
        126..=0xffff => (126, (len as u16).to_be_bytes().to_vec()),
        _ => (127, (len as u64).to_be_bytes().to_vec()),
    };
    let masked = payload.iter().zip(key.unwrap_or_default().into_iter().cycle()).map(|(byte, key)| byte ^ key);
    let mut frame = vec![first, short | if key.is_some() { 0x80 } else { 0 }];
    frame.extend(extended);
    frame.extend(key.iter().flatten());
    frame.extend(masked);
    frame
}

/// Feeds these bytes in pieces; what is heard meanwhile.
macro_rules! hear {
    ($socket:expr, $far:expr, $bytes:expr, $cuts:expr, |$message:ident| $made:expr) => {{
        let mut heard = Heard::default();
        let (mut rest, mut cuts) = (&$bytes[..], $cuts.iter().cycle());
        'all: while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
            $far.write_all(piece).now_or_never().expect("room").expect("connected");
            rest = more;
            while let Some(next) = $socket.next().now_or_never() {
                match next {
                    Some(Ok($message)) => heard.messages.push($made),
                    Some(Err(_)) => heard.fault = true,
                    None => break 'all,
                }
                if heard.fault {
                    break 'all;
                }
            }
        }
        heard
    }};
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        4 => Just(0x82_u8), 1 => Just(0x81), 2 => Just(0x02), 1 => Just(0x01), 2 => Just(0x80), 2 => Just(0x00),
        1 => Just(0x89), 1 => Just(0x8a), 1 => Just(0x88), 1 => any::<u8>()
    ];
    let length = prop_oneof![4 => 0..20_usize, 2 => 120..130_usize, 1 => 65_530..65_540_usize, 1 => 0..LONGEST];
    let masked = prop_oneof![20 => Just(true), 1 => Just(false)];
    let long = prop_oneof![30 => Just(false), 1 => Just(true)];
    let one = (first, length, masked, (any::<[u8; 4]>(), 0..128_u8), 900..1100_u16, long).prop_map(
        |(first, len, masked, (key, fill), code, long)| {
            let mut payload = vec![fill; len];
            if first & 0x0f == 8 {
                payload = [&code.to_be_bytes()[..], &payload[..len.min(130)]].concat();
            } else if first & 0x08 != 0 {
                payload.truncate(130);
            }
            let mut frame = frame(first, masked.then_some(key), &payload);
            if long && payload.len() < 126 {
                // As long a length as there is.
                frame[1] |= 0x7f;
                frame.splice(2..2, (payload.len() as u64).to_be_bytes());
            }
            frame
        },
    );
    prop::collection::vec(one, 1..12).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_same_bytes_mean_the_same_to_both(
        bytes in frames(),
        cuts in prop::collection::vec(prop_oneof![1..20_usize, 1..70_000_usize], 1..10),
    ) {
        let (near, mut far) = duplex(16 << 20);
        let mut socket = ours(Role::Server, near);
        let ours = hear!(socket, far, bytes, cuts, |message| (message.opcode(), message.into_payload()));
        let (near, mut far) = duplex(16 << 20);
        let mut socket = theirs(Role::Server, near);
        let theirs = hear!(socket, far, bytes, cuts, |message| {
            (opcode_of(&message), Bytes::from(message.into_payload()))
        });
        // Ours knows of a message that is too long as soon as that is said.
        let sooner = ours.fault && theirs.messages.starts_with(&ours.messages);
        prop_assert!(ours == theirs || sooner, "{ours:?} beside {theirs:?}");
    }

    #[test]
    fn whatever_is_said_is_understood_by_the_other(
        lengths in prop::collection::vec(prop_oneof![0..130_usize, 65_530..65_540_usize, 0..LONGEST], 1..8),
        client in any::<bool>(),
        buffer in prop_oneof![1..100_usize, 1..300_000_usize],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (near, far) = duplex(buffer);
            let (role, other) = if client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
            let (mut socket, mut peer) = (ours(role, near), theirs(other, far));
            let said: Vec<Bytes> = lengths.iter().map(|len| (0..*len).map(|n| n as u8).collect::<Vec<_>>().into()).collect();
            let say = async {
                for bytes in &said {
                    socket.send(Message::Binary(bytes.clone())).await.expect("open");
                }
                assert_eq!(socket.held(), 0);
            };
            let hear = async {
                for bytes in &said {
                    let message = peer.next().await.expect("more").expect("a message");
                    assert!(message.is_binary() && **message.as_payload() == bytes[..]);
                }
            };
            tokio::join!(say, hear);
        });
    }
}

#[test]
fn a_mask_is_what_it_says_at_every_length() {
    for len in 0..200 {
        let (plain, key) = ((0..len).map(|n| n as u8).collect::<Vec<_>>(), [1, 2, 3, 200]);
        let mut masked = plain.clone();
        mask(&mut masked, key);
        assert!((0..len).all(|at| masked[at] == plain[at] ^ key[at % 4]), "{len}");
    }
}

#[test]
fn a_message_is_counted_until_it_is_whole_whatever_comes_in_its_middle() {
    let (near, mut far) = duplex(1 << 20);
    let mut socket = ours(Role::Client, near);
    let mut kept = |bytes: &[u8]| {
        far.write_all(bytes).now_or_never().expect("room").expect("connected");
        while socket.next().now_or_never().is_some() {}
        socket.held()
    };
    assert_eq!(kept(&frame(0x02, None, &[7; 100_000])), 100_000);
    assert_eq!(kept(&frame(0x89, None, b"ping")), 100_000);
    let last = frame(0x80, None, &[7; 300]);
    assert_eq!(kept(&last[..100]), 100_100);
    assert_eq!(kept(&last[100..]), 0);
}

#[test]
fn a_text_that_is_none_is_told_so() {
    for said in [frame(0x81, None, &[0xff]), frame(0x88, None, &[3, 0xe8, 0xff])] {
        let (near, mut far) = duplex(100);
        let mut socket = ours(Role::Client, near);
        far.write_all(&said).now_or_never().expect("room").expect("connected");
        assert_eq!(socket.next().now_or_never(), Some(Some(Err(Fault::Text))));
        assert_eq!(socket.next().now_or_never(), Some(None));
        let mut answer = theirs(Role::Server, far);
        let close = answer.next().now_or_never().flatten().expect("an answer").expect("a message");
        assert_eq!(close.as_close().map(|(code, _)| u16::from(code)), Some(1007));
    }
}

#[test]
fn what_is_too_long_is_thrown_away_up_to_the_close() {
    let (near, mut far) = duplex(1 << 20);
    let mut socket = ours(Role::Client, near);
    let long = frame(0x80, None, &[7; LONGEST]);
    let said =
        [frame(0x82, None, b"x"), frame(0x02, None, b"y"), frame(0x89, None, b"z"), long, frame(0x82, None, b"no")];
    far.write_all(&said.concat()).now_or_never().expect("room").expect("connected");
    let mut next = || socket.next().now_or_never();
    assert_eq!(next(), Some(Some(Ok(Message::Binary("x".into())))));
    assert_eq!(next(), Some(Some(Ok(Message::Ping("z".into())))));
    assert_eq!(next(), Some(Some(Err(Fault::TooLong))));
    assert_eq!(next(), None);
    assert_eq!(socket.held(), 0);
    assert!(socket.send(Message::close(1009, "too-big")).now_or_never().is_some_and(|said| said.is_ok()));
    far.write_all(&frame(0x88, None, &1009_u16.to_be_bytes())).now_or_never().expect("room").expect("connected");
    assert_eq!(socket.next().now_or_never(), Some(None));
    assert!(socket.has_closed());
}

/// A stream that always has more, and how often it was asked.
struct Source {
    bytes: Bytes,
    reads: Arc<AtomicUsize>,
}

impl AsyncRead for Source {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let len = self.bytes.len().min(buf.remaining());
        buf.put_slice(&self.bytes.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Source {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_busy_stream_costs_one_read_a_long_message_and_few_for_many_short_ones() {
    for (len, count, most) in [(180_000, 100, 110), (1000, 100_000, 1700)] {
        let reads = Arc::new(AtomicUsize::new(0));
        let bytes = frame(0x82, None, &vec![7; len]).repeat(count).into();
        let mut socket = ours(Role::Client, Source { bytes, reads: Arc::clone(&reads) });
        for _ in 0..count {
            let Some(Some(Ok(Message::Binary(payload)))) = socket.next().now_or_never() else { unreachable!("more") };
            assert_eq!(payload.len(), len);
        }
        assert!(reads.load(Ordering::Relaxed) < most, "{len}: {reads:?}");
    }
}

#[test]
fn what_is_merely_announced_takes_nothing_and_who_waits_keeps_nothing() {
    let (near, mut far) = duplex(1 << 20);
    let mut socket = ours(Role::Client, near);
    let long = frame(0x82, None, &[7; LONGEST]);
    let mut allocated = |said: &[u8]| {
        far.write_all(said).now_or_never().expect("room").expect("connected");
        while socket.next().now_or_never().is_some() {}
        socket.incoming.allocated()
    };
    assert!(allocated(&long[..100]) <= 4096);
    assert!(allocated(&long[100..20_000]) <= 2 * 20_000);
    assert_eq!(allocated(&long[20_000..]), 0);
}
