//! Drives the core's relay for one tunnel: its carriers, its upstream, its place in the registry.
//!
//! It decides nothing. One task, one event at a time, and none waits for another.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use pasarela_core::{
    codes::Code,
    limits,
    route::Kind,
    tunnel::{
        Carrier, Ending,
        message::{Control, Open},
        relay::{FIRST, Input, Options, Origin, Output, Relay},
    },
};

use super::{
    super::{
        ground::{Ground, Leave},
        upstream::{self, Upstream},
    },
    registry::{Attach, Entry, Inbox},
};
use crate::tunnel::{
    budget::Share,
    carrier::{self, Link, Socket},
    chunk::Piece,
    clock::Alarm,
    tcp,
};

/// Carriers of one tunnel, nearly all of which are being closed. A client that attaches faster than it lets go has no use
/// for their last words.
const LINKS_MAX: usize = 8;

/// What a client that opens a tunnel said.
pub(super) struct Request {
    /// The name of the key.
    pub(super) owner: String,
    pub(super) origin: Origin,
    pub(super) open: Open,
    pub(super) early: Vec<u8>,
}

enum Event {
    /// It is to let go of what its carriers hold.
    TooMuch,
    Link(Carrier, carrier::Event),
    Upstream(upstream::Event),
    Attach(Attach),
    End(Code),
    Timer,
}

struct Task<'a> {
    ground: &'a Ground,
    kind: Kind,
    core: Relay<'a, Piece>,
    alarm: Alarm,
    links: Vec<(Carrier, Link)>,
    next: u32,
    upstream: Upstream,
    entry: Entry,
    share: Share,
    inbox: Inbox,
    evicted: bool,
    failed: bool,
    leave: Option<Leave>,
    drained: bool,
    turn: bool,
}

/// Carries one tunnel to its end.
pub(super) async fn run(
    (ground, leave): (&Ground, Leave),
    socket: Socket,
    request: Request,
    entry: Entry,
    inbox: Inbox,
) {
    let Request { owner, origin, open, early } = request;
    let (kind, window) = (open.route, entry.window());
    let options = Options { origin, open, early, window, session: Some(entry.name().to_owned()) };
    let mut task = Task {
        ground,
        kind,
        core: Relay::new(&ground.config, options, ground.clock.now()),
        alarm: Alarm::new(ground.clock),
        links: vec![(FIRST, Link::new(socket))],
        next: FIRST.0 + 1,
        upstream: Upstream::new(&ground.meter.of(&owner)),
        entry,
        share: ground.budget.share(&owner),
        inbox,
        evicted: false,
        failed: false,
        leave: Some(leave),
        drained: false,
        turn: false,
    };
    while task.drain() && !(task.drained && task.links.is_empty()) {
        let event = poll_fn(|cx| {
            let event = task.poll_event(cx);
            // Without an event, too: a flush is none, nor is the beginning of a message. What is to be let go of was counted out.
            task.entry.update(task.core.detached_at(), task.held());
            if !matches!(event, Poll::Ready(Event::TooMuch)) {
                task.share.holds(task.beyond());
            }
            event
        })
        .await;
        task.handle(event);
    }
    for (_, link) in task.links.drain(..) {
        ground.tasks.spawn(link.linger());
    }
}

impl Task<'_> {
    /// Payload held, in bytes. What is sent and not yet acknowledged counts twice for as long as it waits for the socket.
    fn held(&self) -> usize {
        self.core.held() + self.links.iter().map(|(_, link)| link.waiting()).sum::<usize>()
    }

    /// What its carriers hold beyond the window that it was granted, in bytes: what the client acknowledged without taking it,
    /// and the beginnings of messages.
    fn beyond(&self) -> usize {
        let held: usize = self.links.iter().map(|(_, link)| link.held()).sum();
        held.saturating_sub(self.entry.window() as usize)
    }

    /// Carries out what the core commands; whether the tunnel goes on.
    fn drain(&mut self) -> bool {
        loop {
            match self.core.poll() {
                Output::Send(carrier, piece) => self.on(carrier, |link| link.send(piece)),
                Output::Control(carrier, control) => {
                    self.count(&control);
                    self.on(carrier, |link| link.control(&control));
                }
                Output::Close(carrier, code) => self.on(carrier, |link| link.close(code, limits::CLOSE)),
                Output::Connect(candidate, authority) => self.upstream.connect(candidate, &authority),
                Output::Abandon(loser) => self.upstream.abandon(loser),
                Output::Use(winner) => {
                    self.ground.won(self.kind, winner);
                    self.upstream.choose(winner);
                }
                Output::Read(max) => self.upstream.read(max),
                Output::Write(piece) => self.upstream.write(piece),
                Output::Finish => self.upstream.finish(),
                Output::Widen(asked) => {
                    let window = self.entry.widen(asked);
                    self.core.handle(Input::Widened(window), self.ground.clock.now());
                }
                Output::CloseUpstream => self.upstream.close(),
                Output::Wait(at) => {
                    self.alarm.set(self.ground.clock, at);
                    return true;
                }
                Output::Done => return false,
            }
        }
    }

    /// Counts why it failed; it may be said again on another carrier.
    fn count(&mut self, control: &Control) {
        if let Control::Reset(reset) = control
            && !self.failed
        {
            self.failed = true;
            self.ground.meter.ended(reset.code);
        }
    }

    fn on(&mut self, carrier: Carrier, act: impl FnOnce(&mut Link)) {
        if let Some((_, link)) = self.links.iter_mut().find(|(number, _)| *number == carrier) {
            act(link);
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
            self.drained = true;
            return Poll::Ready(Event::End(code));
        }
        // 2. Room: carriers that nobody uses go, and what has grown large is sent before more is taken.
        if let Poll::Ready(event) = self.poll_surplus() {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_flush(cx, false) {
            return Poll::Ready(event);
        }
        // 3. Both sides in turns, so that neither starves the other.
        self.turn = !self.turn;
        for upstream_now in [self.turn, !self.turn] {
            let event = if upstream_now { self.upstream.poll(cx).map(Event::Upstream) } else { self.poll_links(cx) };
            if event.is_ready() {
                return event;
            }
        }
        // 4. Those who want to join.
        if let Poll::Ready(event) = self.poll_others(cx) {
            return Poll::Ready(event);
        }
        // 5. All that could be done is done: one flush for all that it gave to send.
        self.poll_flush(cx, true)
    }

    /// Cuts the oldest carrier that is being closed, if there are too many.
    fn poll_surplus(&mut self) -> Poll<Event> {
        if self.links.len() <= LINKS_MAX {
            return Poll::Pending;
        }
        let links = self.links.iter().enumerate();
        let oldest = links.min_by_key(|(_, (carrier, link))| (!link.is_closing(), carrier.0));
        let Some(index) = oldest.map(|(index, _)| index) else { return Poll::Pending };
        let (carrier, _) = self.links.swap_remove(index);
        Poll::Ready(Event::Link(carrier, carrier::Event::Closed(Ending::Cut)))
    }

    fn poll_links(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        for index in 0..self.links.len() {
            let Some((carrier, link)) = self.links.get_mut(index) else { continue };
            let carrier = *carrier;
            if let Poll::Ready(event) = link.poll_event(cx) {
                if matches!(event, carrier::Event::Closed(_)) {
                    let (_, link) = self.links.swap_remove(index);
                    self.ground.tasks.spawn(link.linger());
                }
                return Poll::Ready(Event::Link(carrier, event));
            }
        }
        Poll::Pending
    }

    /// Sends what is queued on those that have much, or on all. `Ready` if one was found broken by it.
    fn poll_flush(&mut self, cx: &mut Context<'_>, all: bool) -> Poll<Event> {
        for index in 0..self.links.len() {
            let Some((carrier, link)) = self.links.get_mut(index) else { continue };
            if (all || link.is_full()) && matches!(link.poll_flush(cx), Poll::Ready(Err(_))) {
                let carrier = *carrier;
                self.links.swap_remove(index);
                return Poll::Ready(Event::Link(carrier, carrier::Event::Closed(Ending::Cut)));
            }
        }
        Poll::Pending
    }

    /// What comes from elsewhere in this program.
    fn poll_others(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(Some(attach)) = self.inbox.resumes.poll_recv(cx) {
            return Poll::Ready(Event::Attach(attach));
        }
        if !self.evicted
            && let Poll::Ready(code) = Pin::new(&mut self.inbox.end).poll(cx)
        {
            self.evicted = true;
            return Poll::Ready(Event::End(code.unwrap_or(Code::Gone)));
        }
        Poll::Pending
    }

    fn handle(&mut self, event: Event) {
        let input = match event {
            Event::Timer => Input::Timer,
            Event::TooMuch => {
                let now = self.ground.clock.now();
                for (carrier, _) in self.links.drain(..) {
                    self.core.handle(Input::CarrierClosed(carrier, Ending::Cut), now);
                }
                return;
            }
            Event::End(code) => Input::End(code),
            Event::Attach(Attach { socket, resume }) => {
                let carrier = Carrier(self.next);
                self.next += 1;
                self.links.push((carrier, Link::new(socket)));
                Input::Resume(carrier, resume)
            }
            Event::Upstream(upstream::Event::Opened(candidate)) => Input::Opened(candidate),
            Event::Upstream(upstream::Event::Failed(candidate)) => Input::Failed(candidate),
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Read(piece))) => Input::Read(piece),
            Event::Upstream(upstream::Event::Tcp(tcp::Event::ReadEnd)) => Input::ReadEnd,
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Written(_))) => Input::Written,
            Event::Upstream(upstream::Event::Tcp(tcp::Event::Failed(_))) => Input::UpstreamFailed,
            Event::Link(carrier, carrier::Event::Data(piece)) => Input::Data(carrier, piece),
            Event::Link(carrier, carrier::Event::Text(text)) => {
                return self.core.handle(Input::Text(carrier, &text), self.ground.clock.now());
            }
            Event::Link(_, carrier::Event::Pong) => return,
            Event::Link(_, carrier::Event::TooLong) => Input::End(Code::TooBig),
            Event::Link(carrier, carrier::Event::Closed(ending)) => Input::CarrierClosed(carrier, ending),
        };
        self.core.handle(input, self.ground.clock.now());
    }
}
