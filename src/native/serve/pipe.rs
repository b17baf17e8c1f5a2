//! Drives the core's `Pipe` with a client's WebSocket and the upstream's TCP connections.
//!
//! It decides nothing about the stream. Its own business is to hold back whoever is faster than the other side: the
//! upstream is read when the client's socket has taken what was read before, and the client when the upstream has.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use pasarela_core::{
    chunk::Chunk,
    codes::Code,
    limits,
    pipe::{Input, Origin, Output, Pipe},
    route::Kind,
    tunnel::Ending,
};

use super::{
    ground::{Ground, Leave},
    meter::Meter,
    upstream::{self, Upstream},
};
use crate::tunnel::{
    budget::Share,
    carrier::{self, Link, Socket},
    chunk::Piece,
    clock::Alarm,
    tcp,
};

/// The most that is read at once, in bytes: here no window bounds what waits for a client who does not read.
const READ_MAX: usize = 64 * 1024;

/// The client is not read while more than this is not yet taken by the upstream, in bytes: several writes' worth, and more
/// than any first bytes that are looked at.
const UPLOAD_AHEAD: usize = 4 * limits::WRITE_BATCH;

enum Event {
    /// It is to let go of what it holds.
    TooMuch,
    Link(carrier::Event),
    Upstream(upstream::Event),
    Leave(Code),
    Timer,
}

struct Task<'a> {
    ground: &'a Ground,
    kind: Kind,
    pipe: Pipe<'a, Piece>,
    alarm: Alarm,
    /// Until the client has gone.
    link: Option<Link>,
    upstream: Upstream,
    share: Share,
    /// The core wants to read, and the client may have too much to catch up on.
    reading: bool,
    leave: Option<Leave>,
    turn: bool,
}

/// Carries one stream to its end. With `framed`, one WhatsApp frame from the upstream is one message.
pub(super) async fn run(
    (ground, meter, leave): (&Ground, &Meter, Leave),
    socket: Socket,
    origin: Origin,
    framed: bool,
) {
    let mut task = Task {
        ground,
        kind: origin.kind,
        pipe: Pipe::new(&ground.config, origin, framed, ground.clock.now()),
        alarm: Alarm::new(ground.clock),
        link: Some(Link::unbounded(socket)),
        upstream: Upstream::new(meter),
        share: ground.budget.share(&meter.key),
        reading: false,
        leave: Some(leave),
        turn: false,
    };
    while task.drain() {
        let event = poll_fn(|cx| {
            let event = task.poll_event(cx);
            // Without an event, too: of a message that is not whole there is none. What is to be let go of was counted out.
            if !matches!(event, Poll::Ready(Event::TooMuch)) {
                task.share.holds(task.held());
            }
            event
        })
        .await;
        task.handle(event);
    }
    task.let_go();
}

impl Task<'_> {
    /// Bytes in memory that the client or the upstream does not take, or has not said whole.
    fn held(&self) -> usize {
        self.pipe.held() + self.link.as_ref().map_or(0, Link::held)
    }

    /// Carries out what the core commands; whether the stream goes on.
    fn drain(&mut self) -> bool {
        loop {
            match self.pipe.poll() {
                Output::Connect(candidate, authority) => self.upstream.connect(candidate, &authority),
                Output::Abandon(loser) => self.upstream.abandon(loser),
                Output::Use(winner) => {
                    self.ground.won(self.kind, winner);
                    self.upstream.choose(winner);
                }
                Output::Read => self.reading = true,
                Output::Write(piece) => self.upstream.write(piece),
                Output::Finish => self.upstream.finish(),
                Output::Send(parts) => self.send(parts),
                Output::CloseUpstream => self.upstream.close(),
                Output::CloseClient(code) => {
                    self.ground.meter.ended(code);
                    self.link.iter_mut().for_each(|link| link.close(code, limits::CLOSE));
                }
                Output::Wait(at) => {
                    self.alarm.set(self.ground.clock, at);
                    return true;
                }
                Output::Done => return false,
            }
        }
    }

    fn send(&mut self, mut parts: Vec<Piece>) {
        let only = if parts.len() == 1 { parts.pop() } else { None };
        let message = only.unwrap_or_else(|| Piece::join(parts));
        if let Some(link) = &mut self.link {
            link.send(message);
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        // 1. What ends the stream comes before what it carries.
        if self.alarm.poll(cx).is_ready() {
            return Poll::Ready(Event::Timer);
        }
        if self.share.poll_too_much(cx).is_ready() {
            return Poll::Ready(Event::TooMuch);
        }
        if let Some(leave) = &mut self.leave
            && let Poll::Ready(code) = leave.as_mut().poll(cx)
        {
            self.leave = None;
            return Poll::Ready(Event::Leave(code));
        }
        // 2. What has grown large is sent before more is taken.
        if self.link.as_ref().is_some_and(Link::is_full)
            && let Poll::Ready(event) = self.poll_flush(cx)
        {
            return Poll::Ready(event);
        }
        loop {
            self.read();
            // 3. Both sides in turns, so that neither starves the other.
            self.turn = !self.turn;
            for upstream_now in [self.turn, !self.turn] {
                let event = if upstream_now { self.upstream.poll(cx).map(Event::Upstream) } else { self.poll_link(cx) };
                if event.is_ready() {
                    return event;
                }
            }
            // 4. All that could be done is done: one flush for all that it gave to send.
            if let Poll::Ready(event) = self.poll_flush(cx) {
                return Poll::Ready(event);
            }
            if !self.may_read() {
                return Poll::Pending;
            }
        }
    }

    /// Whether the core wants to read, and the client has taken what was read before.
    fn may_read(&self) -> bool {
        self.reading && self.link.as_ref().is_none_or(|link| link.waiting() == 0)
    }

    fn read(&mut self) {
        if self.may_read() {
            self.reading = false;
            self.upstream.read(READ_MAX);
        }
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match &mut self.link {
            Some(link) if self.pipe.queued() <= UPLOAD_AHEAD => link.poll_event(cx).map(Event::Link),
            Some(_) | None => Poll::Pending,
        }
    }

    /// Sends what is queued. `Ready` if the connection was found broken by it.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match self.link.as_mut().map(|link| link.poll_flush(cx)) {
            Some(Poll::Ready(Err(_))) => Poll::Ready(Event::Link(carrier::Event::Closed(Ending::Cut))),
            Some(Poll::Ready(Ok(())) | Poll::Pending) | None => Poll::Pending,
        }
    }

    fn handle(&mut self, event: Event) {
        let input = match event {
            Event::Timer => Input::Timer,
            Event::TooMuch => {
                if let Some(link) = self.link.take() {
                    link.cut(Code::Queue);
                }
                self.pipe.handle(Input::End(Code::Queue), self.ground.clock.now());
                Input::ClientClosed
            }
            Event::Link(carrier::Event::TooLong) => Input::End(Code::TooBig),
            Event::Leave(code) => Input::End(code),
            Event::Upstream(upstream::Event::Opened(candidate)) => Input::Opened(candidate),
            Event::Upstream(upstream::Event::Failed(candidate)) => Input::Failed(candidate),
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Read(piece))) => Input::Read(piece),
            Event::Upstream(upstream::Event::Tcp(tcp::Event::ReadEnd)) => {
                // It has said all; it is not to be answered by a reset.
                self.upstream.finish();
                Input::UpstreamEnd
            }
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Written(_))) => Input::Written,
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Failed(_))) => Input::UpstreamFailed,
            Event::Link(carrier::Event::Data(piece)) => Input::Message(piece),
            Event::Link(carrier::Event::Text(_)) => Input::Text,
            Event::Link(carrier::Event::Pong) => return,
            Event::Link(carrier::Event::Closed(_)) => {
                self.let_go();
                Input::ClientClosed
            }
        };
        self.pipe.handle(input, self.ground.clock.now());
    }

    /// The last messages, and the answer to the client's close, are somebody else's from here on.
    fn let_go(&mut self) {
        if let Some(link) = self.link.take() {
            self.ground.tasks.spawn(link.linger());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use bytes::Bytes;
    use futures_util::{SinkExt, StreamExt};
    use pasarela_core::config::Config;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        net::{TcpListener, TcpStream},
        time,
    };

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        net::Prefixed,
        tunnel::carrier::{client, server},
        websocket::Message,
    };

    const MAX: usize = 1 << 20;

    /// A client of `/pipe/chat` that has begun, and the upstream's end.
    async fn piped() -> (Socket, TcpStream, Arc<Ground>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let config = Config::from_vars(|name| (name == "UPSTREAM_CHAT").then(|| address.clone()));
        let ground = Arc::new(Ground::new(config.expect("usable"), MAX));
        let (near, far) = duplex(1000);
        let prefixed = |stream: tokio::io::DuplexStream| -> Prefixed { Prefixed::new(Bytes::new(), Box::new(stream)) };
        let (mut ours, theirs) = (client(prefixed(near), MAX), server(prefixed(far), MAX));
        let carried = Arc::clone(&ground);
        let origin = Origin { kind: Kind::Chat, routing_info: None, client: None, preferred: None };
        tokio::spawn(async move {
            let leave = carried.leave(CancellationToken::new());
            run((&carried, &carried.meter, leave), theirs, origin, false).await;
        });
        ours.send(Message::Binary("WA\x06\x03".into())).await.expect("connected");
        let (mut upstream, _) = listener.accept().await.expect("dialled");
        upstream.read_exact(&mut [0; 4]).await.expect("the first bytes");
        (ours, upstream, ground)
    }

    /// Lets everybody do all that he can: tokio moves a stopped clock on only when nobody has anything to do. With sockets
    /// the clock must not be stopped for longer than this: what the system has not delivered yet is nothing to do.
    async fn settled() {
        for _ in 0..100 {
            time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_holds_the_upstream_back() {
        let (mut ours, mut upstream, ground) = piped().await;
        time::pause();
        let total = 32 << 20;
        let sending = tokio::spawn(async move { upstream.write_all(&vec![7; total]).await.map(|()| upstream) });
        settled().await;
        let taken = ground.meter.down.all().get();
        assert!((1..1 << 19).contains(&taken), "{taken} bytes are held");
        time::resume();
        let mut received = 0;
        while received < total {
            received += ours.next().await.expect("no end").expect("no fault").len();
        }
        assert_eq!(received, total);
        sending.await.expect("no panic").expect("connected");
    }

    #[tokio::test]
    async fn an_upstream_that_reads_nothing_holds_the_client_back() {
        let (mut ours, mut upstream, ground) = piped().await;
        time::pause();
        let message = Message::Binary(vec![7; 32 << 10].into());
        let mut sent = 0;
        while time::timeout(Duration::from_secs(1), ours.send(message.clone())).await.is_ok() {
            sent += message.len() as u64;
            let held = sent - ground.meter.up.all().get().min(sent);
            assert!(held < 2 * UPLOAD_AHEAD as u64, "{held} bytes are held");
        }
        time::resume();
        let mut received = 0;
        while received < sent {
            let n = upstream.read(&mut vec![0; 1 << 20]).await.expect("connected");
            assert!(n > 0, "an end after {received} of {sent} bytes");
            received += n as u64;
        }
    }
}
