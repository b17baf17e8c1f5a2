//! One JavaScript function a stream: every event of its WebSocket, its sockets and its timers comes in through it, with a
//! number that tells which.
//!
//! No future and no task: events of one stream are handled in the order they come. Nothing of it is shared with another,
//! since the platform forbids using one request's objects from another; in a Durable Object alone, a later request may tell
//! it something. What an event means is `pipe`'s or `tunnel`'s.
//!
//! A handler holds JavaScript objects that lead back to it, so no garbage collector ever frees it: a stream must end by
//! itself, within the time that the platform gives it.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::{Rc, Weak},
};

use js_sys::{Function, Promise, Set};
use pasarela_core::{
    ledger::{Ledger, Place},
    limits,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::{alarm::now, pace, trap};

/// The number of the first event of every stream.
pub(crate) const START: u32 = 0;

/// Handles the events of one stream until it says that the stream is over.
pub(crate) trait Handler {
    /// What else may happen to the stream, told by our own code.
    type Note;

    /// Returns whether the stream goes on.
    fn event(&mut self, number: u32, value: JsValue) -> bool;

    /// Returns whether the stream goes on.
    fn note(&mut self, note: Self::Note) -> bool;

    /// Bytes that wait for somebody who does not take them.
    fn held(&self) -> usize;

    /// Ends the stream because that is too much: lets go of them at once, and tells the sockets at the next event.
    fn shed(&mut self);

    /// Bytes that the runtime still holds for its client now that the stream is over.
    fn unsent(&mut self) -> usize;
}

/// Whatever kind of stream it is.
trait Shed {
    fn shed(&self);
}

/// Streams by their place, while they have it.
type ByPlace = Vec<Option<Weak<dyn Shed>>>;

thread_local! {
    /// What all streams of this isolate hold, those of its objects included, and the streams by their place.
    static LEDGER: RefCell<(Ledger, ByPlace)> =
        const { RefCell::new((Ledger::new(limits::ISOLATE_HELD), Vec::new())) };
}

/// What one stream may make the runtime hold for a client that does not read: a part of what is left to all, in bytes. What the
/// runtime holds nobody takes back.
pub(crate) fn backlog_allowed() -> u32 {
    /// Streams that have as much leave something to those that follow.
    const SHARE: usize = 8;
    let left = LEDGER.with_borrow(|(ledger, _)| ledger.left());
    let left = left.saturating_sub(limits::ISOLATE_HELD - limits::DOWNLOAD_BACKLOGS + pace::asked());
    u32::try_from(left / SHARE).unwrap_or(u32::MAX).min(limits::DOWNLOAD_BACKLOG)
}

/// Bytes that the runtime holds for a client to which so many wait to be sent: the message that is being sent it has twice, once
/// with its header in front.
pub(crate) fn held_by_runtime(backlog: f64) -> usize {
    (backlog + backlog.min(pace::MAX.into())) as usize
}

/// Counts no more what has been counted for long enough. The clock is JavaScript's, and asking for it is not for nothing.
fn forget(ledger: &mut Ledger) {
    if ledger.remembers() {
        ledger.forget(now());
    }
}

/// A stream's place in the ledger, for as long as it lives, and as long as what the runtime then holds is counted.
struct Share {
    place: Place,
    /// So much that is, in bytes.
    unsent: usize,
}

impl Share {
    fn enter(owner: &str, stream: Weak<dyn Shed>) -> Self {
        LEDGER.with_borrow_mut(|(ledger, streams)| {
            forget(ledger);
            let place = ledger.enter(owner);
            match streams.get_mut(place.index()) {
                Some(known) => *known = Some(stream),
                None => streams.push(Some(stream)),
            }
            Self { place, unsent: 0 }
        })
    }

    /// The stream holds so many bytes now. If it has to end for that, says so; others that have to, it ends.
    fn is_too_much(&self, bytes: usize) -> bool {
        LEDGER.with_borrow_mut(|(ledger, _)| {
            forget(ledger);
            ledger.holds(self.place, bytes);
        });
        let mut own = false;
        while let Some((place, stream)) = LEDGER.with_borrow_mut(|(ledger, streams)| {
            let place = ledger.excess()?;
            Some((place, streams.get(place.index()).cloned().flatten()))
        }) {
            own |= place == self.place;
            if let Some(stream) = stream.filter(|_| place != self.place).and_then(|stream| stream.upgrade()) {
                stream.shed();
            }
        }
        own
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        LEDGER.with_borrow_mut(|(ledger, streams)| {
            match self.unsent {
                0 => ledger.leave(self.place),
                unsent => ledger.is_over(self.place, unsent, now() + limits::UNSENT),
            }
            // Even a weak reference would hold its memory.
            streams.get_mut(self.place.index()).map(Option::take);
        });
    }
}

/// Gives out the functions that lead to a stream's handler, and knows its sockets in case that it is cut off from them.
#[derive(Clone)]
pub(crate) struct Events {
    entry: Function,
    sockets: Set,
}

impl Events {
    /// The function to be called when the event with this number happens.
    pub(crate) fn listener(&self, number: u32) -> Function {
        self.entry.bind1(&JsValue::NULL, &number.into()).unchecked_into()
    }

    /// The stream has this WebSocket or TCP connection, which is to be closed should the Wasm trap.
    pub(crate) fn hold(&self, socket: &JsValue) {
        self.sockets.add(socket);
    }

    /// The stream has closed it.
    pub(crate) fn release(&self, socket: &JsValue) {
        self.sockets.delete(socket);
    }
}

/// A stream under way.
pub(crate) struct Stream<H: Handler> {
    handler: RefCell<Option<H>>,
    inbox: RefCell<VecDeque<Happening<H::Note>>>,
    /// Until it is over: what leads here is collected later.
    share: RefCell<Option<Share>>,
    /// Settles the promise that tells the platform that this stream is still at work.
    over: RefCell<Option<Function>>,
}

enum Happening<N> {
    Event(u32, JsValue),
    Note(N),
}

/// Starts a stream of this owner: `make` gets the events to listen to and returns the handler. The promise resolves at its end.
pub(crate) fn start<H: Handler + 'static>(owner: &str, make: impl FnOnce(Events, &Rc<Stream<H>>) -> H) -> Promise {
    let stream = Rc::new(Stream {
        handler: RefCell::new(None),
        inbox: RefCell::default(),
        share: RefCell::default(),
        over: RefCell::new(None),
    });
    let this: Weak<dyn Shed> = Rc::downgrade(&stream) as _;
    stream.share.replace(Some(Share::enter(owner, this)));
    let entry = {
        let stream = Rc::clone(&stream);
        Closure::<dyn Fn(u32, JsValue) -> bool>::new(move |number, value| {
            stream.dispatch(Happening::Event(number, value))
        })
    };
    let mut over = None;
    let promise = Promise::new(&mut |resolve, _| over = Some(resolve));
    let sockets = Set::new(&JsValue::UNDEFINED);
    // Owned by the runtime's garbage collector: promises and listeners may call it after the stream's end.
    let entry = trap::guard(entry.into_js_value(), &sockets, over.as_ref());
    stream.over.replace(over);
    let handler = make(Events { entry, sockets }, &stream);
    stream.handler.replace(Some(handler));
    // Whether it goes on is told with the next event.
    stream.dispatch(Happening::Event(START, JsValue::UNDEFINED));
    promise
}

impl<H: Handler> Shed for Stream<H> {
    fn shed(&self) {
        // Not the one whose turn it is: that would have been told by itself.
        if let Ok(mut handler) = self.handler.try_borrow_mut()
            && let Some(handler) = handler.as_mut()
        {
            handler.shed();
        }
    }
}

impl<H: Handler> Stream<H> {
    /// Tells the handler something, now or behind what it is doing.
    pub(crate) fn tell(&self, note: H::Note) {
        self.dispatch(Happening::Note(note));
    }

    /// Returns whether the stream goes on.
    fn dispatch(&self, happening: Happening<H::Note>) -> bool {
        #[cfg(feature = "instrumented")]
        if let Happening::Event(_, value) = &happening {
            crate::instrument::panic_if_told(value);
        }
        self.inbox.borrow_mut().push_back(happening);
        self.run()
    }

    /// Hands events over one by one. An event that comes while one is being handled waits for its turn.
    fn run(&self) -> bool {
        let Ok(mut handler) = self.handler.try_borrow_mut() else { return true };
        while let Some(happening) = self.next() {
            let goes_on = handler.as_mut().is_some_and(|handler| {
                let goes_on = match happening {
                    Happening::Event(number, value) => handler.event(number, value),
                    Happening::Note(note) => handler.note(note),
                };
                if goes_on && self.share.borrow().as_ref().is_some_and(|share| share.is_too_much(handler.held())) {
                    handler.shed();
                    return handler.event(START, JsValue::UNDEFINED);
                }
                goes_on
            });
            if !goes_on {
                let unsent = handler.take().map_or(0, |mut handler| handler.unsent());
                if let Some(mut share) = self.share.take() {
                    share.unsent = unsent;
                }
                if let Some(over) = self.over.take() {
                    // The promise's own function: it cannot throw.
                    let _ = over.call0(&JsValue::NULL);
                }
            }
        }
        handler.is_some()
    }

    fn next(&self) -> Option<Happening<H::Note>> {
        self.inbox.borrow_mut().pop_front()
    }
}
