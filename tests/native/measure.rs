//! `sim echo`, `source`, `frames`, `sink`, `stall` on both listeners.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use pasarela_noise::wire;
use pasarela_sim::{Sim, pattern};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{assert_all_closed, client::Link, start, within};

/// How long a writer must be stuck to count as stuck.
const QUIET: Duration = Duration::from_millis(200);

/// Not a multiple of anything.
const LEN: usize = 1_000_003;

fn pattern_bytes(offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    pattern::fill(offset, &mut bytes);
    bytes
}

async fn links(sim: &Sim, command: &str) -> [Link; 2] {
    let mut links = [Link::tcp(sim).await, Link::web(sim).await];
    for link in &mut links {
        link.command(command).await;
    }
    links
}

#[tokio::test]
async fn echo_gives_back_what_it_gets() {
    let sim = start().await;
    for mut link in links(&sim, "sim echo").await {
        for n in [1, 100, 70_000] {
            let sent = pattern_bytes(5, n);
            link.send(&sent).await;
            assert_eq!(within(link.read_len(n)).await, sent);
        }
    }
    assert_all_closed(&sim).await;
}

#[tokio::test]
async fn what_follows_the_command_in_its_segment_counts() {
    let sim = start().await;
    for mut link in [Link::tcp(&sim).await, Link::web(&sim).await] {
        link.send(b"WA\x06\x03\0\0\x08sim echoabc").await;
        assert_eq!(within(link.read_len(3)).await, b"abc");
    }
}

#[tokio::test]
async fn source_gives_the_pattern_and_ends() {
    let sim = start().await;
    for len in [0, 1, LEN] {
        for mut link in links(&sim, &format!("sim source {len}")).await {
            let got = within(link.read_all()).await;
            assert_eq!(got.len(), len);
            assert!(pattern::matches(0, &got));
        }
    }
    assert_all_closed(&sim).await;
}

#[tokio::test]
async fn source_ends_in_order() {
    let sim = start().await;
    let [tcp, web] = links(&sim, "sim source 10").await;
    let (Link::Tcp(mut tcp), Link::Web(mut web)) = (tcp, web) else {
        unreachable!("in this order");
    };
    let mut got = Vec::new();
    within(tcp.read_to_end(&mut got)).await.expect("FIN, not a reset");
    let message = within(web.next()).await.expect("open").expect("a message");
    assert_eq!(message.as_payload().len(), 10);
    let close = within(web.next()).await.expect("open").expect("a message");
    assert_eq!(close.as_close().map(|(code, _)| u16::from(code)), Some(1000));
}

#[tokio::test]
async fn frames_run_through_the_pattern() {
    let sim = start().await;
    let (count, size) = (50u64, 1_001usize);
    for mut link in links(&sim, &format!("sim frames {count} {size}")).await {
        let got = within(link.read_all()).await;
        let mut rest = got.as_slice();
        for n in 0..count {
            let (body, behind) = wire::decode_frame(rest).expect("a frame");
            assert_eq!(body.len(), size);
            assert!(pattern::matches(n * size as u64, body), "frame {n}");
            rest = behind;
        }
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn frames_are_one_a_message_on_web_socket() {
    let sim = start().await;
    let [_, mut web] = links(&sim, "sim frames 3 5").await;
    for n in 0..3 {
        let message: BytesMut = within(web.read()).await.expect("a message");
        assert_eq!(message[..3], [0, 0, 5]);
        assert!(pattern::matches(n * 5, &message[3..]));
    }
    assert!(within(web.read()).await.is_none());
}

#[tokio::test]
async fn sink_counts_what_it_verified() {
    let sim = start().await;
    for mut link in links(&sim, "sim sink").await {
        for (n, piece) in pattern_bytes(0, 300_000).chunks(50_000).enumerate() {
            link.send(piece).await;
            let expected = (n as u64 + 1) * 50_000;
            // Raw TCP may report within the piece, too.
            while u64::from_be_bytes(within(read_count(&mut link)).await) != expected {}
        }
    }
    assert_all_closed(&sim).await;
}

async fn read_count(link: &mut Link) -> [u8; 8] {
    let mut count = [0; 8];
    match link {
        Link::Tcp(stream) => {
            stream.read_exact(&mut count).await.expect("a count");
        }
        Link::Web(_) => {
            let message = link.read().await.expect("a count");
            count.copy_from_slice(&message);
        }
    }
    count
}

#[tokio::test]
async fn sink_resets_at_a_wrong_byte() {
    let sim = start().await;
    let [tcp, web] = links(&sim, "sim sink").await;
    let (Link::Tcp(mut tcp), Link::Web(mut web)) = (tcp, web) else {
        unreachable!("in this order");
    };
    let mut bytes = pattern_bytes(0, 1_000);
    bytes[777] ^= 1;
    tcp.write_all(&bytes).await.expect("connected");
    let mut counts = Vec::new();
    let end = within(tcp.read_to_end(&mut counts)).await.expect_err("a reset");
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);

    let message = tokio_websockets::Message::binary(bytes);
    web.send(message).await.expect("connected");
    assert!(!matches!(within(web.next()).await, Some(Ok(_))));
    assert_all_closed(&sim).await;
}

#[tokio::test]
async fn sink_answers_before_it_ends_after_a_half_close() {
    let sim = start().await;
    let mut link = Link::tcp(&sim).await;
    link.command("sim sink").await;
    link.send(&pattern_bytes(0, LEN)).await;
    let Link::Tcp(stream) = &mut link else {
        unreachable!("made above");
    };
    stream.shutdown().await.expect("connected");
    let counts = within(link.read_all()).await;
    let last = counts.last_chunk().copied().map(u64::from_be_bytes);
    assert_eq!(last, Some(LEN as u64));
}

#[tokio::test]
async fn stall_takes_nothing_more() {
    let sim = start().await;
    for mut link in links(&sim, "sim stall").await {
        link.send(&[7; 100]).await;
        let Link::Tcp(stream) = &mut link else {
            continue;
        };
        // Until every buffer on the way is full. That nobody reads can only be seen over some time.
        let chunk = vec![7; 1 << 20];
        while tokio::time::timeout(QUIET, stream.write_all(&chunk)).await.is_ok() {}
        // What came with the command in its read is not given back.
        let read = sim.stats().chat.bytes_in;
        assert!(read <= 16 * 1024, "{read} bytes read");
        // Behind full buffers no FIN would arrive.
        stream.set_zero_linger().expect("connected");
    }
    assert_all_closed(&sim).await;
}
