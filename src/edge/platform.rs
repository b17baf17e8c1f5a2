//! The platform's objects as the relay uses them: sockets, WebSockets, byte streams and timers.
//!
//! Bindings only. The `worker` crate's own `Socket` and `WebSocket` are not used on the hot path: they read 4 KiB at a
//! time and copy every message through Wasm memory. Reference: developers.cloudflare.com/workers/runtime-apis.

use js_sys::{ArrayBuffer, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "cloudflare:sockets")]
extern "C" {
    /// Starts connecting to `host:port`; throws at once for an address that it will not try.
    #[wasm_bindgen(catch)]
    fn connect(address: &str, options: &ConnectOptions) -> Result<Socket, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = js_sys::Object)]
    type ConnectOptions;

    /// Whether we may go on writing after the other side has said all.
    #[wasm_bindgen(method, setter, js_name = allowHalfOpen)]
    fn set_allow_half_open(this: &ConnectOptions, allow: bool);
}

#[wasm_bindgen]
extern "C" {
    /// A TCP connection, perhaps still being established.
    #[derive(Debug, Clone)]
    pub(crate) type Socket;

    /// Resolves once connected.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn opened(this: &Socket) -> Promise;

    /// Settles at the end; it does not tell a reset from an end, reads and writes do.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn closed(this: &Socket) -> Promise;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &Socket) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn readable(this: &Socket) -> ByteStream;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn writable(this: &Socket) -> ByteSink;

    pub(crate) type ByteStream;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub(crate) fn get_reader(this: &ByteStream, options: &JsValue) -> Result<Reader, JsValue>;

    /// A reader that fills the buffer it is given ("bring your own buffer").
    pub(crate) type Reader;

    #[wasm_bindgen(method)]
    pub(crate) fn read(this: &Reader, into: &Uint8Array) -> Promise;

    /// What a read resolves with.
    pub(crate) type ReadResult;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn done(this: &ReadResult) -> bool;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn value(this: &ReadResult) -> Option<Uint8Array>;

    pub(crate) type ByteSink;

    #[wasm_bindgen(method, catch, js_name = getWriter)]
    pub(crate) fn get_writer(this: &ByteSink) -> Result<Writer, JsValue>;

    pub(crate) type Writer;

    /// Resolves when the connection has taken the bytes: the only backpressure there is.
    #[wasm_bindgen(method)]
    pub(crate) fn write(this: &Writer, bytes: &Uint8Array) -> Promise;

    /// Sends FIN behind what was written.
    #[wasm_bindgen(method, js_name = close)]
    pub(crate) fn finish(this: &Writer) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = js_sys::Object)]
    type Transferable;

    #[wasm_bindgen(method, catch)]
    fn transfer(this: &Transferable, length: u32) -> Result<JsValue, JsValue>;
}

/// Gives the buffer's memory back at once; it has no bytes from then on.
pub(crate) fn detach(buffer: &ArrayBuffer) {
    // One that cannot be is left to the garbage collector.
    drop(buffer.unchecked_ref::<Transferable>().transfer(0));
}

#[wasm_bindgen]
extern "C" {
    pub(crate) type WebSocketPair;

    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new() -> Result<WebSocketPair, JsValue>;

    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn get(this: &WebSocketPair, index: u32) -> ServerSocket;

    /// One end of a WebSocket, in the hands of the Worker.
    #[derive(Debug, Clone)]
    pub(crate) type ServerSocket;

    #[wasm_bindgen(method, setter, js_name = binaryType)]
    pub(crate) fn set_binary_type(this: &ServerSocket, kind: &str);

    #[wasm_bindgen(method, catch)]
    pub(crate) fn accept(this: &ServerSocket) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_name = addEventListener)]
    pub(crate) fn add_event_listener(this: &ServerSocket, kind: &str, listener: &Function);

    /// Queues a message; never waits.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn send(this: &ServerSocket, bytes: &Uint8Array) -> Result<(), JsValue>;

    /// Queues a text message; never waits.
    #[wasm_bindgen(method, catch, js_name = send)]
    pub(crate) fn send_text(this: &ServerSocket, text: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = close)]
    pub(crate) fn close(this: &ServerSocket, code: u16, reason: &str) -> Result<(), JsValue>;

    /// Bytes queued and not yet sent; absent before runtime 2026-11-17.
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    pub(crate) fn buffered_amount(this: &ServerSocket) -> Option<f64>;

    pub(crate) type MessageEvent;

    /// A string for a text message.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &MessageEvent) -> JsValue;

    /// A `close` event, or an `error` event, which has no code.
    pub(crate) type CloseEvent;

    /// 1006 if there was no close frame.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn code(this: &CloseEvent) -> Option<u16>;
}

#[wasm_bindgen]
extern "C" {
    /// The Durable Objects of one class.
    pub(crate) type Namespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub(crate) fn get_by_name(this: &Namespace, name: &str) -> Result<Stub, JsValue>;

    /// The way to one of them.
    pub(crate) type Stub;

    /// Sends it `request` under another URL.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn fetch(this: &Stub, url: &str, request: &web_sys::Request) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(into: &Uint8Array);
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(callback: &Function, millis: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);

    /// `then` with plain functions, so that one function serves every promise of a stream.
    #[wasm_bindgen(extends = js_sys::Object, js_name = Promise)]
    pub(crate) type Settling;

    #[wasm_bindgen(method)]
    pub(crate) fn then(this: &Settling, resolved: &Function, rejected: &Function) -> Settling;

    /// A `fetch` to another host.
    #[wasm_bindgen(js_name = fetch)]
    pub(crate) fn fetch_url(url: &str, init: &web_sys::RequestInit) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    /// The one function that every realm has and that does nothing; making one from text is forbidden here.
    #[wasm_bindgen(thread_local_v2, js_namespace = Function, js_name = prototype)]
    static IGNORE: Function;
}

/// Starts connecting. Each direction ends by itself; the connection ends when it is closed.
pub(crate) fn open_socket(address: &str) -> Result<Socket, JsValue> {
    let options: ConnectOptions = js_sys::Object::new().unchecked_into();
    options.set_allow_half_open(true);
    connect(address, &options)
}

/// Calls one of the two once the promise settles.
pub(crate) fn on_settled(promise: Promise, resolved: &Function, rejected: &Function) {
    JsValue::from(promise).unchecked_into::<Settling>().then(resolved, rejected);
}

/// Lets a promise settle unseen: without this its rejection would be reported as unhandled.
pub(crate) fn ignore(promise: Promise) {
    IGNORE.with(|ignore| on_settled(promise, ignore, ignore));
}

/// Random bytes from the platform's cryptographic generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let bytes = Uint8Array::new_with_length(u32::try_from(N).unwrap_or_default());
    get_random_values(&bytes);
    let mut random = [0; N];
    bytes.copy_to(&mut random);
    random
}

/// The bytes of a binary message's data; `None` for a text message's.
pub(crate) fn binary(data: &JsValue) -> Option<Uint8Array> {
    data.is_instance_of::<ArrayBuffer>().then(|| Uint8Array::new(data))
}
