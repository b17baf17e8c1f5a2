//! One JavaScript function a stream: every event of its WebSocket, its sockets and its timers comes in through it, with a
//! number that tells which.
//!
//! No future and no task: events of one stream are handled in the order they come. Nothing of it is shared with another,
//! since the platform forbids using one request's objects from another; in a Durable Object alone, a later request may tell
//! it something. What an event means is `pipe`'s or `tunnel`'s.
//!
//! A handler holds JavaScript objects that lead back to it, so no garbage collector ever frees it: a stream must end by
//! itself, within the time that the platform gives it.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::{Function, Promise, Set};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::trap;

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
    /// Settles the promise that tells the platform that this stream is still at work.
    over: RefCell<Option<Function>>,
}

enum Happening<N> {
    Event(u32, JsValue),
    Note(N),
}

/// Starts a stream: `make` gets the events to listen to and returns the handler. The promise resolves at its end.
pub(crate) fn start<H: Handler + 'static>(make: impl FnOnce(Events, &Rc<Stream<H>>) -> H) -> Promise {
    let stream = Rc::new(Stream { handler: RefCell::new(None), inbox: RefCell::default(), over: RefCell::new(None) });
    let entry = {
        let stream = Rc::clone(&stream);
        Closure::<dyn Fn(u32, JsValue)>::new(move |number, value| stream.dispatch(Happening::Event(number, value)))
    };
    let mut over = None;
    let promise = Promise::new(&mut |resolve, _| over = Some(resolve));
    let sockets = Set::new(&JsValue::UNDEFINED);
    // Owned by the runtime's garbage collector: promises and listeners may call it after the stream's end.
    let entry = trap::guard(entry.into_js_value(), &sockets, over.as_ref());
    stream.over.replace(over);
    let handler = make(Events { entry, sockets }, &stream);
    stream.handler.replace(Some(handler));
    stream.dispatch(Happening::Event(START, JsValue::UNDEFINED));
    promise
}

impl<H: Handler> Stream<H> {
    /// Tells the handler something, now or behind what it is doing.
    pub(crate) fn tell(&self, note: H::Note) {
        self.dispatch(Happening::Note(note));
    }

    fn dispatch(&self, happening: Happening<H::Note>) {
        #[cfg(feature = "instrumented")]
        if let Happening::Event(_, value) = &happening {
            crate::instrument::panic_if_told(value);
        }
        self.inbox.borrow_mut().push_back(happening);
        self.run();
    }

    /// Hands events over one by one. An event that comes while one is being handled waits for its turn.
    fn run(&self) {
        let Ok(mut handler) = self.handler.try_borrow_mut() else { return };
        while let Some(happening) = self.next() {
            let goes_on = handler.as_mut().is_some_and(|handler| match happening {
                Happening::Event(number, value) => handler.event(number, value),
                Happening::Note(note) => handler.note(note),
            });
            if !goes_on {
                handler.take();
                if let Some(over) = self.over.take() {
                    // The promise's own function: it cannot throw.
                    let _ = over.call0(&JsValue::NULL);
                }
            }
        }
    }

    fn next(&self) -> Option<Happening<H::Note>> {
        self.inbox.borrow_mut().pop_front()
    }
}
