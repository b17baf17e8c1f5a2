//! What a peer may send, as targets of fuzzing: each takes any bytes, gives them to our own code, and panics if something does
//! not hold.
//!
//! Two fuzzers use them. `seeded.rs` is a test: it mutates the corpora under a fixed seed, for seconds. `libfuzzer.rs` is
//! guided by what the bytes reach: `cargo xtask fuzz`, for minutes or nights.
//!
//! `corpus/NAME` is replayed first by both: `good-` must be read, `bad-` must not, the others need only do no harm. What
//! made a target fail goes there when it is repaired.

#![cfg(not(target_arch = "wasm32"))]

#[path = "../../src/core/tests/span.rs"]
mod span;

mod pieces;
mod noise;
mod stream;
mod transcript;
mod tunnel;
mod web;

/// One thing that bytes of a peer are given to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Also its folder in `corpus`.
    pub name: &'static str,
    /// Takes an input. Whether it was read; a panic if something does not hold.
    pub run: fn(&[u8]) -> bool,
}

/// All of them.
pub const TARGETS: [Target; 14] = [
    // Streams of bytes, before it is known what they are.
    Target { name: "sniff", run: stream::sniff },
    Target { name: "frames", run: stream::frames },
    // The tunnel.
    Target { name: "control", run: |bytes| tunnel::control(&text(bytes)) },
    Target { name: "upgrade", run: |bytes| tunnel::upgrade(&text(bytes)) },
    Target { name: "relay", run: |bytes| transcript::relay(&text(bytes)) },
    Target { name: "client", run: |bytes| transcript::client(&text(bytes)) },
    // HTTP and what is in front of it.
    Target { name: "request", run: web::request },
    Target { name: "answer", run: web::answer },
    Target { name: "websocket", run: web::websocket },
    Target { name: "link", run: |bytes| web::link(&text(bytes)) },
    Target { name: "dns", run: web::dns },
    Target { name: "status", run: |bytes| web::status(&text(bytes)) },
    // What somebody sends as a picture of a link's code.
    Target { name: "picture", run: web::picture },
    // The proof that it is WhatsApp who answers.
    Target { name: "noise", run: noise::reader },
];

/// A text message is text, and so are a header and a link: what carries them sees to it.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
