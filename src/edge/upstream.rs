//! The TCP connections of one stream: those being raced and the one that won.
//!
//! Which to open, use and close is the core's to say.

use std::cell::Cell;

use js_sys::{ArrayBuffer, Function, Object, Promise, Reflect, Uint8Array};
use pasarela_core::{config::Authority, dial::Candidate, route::Kind};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    bytes::Bytes,
    pace::Pace,
    platform::{self, Reader, Socket, Writer},
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

/// Every connection that is not closed yet.
#[derive(Default)]
pub(crate) struct Upstream {
    sockets: Vec<(Candidate, Socket)>,
    open: Option<(Reader, Writer)>,
    pace: Pace,
    /// Bytes that the read under way asked for.
    asked: u32,
    /// A buffer whose bytes nobody needs any more.
    spare: Option<ArrayBuffer>,
}

impl Upstream {
    /// Starts connecting; false if the platform refuses even to try.
    pub(crate) fn connect(
        &mut self,
        candidate: Candidate,
        to: &Authority,
        opened: &Function,
        failed: &Function,
    ) -> bool {
        let Ok(socket) = platform::open_socket(&to.to_string()) else { return false };
        platform::on_settled(socket.opened(), opened, failed);
        platform::ignore(socket.closed());
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
    pub(crate) fn read(&mut self, max: usize) -> Option<Promise> {
        let (reader, _) = self.open.as_ref()?;
        let size = self.pace.size().min(u32::try_from(max).unwrap_or(u32::MAX));
        self.asked = size;
        let fits = |buffer: &ArrayBuffer| buffer.byte_length() == size;
        let into = match self.spare.take().filter(fits) {
            Some(buffer) => Uint8Array::new(&buffer),
            None => Uint8Array::new_with_length(size),
        };
        Some(reader.read(&into))
    }

    /// The bytes that a read brought; none at the end.
    pub(crate) fn bytes_read(&mut self, result: JsValue) -> Option<Bytes> {
        let result: platform::ReadResult = result.unchecked_into();
        let bytes = if result.done() { None } else { result.value() }?;
        // A full read of less than the pace tells nothing.
        if bytes.length() < self.asked || self.asked == self.pace.size() {
            self.pace.brought(bytes.length());
        }
        Some(Bytes(bytes))
    }

    /// Nobody needs the bytes of this any more: the next read may fill it again.
    pub(crate) fn reuse(&mut self, bytes: &Bytes) {
        self.spare = Some(bytes.0.buffer());
    }

    pub(crate) fn write(&self, bytes: &Bytes) -> Option<Promise> {
        self.open.as_ref().map(|(_, writer)| writer.write(&bytes.0))
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
            close(&socket);
        }
    }

    /// Closes all of them, once what was written is sent: one that is merely dropped stays open.
    pub(crate) fn close_all(&mut self) {
        self.open = None;
        for (_, socket) in self.sockets.drain(..) {
            close(&socket);
        }
    }
}

fn close(socket: &Socket) {
    if let Ok(closed) = socket.close() {
        platform::ignore(closed);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.close_all();
    }
}
