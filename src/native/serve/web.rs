//! `/ws/chat` in wss mode: finds an upstream WebSocket and couples the client to it, message by message.
//!
//! It looks into none, and joins and cuts none. Each side is read only as fast as the other takes.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream};
use hyper::header::HeaderMap;
use pasarela_core::codes::Code;
use pasarela_core::limits;
use tokio::time;
use tokio_websockets::{CloseCode, Message};

use super::dial::dial;
use super::shared::Shared;
use crate::tunnel::carrier::Web;
use crate::tunnel::clock::Alarm;
use crate::tunnel::ground::Ground;

/// A side has this long to take the last messages and to answer the close.
const LINGER: Duration = Duration::from_secs(5);

/// The first upstream that accepts the upgrade; `query` is what goes on of the client's.
pub(super) async fn upstream(shared: &Shared, headers: &HeaderMap, query: &str) -> Option<Web> {
    for url in &shared.ground.config.web_urls {
        if let Some(web) = dial(&format!("{url}{query}"), headers, &shared.upstream_tls).await {
            return Some(web);
        }
    }
    None
}

/// Closes a client that was accepted only to be told why not.
pub(super) async fn refuse(ground: &Ground, mut client: Web, code: Code) {
    ground.meter.ended(code);
    close(&mut client, Some(reason(code))).await;
}

/// How the coupling ended.
enum End {
    /// This side closed, and how.
    Client(Option<Message>),
    Upstream(Option<Message>),
    /// The relay ends it.
    Ours(Code),
}

/// Moves messages both ways until one side ends.
pub(super) async fn couple(ground: &Ground, mut client: Web, mut upstream: Web) {
    let mut alarm = Alarm::new(ground.clock);
    alarm.set(ground.clock, ground.clock.now() + limits::IDLE);
    let (mut up, mut down) = (Way::default(), Way::default());
    let mut drain = pin!(ground.drain.cancelled());
    let end = poll_fn(|cx| {
        if drain.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Ours(Code::Draining));
        }
        let upwards = up.poll(cx, &mut client, &mut upstream);
        let downwards = down.poll(cx, &mut upstream, &mut client);
        let (up_now, down_now) = (up.take(), down.take());
        ground.meter.up.inc_by(up_now);
        ground.meter.down.inc_by(down_now);
        match (upwards, downwards) {
            (Poll::Ready(Side::From(close)), _) => return Poll::Ready(End::Client(close)),
            (_, Poll::Ready(Side::From(close))) | (Poll::Ready(Side::To(close)), _) => {
                return Poll::Ready(End::Upstream(close));
            }
            (_, Poll::Ready(Side::To(close))) => return Poll::Ready(End::Client(close)),
            (Poll::Pending, Poll::Pending) => {}
        }
        if up_now + down_now > 0 {
            alarm.set(ground.clock, ground.clock.now() + limits::IDLE);
        }
        alarm.poll(cx).map(|()| End::Ours(Code::Idle))
    })
    .await;
    finish(ground, client, upstream, end).await;
}

/// Tells each side how it ended.
async fn finish(ground: &Ground, mut client: Web, mut upstream: Web, end: End) {
    let (to_client, to_upstream) = match end {
        End::Client(said) => (None, said),
        End::Upstream(Some(said)) => (Some(said), None),
        End::Upstream(None) => {
            ground.meter.ended(Code::UpstreamReset);
            (Some(reason(Code::UpstreamReset)), None)
        }
        End::Ours(code) => {
            ground.meter.ended(code);
            (Some(reason(code)), None)
        }
    };
    tokio::join!(close(&mut client, to_client), close(&mut upstream, to_upstream));
}

fn reason(code: Code) -> Message {
    Message::close(CloseCode::try_from(code.number()).ok(), code.token())
}

/// Sends the close, if there is one to send, and ends the connection in order if that is possible soon.
async fn close(web: &mut Web, said: Option<Message>) {
    let end = async {
        if let Some(said) = said {
            // Failure means that it is closed already.
            let _ = web.send(said).await;
        }
        let _ = web.close().await;
    };
    let _ = time::timeout(LINGER, end).await;
}

/// One direction.
#[derive(Default)]
struct Way {
    /// Read, and not yet taken.
    message: Option<Message>,
    flushed: bool,
    moved: u64,
}

/// Which side of a direction ended, and what it said.
enum Side {
    From(Option<Message>),
    To(Option<Message>),
}

impl Way {
    /// What was moved since the last time, in bytes; an empty message counts as one.
    fn take(&mut self) -> u64 {
        std::mem::take(&mut self.moved)
    }

    /// Moves what can be moved now. `Ready` at the end.
    fn poll(&mut self, cx: &mut Context<'_>, from: &mut Web, to: &mut Web) -> Poll<Side> {
        loop {
            if self.message.is_some() {
                if ready!(Pin::new(&mut *to).poll_ready(cx)).is_err() {
                    return Poll::Ready(Side::To(None));
                }
                if let Some(message) = self.message.take() {
                    self.moved += message.as_payload().len().max(1) as u64;
                    if Pin::new(&mut *to).start_send(message).is_err() {
                        return Poll::Ready(Side::To(None));
                    }
                    self.flushed = false;
                }
            }
            match Pin::new(&mut *from).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) if message.is_binary() || message.is_text() => {
                    self.message = Some(message);
                }
                Poll::Ready(Some(Ok(message))) if message.is_close() => {
                    return Poll::Ready(Side::From(Some(echo(&message))));
                }
                // A ping, which the library answers, or the answer to one.
                Poll::Ready(Some(Ok(_))) => {}
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

/// The same close for the other side; one without a code has none there either.
fn echo(close: &Message) -> Message {
    let said = close.as_close().filter(|(code, _)| *code != CloseCode::NO_STATUS_RECEIVED);
    said.map_or_else(|| Message::close(None, ""), |(code, reason)| Message::close(Some(code), reason))
}
