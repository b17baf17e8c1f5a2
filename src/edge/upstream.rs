//! The TCP connections of one stream: those being raced and the one that won.
//!
//! Which to open, use and close is the core's to say.

use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use pasarela_core::{config::Authority, dial::Candidate};
use wasm_bindgen::JsValue;

use crate::{
    bytes::Bytes,
    platform::{self, Reader, Socket, Writer},
};

/// Every connection that is not closed yet.
#[derive(Default)]
pub(crate) struct Upstream {
    sockets: Vec<(Candidate, Socket)>,
    open: Option<(Reader, Writer)>,
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
        let Ok(socket) = platform::connect(&to.to_string()) else { return false };
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

    /// Asks for bytes into `buffer`.
    pub(crate) fn read(&self, buffer: &Uint8Array) -> Option<Promise> {
        self.open.as_ref().map(|(reader, _)| reader.read(buffer))
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

/// Whether a promise's value says that the stream has ended, and the bytes if not.
pub(crate) fn bytes_read(result: JsValue) -> Option<Bytes> {
    let result: platform::ReadResult = wasm_bindgen::JsCast::unchecked_into(result);
    if result.done() { None } else { result.value().map(Bytes) }
}
