//! Drives the core's client: carries out what it commands, tells it what happens, one event at a time.
//!
//! It decides nothing. No event waits for another: what is to be sent is queued, and everything is polled in one task.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pasarela_core::{
    chunk::Chunk,
    codes::Code,
    tunnel::{
        Carrier, Ending,
        client::{Client, Input, Output},
    },
};
use tokio::io::{AsyncRead, AsyncWrite, Empty};
use tokio_util::task::TaskTracker;

use super::{
    super::{
        carrier,
        chunk::Piece,
        clock::{Alarm, Clock},
        tcp::{self, Tcp},
    },
    carriers::{Carriers, Event as CarrierEvent},
    error::Error,
    handle::{Owner, Status},
    options::Options,
};
use crate::trouble::Trouble;

enum Event {
    Carrier(CarrierEvent),
    Tcp(tcp::Event),
    Timer,
    Rotate,
}

/// What became of a drain of the core.
enum Drained {
    Wait,
    Done,
    /// The stream failed; the core may still have to tell the relay.
    Failed(Error),
}

pub(super) struct Engine {
    clock: Clock,
    alarm: Alarm,
    core: Client<Piece>,
    carriers: Carriers,
    /// Those that the core closed before they were open.
    dropped: VecDeque<Carrier>,
    refused: Option<Error>,
    /// How long the relay may take to answer a close.
    patience: Duration,
    owner: Option<Owner>,
    status: Status,
    /// The core's current commands were caused by a timeout.
    late: bool,
    turn: bool,
}

impl Engine {
    pub(super) fn new(options: Options, owner: Owner, tasks: TaskTracker) -> Self {
        let clock = Clock::start();
        let patience = options.timing.pong;
        Self {
            clock,
            alarm: Alarm::new(clock),
            core: Client::new(options.core(), clock.now()),
            carriers: Carriers::new(Arc::new(options), tasks),
            dropped: VecDeque::new(),
            refused: None,
            patience,
            owner: Some(owner),
            status: Status::default(),
            late: false,
            turn: false,
        }
    }

    /// Carries the stream to its end, and gives what was carried.
    pub(super) async fn run<S>(&mut self, local: &mut Tcp<S>) -> Result<Status, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let result = self.carry(local).await;
        self.show();
        // What is left to do concerns nobody who watches.
        self.owner = None;
        self.status.attached = false;
        result.map(|()| self.status)
    }

    async fn carry<S>(&mut self, local: &mut Tcp<S>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match self.drain(Some(local)) {
                Drained::Wait => {}
                Drained::Done => break,
                Drained::Failed(error) => return Err(error),
            }
            let event = poll_fn(|cx| self.poll_event(cx, Some(local))).await;
            if let Some(error) = self.handle(event) {
                // What it has to say about that is said by `settle`.
                return Err(Error::Local(error));
            }
        }
        poll_fn(|cx| local.poll_finished(cx)).await;
        Ok(())
    }

    /// Tells the relay what it must know, when the local side is gone already; it may take several attempts.
    pub(super) async fn settle(mut self) {
        // It is still there if `run` was dropped.
        self.owner = None;
        loop {
            match self.drain(None::<&mut Tcp<Empty>>) {
                Drained::Wait => {
                    let event = poll_fn(|cx| self.poll_event(cx, None::<&mut Tcp<Empty>>)).await;
                    self.handle(event);
                }
                Drained::Failed(_) => {}
                Drained::Done => return self.carriers.release(),
            }
        }
    }

    /// The local side is lost.
    pub(super) fn abandon(&mut self) {
        self.core.handle(Input::TcpFailed, self.clock.now());
    }

    fn drain<S>(&mut self, mut local: Option<&mut Tcp<S>>) -> Drained
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match self.core.poll() {
                Output::Dial(carrier) => {
                    self.status.dialled += 1;
                    self.carriers.dial(carrier);
                }
                Output::Upgrade(carrier, protocols) => self.carriers.upgrade(carrier, protocols),
                Output::Send(carrier, piece) => self.on(carrier, |link| link.send(piece)),
                Output::Control(carrier, control) => self.on(carrier, |link| link.control(&control)),
                Output::Ping(carrier) => self.on(carrier, carrier::Link::ping),
                Output::Close(carrier, code) => self.close(carrier, code),
                Output::Connected => {
                    self.status.connected = true;
                    self.carriers.connected();
                    // Who gets the first bytes may look at once whether WhatsApp is reached.
                    self.show();
                }
                Output::Frozen => self.carriers.freezes(),
                Output::Read(max) => local.iter_mut().for_each(|local| local.read(max)),
                Output::Write(piece) => {
                    if let Some(local) = &mut local {
                        local.write(piece);
                    }
                }
                Output::Finish => local.iter_mut().for_each(|local| local.finish()),
                Output::Abort(code) => {
                    // Without a carrier it was given up for the trouble that is known.
                    if !self.status.connected && self.status.carriers > 0 && self.refused.is_none() {
                        self.status.trouble = Some(Trouble::Stream(code));
                    }
                    return Drained::Failed(self.refused.take().unwrap_or(Error::Reset(code)));
                }
                Output::Wait(at) => {
                    self.alarm.set(self.clock, at);
                    return Drained::Wait;
                }
                Output::Done => return Drained::Done,
            }
        }
    }

    fn on(&mut self, carrier: Carrier, act: impl FnOnce(&mut carrier::Link)) {
        if let Some(link) = self.carriers.link(carrier) {
            act(link);
        }
    }

    fn close(&mut self, carrier: Carrier, code: Code) {
        let patience = self.patience;
        if self.carriers.drop_attempt(carrier, self.late) {
            self.dropped.push_back(carrier);
            self.status.trouble = self.carriers.take_trouble().or(self.status.trouble);
        } else {
            self.on(carrier, |link| link.close(code, patience));
        }
    }

    fn poll_event<S>(&mut self, cx: &mut Context<'_>, mut local: Option<&mut Tcp<S>>) -> Poll<Event>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // 1. What is known already, and the time, come before what is carried.
        if let Some(carrier) = self.dropped.pop_front() {
            let closed = carrier::Event::Closed(Ending::Cut);
            return Poll::Ready(Event::Carrier(CarrierEvent::Link(carrier, closed)));
        }
        if self.alarm.poll(cx).is_ready() {
            return Poll::Ready(Event::Timer);
        }
        // 2. What has grown large is sent before more is taken.
        if let Poll::Ready(broken) = self.carriers.poll_flush(cx, false) {
            return Poll::Ready(Event::Carrier(broken));
        }
        // 3. Both sides in turns, so that neither starves the other.
        self.turn = !self.turn;
        for local_now in [self.turn, !self.turn] {
            let event = match &mut local {
                Some(local) if local_now => local.poll(cx).map(Event::Tcp),
                None if local_now => Poll::Pending,
                Some(_) | None => self.carriers.poll(cx).map(Event::Carrier),
            };
            if event.is_ready() {
                return event;
            }
        }
        // 4. What the owner asks for.
        if let Some(owner) = &mut self.owner
            && matches!(owner.rotate.poll_recv(cx), Poll::Ready(Some(())))
        {
            return Poll::Ready(Event::Rotate);
        }
        self.show();
        // 5. All that could be done is done: one flush for all that it gave to send.
        self.carriers.poll_flush(cx, true).map(Event::Carrier)
    }

    /// Tells the core; gives the error if the local side failed.
    fn handle(&mut self, event: Event) -> Option<std::io::Error> {
        let now = self.clock.now();
        let mut failed = None;
        self.late = matches!(event, Event::Timer);
        self.status.trouble = self.carriers.take_trouble().or(self.status.trouble);
        if self.carriers.take_short_heads() {
            self.core.handle(Input::ShortHeads, now);
        }
        let input = match event {
            Event::Timer => Input::Timer,
            Event::Rotate => Input::Rotate,
            Event::Tcp(tcp::Event::Read(piece)) => {
                self.status.sent += piece.len() as u64;
                Input::Read(piece)
            }
            Event::Tcp(tcp::Event::ReadEnd) => Input::ReadEnd,
            Event::Tcp(tcp::Event::Written(len)) => {
                self.status.received += len;
                Input::Written
            }
            Event::Tcp(tcp::Event::Failed(error)) => {
                failed = Some(error);
                Input::TcpFailed
            }
            Event::Carrier(CarrierEvent::Dialled(carrier)) => Input::Dialled(carrier),
            Event::Carrier(CarrierEvent::Upgraded(carrier)) => {
                self.status.carriers += 1;
                Input::Upgraded(carrier)
            }
            Event::Carrier(CarrierEvent::Moved(carrier)) => Input::Moved(carrier),
            Event::Carrier(CarrierEvent::Refused(error)) => {
                self.refused = Some(error);
                Input::End(Code::Gone)
            }
            Event::Carrier(CarrierEvent::Link(carrier, event)) => {
                self.handle_link(carrier, event);
                return None;
            }
        };
        self.core.handle(input, now);
        failed
    }

    fn handle_link(&mut self, carrier: Carrier, event: carrier::Event) {
        let now = self.clock.now();
        match event {
            carrier::Event::Data(piece) => self.core.handle(Input::Data(carrier, piece), now),
            carrier::Event::Text(text) => {
                self.core.handle(Input::Text(carrier, &text), now);
            }
            carrier::Event::Pong => self.core.handle(Input::Pong(carrier), now),
            carrier::Event::TooLong => self.core.handle(Input::CarrierClosed(carrier, Ending::Cut), now),
            carrier::Event::Closed(ending) => self.core.handle(Input::CarrierClosed(carrier, ending), now),
        }
    }

    /// Lets those who watch see what changed.
    fn show(&mut self) {
        self.status.attached = self.carriers.any_open();
        self.status.held = self.core.held();
        if let Some(owner) = &self.owner {
            owner.status.send_if_modified(|shown| std::mem::replace(shown, self.status) != self.status);
        }
    }
}
