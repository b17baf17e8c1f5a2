//! The TCP connections of one stream: those being raced and the one that won.
//!
//! Which to open, use and close is the core's to say.

use std::cell::Cell;

use js_sys::{Function, Object, Reflect, Uint8Array};
use pasarela_core::{chunk::Chunk, config::Authority, dial::Candidate, route::Kind};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    bytes::Bytes,
    pace::{Asked, Pace},
    platform::{self, Reader, Socket, Writer},
    stream::Events,
};

thread_local! {
    /// The chat candidate that won last: a plain value, which connections may share.
    static CHAT_WINNER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The candidate to try first.
pub(crate) fn preferred(kind: Kind) -> Option<Candidate> {
    match kind {
        Kind::Chat => CHAT_WINNER.get().map(Candidate),
        Kind::Tls => None,
    }
}

/// Which candidate won.
pub(crate) fn remember(kind: Kind, Candidate(winner): Candidate) {
    match kind {
        Kind::Chat => CHAT_WINNER.set(Some(winner)),
        Kind::Tls => {}
    }
}

/// Numbers of an upstream's events; those of candidates follow in pairs, up to `END`.
mod number {
    pub(super) const READ: u32 = super::FIRST;
    pub(super) const READ_FAILED: u32 = READ + 1;
    pub(super) const WRITTEN: u32 = READ + 2;
    pub(super) const WRITE_FAILED: u32 = READ + 3;
    pub(super) const CANDIDATES: u32 = READ + 4;
}

/// Numbers from here to `END` are an upstream's; a driver numbers its own events outside of them.
pub(crate) const FIRST: u32 = 16;
pub(crate) const END: u32 = 1 << 16;

/// What happened to an upstream.
pub(crate) enum Event {
    Opened(Candidate),
    Failed(Candidate),
    Read(Bytes),
    /// It has said all.
    End,
    Broken,
    Written,
}

/// Every connection that is not closed yet.
pub(crate) struct Upstream {
    sockets: Vec<(Candidate, Socket)>,
    open: Option<(Reader, Writer)>,
    pace: Pace,
    /// The read under way: it will tell how the connection ended, behind what is still to be read.
    reading: Option<Asked>,
    /// What is being written.
    writing: Option<Bytes>,
    write_failed: bool,
    listeners: Listeners,
}

struct Listeners {
    events: Events,
    read: Function,
    read_failed: Function,
    written: Function,
    write_failed: Function,
}

impl Upstream {
    /// None yet; what happens comes in through `events`.
    pub(crate) fn new(events: &Events) -> Self {
        Self {
            sockets: Vec::new(),
            open: None,
            pace: Pace::default(),
            writing: None,
            reading: None,
            write_failed: false,
            listeners: Listeners {
                read: events.listener(number::READ),
                read_failed: events.listener(number::READ_FAILED),
                written: events.listener(number::WRITTEN),
                write_failed: events.listener(number::WRITE_FAILED),
                events: events.clone(),
            },
        }
    }

    /// What the event of this number is.
    pub(crate) fn event(&mut self, number: u32, value: JsValue) -> Option<Event> {
        match number {
            number::READ => Some(self.bytes_read(value).map_or(Event::End, Event::Read)),
            number::READ_FAILED => {
                self.reading = None;
                Some(Event::Broken)
            }
            number::WRITTEN => {
                if let Some(written) = self.writing.take() {
                    written.discard();
                }
                Some(Event::Written)
            }
            // The read tells how the connection ended.
            number::WRITE_FAILED => {
                self.write_failed = true;
                None
            }
            _ => {
                let offset = number.checked_sub(number::CANDIDATES)?;
                let candidate = Candidate((offset / 2) as usize);
                if offset % 2 == 0 {
                    return Some(Event::Opened(candidate));
                }
                self.close(candidate);
                Some(Event::Failed(candidate))
            }
        }
    }

    /// Whether a write failed and no read is left to tell it.
    pub(crate) const fn is_broken(&self) -> bool {
        self.write_failed && self.reading.is_none()
    }

    /// Connections that are being established.
    pub(crate) fn dialling(&self) -> usize {
        if self.open.is_some() { 0 } else { self.sockets.len() }
    }

    /// Starts connecting; false if the platform refuses even to try.
    pub(crate) fn connect(&mut self, candidate: Candidate, to: &Authority) -> bool {
        let Ok(socket) = platform::open_socket(&to.to_string()) else { return false };
        let number = number::CANDIDATES + 2 * u32::try_from(candidate.0).unwrap_or_default();
        let events = &self.listeners.events;
        platform::on_settled(socket.opened(), &events.listener(number), &events.listener(number + 1));
        platform::ignore(socket.closed());
        events.hold(&socket);
        self.sockets.push((candidate, socket));
        true
    }

    /// Takes the winner into use; false if it has no streams to give.
    pub(crate) fn take(&mut self, winner: Candidate) -> bool {
        self.open = self.sockets.iter().find(|(candidate, _)| *candidate == winner).and_then(|(_, socket)| {
            let options = Object::new();
            Reflect::set(&options, &"mode".into(), &"byob".into()).ok()?;
            Some((socket.readable().get_reader(&options).ok()?, socket.writable().get_writer().ok()?))
        });
        self.open.is_some()
    }

    /// Asks for at most `max` bytes, and no more than the pace of this stream suggests.
    pub(crate) fn read(&mut self, max: usize) {
        let size = self.pace.size().min(u32::try_from(max).unwrap_or(u32::MAX));
        let Some((reader, _)) = &self.open else { return };
        let into = Uint8Array::new_with_length(size);
        platform::on_settled(reader.read(&into), &self.listeners.read, &self.listeners.read_failed);
        self.reading = Some(Asked::new(size));
    }

    /// The bytes that a read brought; none at the end.
    fn bytes_read(&mut self, result: JsValue) -> Option<Bytes> {
        let asked = self.reading.take().map_or(0, |reading| reading.size());
        let result: platform::ReadResult = result.unchecked_into();
        let bytes = if result.done() { None } else { result.value() }?;
        // A full read of less than the pace tells nothing.
        if bytes.length() < asked || asked == self.pace.size() {
            self.pace.brought(bytes.length());
        }
        Some(Bytes(bytes))
    }

    pub(crate) fn write(&mut self, bytes: Bytes) {
        if let Some((_, writer)) = &self.open {
            platform::on_settled(writer.write(&bytes.0), &self.listeners.written, &self.listeners.write_failed);
            self.writing = Some(bytes);
        }
    }

    /// Sends FIN behind what was written.
    pub(crate) fn finish(&self) {
        if let Some((_, writer)) = &self.open {
            platform::ignore(writer.finish());
        }
    }

    /// Closes one connection.
    pub(crate) fn close(&mut self, loser: Candidate) {
        for (_, socket) in self.sockets.extract_if(.., |(candidate, _)| *candidate == loser) {
            close(&socket, &self.listeners.events);
        }
    }

    /// Closes all of them, once what was written is sent: one that is merely dropped stays open.
    pub(crate) fn close_all(&mut self) {
        self.open = None;
        for (_, socket) in self.sockets.drain(..) {
            close(&socket, &self.listeners.events);
        }
    }
}

fn close(socket: &Socket, events: &Events) {
    events.release(socket);
    if let Ok(closed) = socket.close() {
        platform::ignore(closed);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.close_all();
    }
}
