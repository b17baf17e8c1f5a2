//! One JavaScript function a stream: every event of its WebSocket, its sockets and its timers comes in through it, with a
//! number that tells which.
//!
//! No future and no task: events of one stream are handled in the order they come, and nothing of it is shared with
//! another, since the platform forbids using one request's objects from another. What an event means is `pipe`'s.
//!
//! A handler holds JavaScript objects that lead back to it, so no garbage collector ever frees it: a stream must end by
//! itself, within the time that the platform gives it.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::{Rc, Weak},
};

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// The number of the first event of every stream.
pub(crate) const START: u32 = 0;

/// Handles the events of one stream until it says that the stream is over.
pub(crate) trait Handler {
    /// Returns whether the stream goes on.
    fn event(&mut self, number: u32, value: JsValue) -> bool;
}

/// Gives out the functions that lead to a stream's handler.
#[derive(Clone)]
pub(crate) struct Events(Function);

impl Events {
    /// The function to be called when the event with this number happens.
    pub(crate) fn listener(&self, number: u32) -> Function {
        self.0.bind1(&JsValue::NULL, &number.into()).unchecked_into()
    }
}

struct Stream<H> {
    handler: RefCell<Option<H>>,
    inbox: RefCell<VecDeque<(u32, JsValue)>>,
    /// Settles the promise that tells the platform that this stream is still at work.
    over: RefCell<Option<Function>>,
}

/// Starts a stream: `make` gets the events to listen to and returns the handler. The promise resolves at its end.
pub(crate) fn start<H: Handler + 'static>(make: impl FnOnce(Events) -> H) -> Promise {
    let stream = Rc::new(Stream { handler: RefCell::new(None), inbox: RefCell::default(), over: RefCell::new(None) });
    let entry = {
        let stream = Rc::clone(&stream);
        Closure::<dyn Fn(u32, JsValue)>::new(move |number, value| stream.dispatch(number, value))
    };
    // Owned by the runtime's garbage collector: promises and listeners may call it after the stream's end.
    let entry: Function = entry.into_js_value().unchecked_into();
    let weak: Weak<_> = Rc::downgrade(&stream);
    let promise = Promise::new(&mut |resolve, _| {
        if let Some(stream) = weak.upgrade() {
            stream.over.replace(Some(resolve));
        }
    });
    let handler = make(Events(entry));
    stream.handler.replace(Some(handler));
    stream.dispatch(START, JsValue::UNDEFINED);
    promise
}

impl<H: Handler> Stream<H> {
    fn dispatch(&self, number: u32, value: JsValue) {
        self.inbox.borrow_mut().push_back((number, value));
        self.run();
    }

    /// Hands events over one by one. An event that comes while one is being handled waits for its turn.
    fn run(&self) {
        let Ok(mut handler) = self.handler.try_borrow_mut() else { return };
        while let Some((number, value)) = self.next() {
            let goes_on = handler.as_mut().is_some_and(|handler| handler.event(number, value));
            if !goes_on {
                handler.take();
                if let Some(over) = self.over.take() {
                    // The promise's own function: it cannot throw.
                    let _ = over.call0(&JsValue::NULL);
                }
            }
        }
    }

    fn next(&self) -> Option<(u32, JsValue)> {
        self.inbox.borrow_mut().pop_front()
    }
}
