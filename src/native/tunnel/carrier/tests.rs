//! A carrier over a connection in memory: order, ends, and what a peer that does not read makes it hold.

use pasarela_core::tunnel::message::Reset;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::*;

fn pair(buffer: usize) -> [Link; 2] {
    let (near, far) = duplex(buffer);
    let prefixed = |stream: DuplexStream| -> Prefixed { Prefixed::new(Bytes::new(), Box::new(stream)) };
    [Link::new(client(prefixed(near), MESSAGE_MAX)), Link::new(server(prefixed(far), MESSAGE_MAX))]
}

async fn next(link: &mut Link) -> Event {
    poll_fn(|cx| link.poll_event(cx)).await
}

async fn flush(link: &mut Link) {
    poll_fn(|cx| link.poll_flush(cx)).await.expect("connected");
}

#[tokio::test]
async fn messages_arrive_whole_and_in_order_and_the_close_behind_them() {
    let [mut near, mut far] = pair(1 << 20);
    near.send(Bytes::from_static(b"data").into());
    near.control(&Control::Reset(Reset { code: Code::Gone }));
    near.ping();
    near.close(Code::End, LINGER);
    near.send(Bytes::from_static(b"too late").into());
    flush(&mut near).await;
    assert!(matches!(next(&mut far).await, Event::Data(piece) if piece.clone().into_bytes() == "data"));
    let Event::Text(text) = next(&mut far).await else { unreachable!("sent as text") };
    assert_eq!(text, "{\"reset\":{\"code\":\"gone\"}}");
    assert!(matches!(next(&mut far).await, Event::Closed(Ending::Clean)));
    far.linger().await;
    assert!(matches!(next(&mut near).await, Event::Pong));
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Clean)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_the_close_is_cut_and_one_that_reads_nothing_blocks_nobody() {
    let [mut near, far] = pair(100);
    near.send(Bytes::from(vec![0; 1000]).into());
    assert!(poll_fn(|cx| Poll::Ready(near.poll_flush(cx).is_pending())).await);
    near.close(Code::End, LINGER);
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Cut)));
    near.linger().await;
    drop(far);
}

#[tokio::test]
async fn a_close_for_another_reason_is_a_cut_and_any_answer_to_it_is_clean() {
    let [mut near, mut far] = pair(1 << 20);
    near.close(Code::Draining, LINGER);
    flush(&mut near).await;
    assert!(matches!(next(&mut far).await, Event::Closed(Ending::Cut)));
    far.linger().await;
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Clean)));
}

#[tokio::test]
async fn an_end_without_a_close_is_a_cut() {
    let (near, mut far) = duplex(100);
    let mut near = Link::new(client(Prefixed::new(Bytes::new(), Box::new(near)), MESSAGE_MAX));
    far.write_all(&[0x82, 5, 1, 2]).await.expect("room");
    drop(far);
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Cut)));
}

#[tokio::test]
async fn a_queue_that_the_peer_does_not_take_ends_it_and_is_let_go() {
    let [mut near, _far] = pair(100);
    near.send(Bytes::from(vec![0; QUEUE_MAX]).into());
    assert!(poll_fn(|cx| Poll::Ready(near.poll_event(cx).is_pending())).await);
    assert_eq!(near.waiting(), QUEUE_MAX);
    near.send(Bytes::from_static(b"1").into());
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Cut)));
    assert_eq!(near.waiting(), 0);

    let [mut near, _far] = pair(100);
    (0..QUEUE_MESSAGES).for_each(|_| near.control(&Control::Reset(Reset { code: Code::Gone })));
    assert!(poll_fn(|cx| Poll::Ready(near.poll_event(cx).is_pending())).await);
    near.ping();
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Cut)));
}

#[tokio::test]
async fn a_superseded_carrier_keeps_only_what_it_has_begun_and_its_last_words() {
    let [mut near, mut far] = pair(100);
    near.send(Bytes::from(vec![0; 2 * FLUSH]).into());
    near.send(Bytes::from_static(b"said again elsewhere").into());
    assert!(poll_fn(|cx| Poll::Ready(near.poll_flush(cx).is_pending())).await);
    near.control(&Control::Reset(Reset { code: Code::Gone }));
    near.close(Code::Superseded, LINGER);
    assert!(near.waiting() < 100);
    let near = tokio::spawn(near.linger());
    assert!(matches!(next(&mut far).await, Event::Data(piece) if piece.clone().into_bytes().len() == 2 * FLUSH));
    assert!(matches!(next(&mut far).await, Event::Text(_)));
    assert!(matches!(next(&mut far).await, Event::Closed(Ending::Cut)));
    far.linger().await;
    near.await.expect("no panic");
}

#[tokio::test]
async fn pings_whose_answers_nobody_takes_end_it() {
    let (near, mut far) = duplex(1 << 20);
    let mut near = Link::new(client(Prefixed::new(Bytes::new(), Box::new(near)), MESSAGE_MAX));
    far.write_all(&[0x89, 0].repeat(PINGS_MAX as usize + 1)).await.expect("room");
    assert!(matches!(next(&mut near).await, Event::Closed(Ending::Cut)));
}
