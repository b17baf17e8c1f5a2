//! In the steady state a data message allocates nothing on its way through a relay, in either direction; an
//! acknowledgement, one for 64 KiB, may.

mod span;
mod opened;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use opened::{relay, step};
use pasarela_core::{
    config::Config,
    tunnel::relay::{FIRST, Input, Relay},
};
use span::Span;

/// The system's allocator, counting.
struct Counting;

std::thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // Not there any more while a thread ends.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed on as it is.
#[expect(unsafe_code, reason = "an allocator cannot be had without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MESSAGE: usize = 1 << 10;
const MESSAGES: u64 = 10_000;
/// Text of a message and what it is parsed to, or built from.
const FOR_AN_ACK: u64 = 4;

fn upload(relay: &mut Relay<'_, Span>) -> u64 {
    (0..MESSAGES).fold(0, |acks, _| {
        let (_, written, _) = step(relay, Input::Data(FIRST, Span { from: 4, len: MESSAGE }));
        assert_eq!(written, 1);
        acks + step(relay, Input::Written).2
    })
}

fn download(relay: &mut Relay<'_, Span>, from: u64) -> u64 {
    let mut acks = 0;
    for message in 0..MESSAGES {
        assert_eq!(step(relay, Input::Read(Span { from: 4, len: MESSAGE })).0, 1);
        let n = (from + message + 1) * MESSAGE as u64;
        if n.is_multiple_of(64 << 10) {
            let text = format!(r#"{{"ack":{{"n":{n}}}}}"#);
            step(relay, Input::Text(FIRST, &text));
            acks += 1;
        }
    }
    acks
}

fn allocations<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = ALLOCATIONS.get();
    let result = work();
    (ALLOCATIONS.get() - before, result)
}

#[test]
fn messages_allocate_nothing_and_acknowledgements_little() {
    let config = Config::from_vars(|_| None).unwrap();
    let mut relay = relay(&config);
    // The first round fills what is kept.
    upload(&mut relay);
    download(&mut relay, 0);
    let (up, acks_up) = allocations(|| upload(&mut relay));
    let (down, acks_down) = allocations(|| download(&mut relay, MESSAGES));
    println!("{MESSAGES} messages: up {up} allocations for {acks_up} acks, down {down} for {acks_down}");
    assert!(acks_up >= 39 && up <= FOR_AN_ACK * acks_up, "{up} allocations, {acks_up} acks");
    assert!(acks_down >= 150 && down <= FOR_AN_ACK * acks_down, "{down} allocations, {acks_down} acks");
}
