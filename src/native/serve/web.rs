//! `/ws/chat` in wss mode: finds an upstream WebSocket and couples the client to it, message by message.
//!
//! It looks into none, and joins and cuts none. Each side is read only as fast as the other takes.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{FutureExt, Sink, SinkExt, Stream};
use hyper::header::HeaderMap;
use pasarela_core::{codes::Code, limits};
use tokio::time;

use super::{
    dial::dial,
    ground::{Ground, Leave},
    meter::Meter,
    shared::Shared,
};
use crate::{
    tunnel::{
        carrier::{Link, PINGS_MAX, Socket},
        clock::Alarm,
    },
    websocket::{Fault, Message},
};

/// A side has this long to take the last messages and to answer the close.
const LINGER: Duration = Duration::from_secs(5);

/// The first upstream that accepts the upgrade; `query` is what goes on of the client's.
pub(super) async fn upstream(shared: &Shared, headers: &HeaderMap, query: &str) -> Option<Socket> {
    for url in &shared.ground.config.web_urls {
        if let Some(socket) = dial(&format!("{url}{query}"), headers, &shared.upstream_tls).await {
            return Some(socket);
        }
    }
    None
}

/// Closes a client for a reason of ours.
pub(super) async fn refuse(ground: &Ground, client: Socket, code: Code) {
    ground.meter.ended(code);
    close(client, Some(reason(code))).await;
}

/// How the coupling ended.
enum End {
    /// It closed, and how; nothing if it vanished.
    Client(Option<Message>),
    /// The same.
    Upstream(Option<Message>),
    /// The relay ends it.
    Ours(Code),
    /// It holds more than any other, and all together hold too much.
    TooMuch,
}

/// Moves messages both ways until one side ends.
pub(super) async fn couple(
    (ground, meter, mut leave): (&Ground, &Meter, Leave),
    mut client: Socket,
    mut upstream: Socket,
) {
    let mut alarm = Alarm::new(ground.clock);
    alarm.set(ground.clock, ground.clock.now() + limits::IDLE);
    let (mut up, mut down) = (Way::default(), Way::default());
    let mut share = ground.budget.share(&meter.key);
    let end = poll_fn(|cx| {
        if let Poll::Ready(code) = leave.as_mut().poll(cx) {
            return Poll::Ready(End::Ours(code));
        }
        if share.poll_too_much(cx).is_ready() {
            return Poll::Ready(End::TooMuch);
        }
        let upwards = up.poll(cx, &mut client, &mut upstream);
        let downwards = down.poll(cx, &mut upstream, &mut client);
        let (up_now, down_now) = (up.moved.take(), down.moved.take());
        meter.up.inc_by(up_now.unwrap_or(0));
        meter.down.inc_by(down_now.unwrap_or(0));
        share.holds(up.held() + down.held() + client.held() + upstream.held());
        match (upwards, downwards) {
            (Poll::Ready(Side::TooLong), _) => return Poll::Ready(End::Ours(Code::TooBig)),
            (_, Poll::Ready(Side::TooLong)) => return Poll::Ready(End::Upstream(None)),
            (Poll::Ready(Side::From(close)), _) => return Poll::Ready(End::Client(close)),
            (_, Poll::Ready(Side::From(close))) | (Poll::Ready(Side::To(close)), _) => {
                return Poll::Ready(End::Upstream(close));
            }
            (_, Poll::Ready(Side::To(close))) => return Poll::Ready(End::Client(close)),
            (Poll::Pending, Poll::Pending) => {}
        }
        if up_now.or(down_now).is_some() {
            alarm.set(ground.clock, ground.clock.now() + limits::IDLE);
        }
        alarm.poll(cx).map(|()| End::Ours(Code::Idle))
    })
    .await;
    finish(ground, client, upstream, end).await;
}

/// Tells each side that is there how it ended.
async fn finish(ground: &Ground, client: Socket, upstream: Socket, end: End) {
    match end {
        End::Client(None) => {
            last_word(client);
            close(upstream, None).await;
        }
        End::Client(said) => drop(tokio::join!(close(client, None), close(upstream, said))),
        End::Upstream(None) => {
            last_word(upstream);
            refuse(ground, client, Code::UpstreamReset).await;
        }
        End::Upstream(said) => drop(tokio::join!(close(client, said), close(upstream, None))),
        End::TooMuch => {
            ground.meter.ended(Code::Queue);
            Link::new(client).cut(Code::Queue);
        }
        End::Ours(code) => drop(tokio::join!(refuse(ground, client, code), close(upstream, None))),
    }
}

/// One that has broken the protocol is told so, if it takes it now.
fn last_word(mut socket: Socket) {
    let _ = SinkExt::flush(&mut socket).now_or_never();
}

fn reason(code: Code) -> Message {
    Message::close(code.number(), code.token())
}

/// Sends the close, if there is one to send, and ends the connection in order if that is possible soon.
async fn close(mut socket: Socket, said: Option<Message>) {
    let end = async {
        if let Some(said) = said {
            // Failure means that it is closed already.
            let _ = socket.send(said).await;
        }
        socket.ignore_the_rest();
        let _ = socket.close().await;
    };
    let _ = time::timeout(LINGER, end).await;
}

/// One direction.
#[derive(Default)]
struct Way {
    /// Read, and not yet taken.
    message: Option<Message>,
    flushed: bool,
    /// Since it was looked at last, in bytes.
    moved: Option<u64>,
    pings: u32,
}

/// Which side of a direction ended, and what it said.
enum Side {
    From(Option<Message>),
    To(Option<Message>),
    /// What was to be moved is longer than it may be.
    TooLong,
}

impl Way {
    /// Bytes read and not yet taken.
    fn held(&self) -> usize {
        self.message.as_ref().map_or(0, Message::len)
    }

    /// Moves what can be moved now. `Ready` at the end.
    fn poll(&mut self, cx: &mut Context<'_>, from: &mut Socket, to: &mut Socket) -> Poll<Side> {
        loop {
            if self.message.is_some() {
                if ready!(Pin::new(&mut *to).poll_ready(cx)).is_err() {
                    return Poll::Ready(Side::To(None));
                }
                if let Some(message) = self.message.take() {
                    self.moved = Some(self.moved.unwrap_or(0) + message.len() as u64);
                    if Pin::new(&mut *to).start_send(message).is_err() {
                        return Poll::Ready(Side::To(None));
                    }
                    self.flushed = false;
                }
            }
            match Pin::new(&mut *from).poll_next(cx) {
                Poll::Ready(Some(Ok(message @ (Message::Binary(_) | Message::Text(_))))) => {
                    self.message = Some(message);
                }
                Poll::Ready(Some(Ok(close @ Message::Close(_)))) => return Poll::Ready(Side::From(Some(close))),
                // The answer to a ping is queued.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {
                    self.pings = if Pin::new(&mut *from).poll_flush(cx).is_ready() { 0 } else { self.pings + 1 };
                    if self.pings > PINGS_MAX {
                        return Poll::Ready(Side::From(None));
                    }
                }
                Poll::Ready(Some(Err(Fault::TooLong))) => return Poll::Ready(Side::TooLong),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Side::From(None)),
                Poll::Pending => {
                    if !self.flushed {
                        if ready!(Pin::new(&mut *to).poll_flush(cx)).is_err() {
                            return Poll::Ready(Side::To(None));
                        }
                        self.flushed = true;
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::StreamExt;
    use pasarela_core::config::Config;
    use tokio::io::duplex;

    use tokio_util::sync::CancellationToken;

    use super::{super::MESSAGE_MAX, *};
    use crate::{
        net::Prefixed,
        tunnel::carrier::{client, server},
    };

    /// A client and an upstream with the relay between them.
    fn coupled(buffer: usize) -> (Socket, Socket, Arc<Ground>) {
        let pair = || {
            let (near, far) = duplex(buffer);
            let prefixed =
                |stream: tokio::io::DuplexStream| -> Prefixed { Prefixed::new(Bytes::new(), Box::new(stream)) };
            (client(prefixed(near), MESSAGE_MAX), server(prefixed(far), MESSAGE_MAX))
        };
        let ((ours, client_side), (upstream_side, theirs)) = (pair(), pair());
        let ground = Arc::new(Ground::new(Config::from_vars(|_| None).expect("usable"), MESSAGE_MAX));
        let carried = Arc::clone(&ground);
        tokio::spawn(async move {
            let leave = carried.leave(CancellationToken::new());
            couple((&carried, &carried.meter, leave), client_side, upstream_side).await;
        });
        (ours, theirs, ground)
    }

    async fn next(socket: &mut Socket) -> Message {
        socket.next().await.expect("no end").expect("no fault")
    }

    fn said(message: &Message) -> (u16, &str) {
        if let Message::Close(Some(close)) = message { (close.code, &close.reason) } else { (0, "no close") }
    }

    #[tokio::test]
    async fn messages_of_both_kinds_pass_as_they_are_and_so_does_the_close() {
        for by_client in [true, false] {
            let (mut ours, mut theirs, ground) = coupled(1 << 20);
            for message in
                [Message::Binary("frame".into()), Message::Text("text".into()), Message::Binary(Bytes::new())]
            {
                ours.send(message.clone()).await.expect("coupled");
                let there = next(&mut theirs).await;
                assert!(there == message, "{there:?}");
                theirs.send(there).await.expect("coupled");
                assert!(next(&mut ours).await == message);
            }
            let (closing, told) = if by_client { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
            closing.send(Message::close(4321, "whatsapp says")).await.expect("coupled");
            assert_eq!(said(&next(told).await), (4321, "whatsapp says"));
            assert_eq!((ground.meter.up.all().get(), ground.meter.down.all().get()), (9, 9));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_way_to_end_has_its_code() {
        let (mut ours, theirs, _ground) = coupled(1 << 20);
        drop(theirs);
        assert_eq!(said(&next(&mut ours).await), (1011, "upstream-reset"));

        let (mut ours, _theirs, ground) = coupled(1 << 20);
        ground.drain.cancel();
        assert_eq!(said(&next(&mut ours).await), (1001, "draining"));

        let (mut ours, mut theirs, _ground) = coupled(1 << 20);
        let begun = time::Instant::now();
        time::sleep(limits::IDLE / 2).await;
        theirs.send(Message::Binary("x".into())).await.expect("coupled");
        assert!(next(&mut ours).await.is_binary());
        assert_eq!(said(&next(&mut ours).await), (4003, "idle"));
        assert_eq!(begun.elapsed(), limits::IDLE * 3 / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_holds_the_other_side_back() {
        let (mut ours, mut theirs, _ground) = coupled(1000);
        let message = Message::Binary(vec![7; 10_000].into());
        let mut sent = 0;
        while time::timeout(Duration::from_secs(1), theirs.send(message.clone())).await.is_ok() {
            sent += 1;
            assert!(sent < 100, "nobody is held back");
        }
        // The last one was begun, too.
        let read = async {
            for _ in 0..=sent {
                assert_eq!(next(&mut ours).await.len(), 10_000);
            }
        };
        let (flushed, ()) = tokio::join!(SinkExt::flush(&mut theirs), read);
        assert!(flushed.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn pings_whose_answers_nobody_takes_end_it() {
        let (mut ours, _theirs, _ground) = coupled(100);
        let ping = || Message::Ping("are you there?".into());
        let end = async { while ours.feed(ping()).await.is_ok() && SinkExt::flush(&mut ours).await.is_ok() {} };
        assert!(time::timeout(limits::IDLE / 2, end).await.is_ok(), "answers pile up");
    }
}
