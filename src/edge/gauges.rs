//! What this isolate carries at the moment and what each key had of it, as plain numbers.
//!
//! Numbers only: no address, no key but for the name that the operator gave it, no time of anybody's. `status` shows them.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use pasarela_core::{
    chunk::Moved,
    status::{Gauges, Own},
};

thread_local! {
    static PIPE: Cell<u32> = const { Cell::new(0) };
    static TUNNEL: Cell<u32> = const { Cell::new(0) };
    static WS_TCP: Cell<u32> = const { Cell::new(0) };
    static WS_WSS_STARTED: Cell<u64> = const { Cell::new(0) };
    /// What was carried without an object.
    static KEYS: Keys = const { Keys::new() };
}

/// Which gauge a stream counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gauge {
    Pipe,
    /// A tunnel without a session; the objects count those that have one.
    Tunnel,
    WsTcp,
}

/// Counts one stream for as long as it lives.
pub(crate) struct Counted {
    gauge: Gauge,
    part: Part,
}

impl Gauge {
    /// Counts a stream of the key with this name.
    pub(crate) fn count(self, key: &str) -> Counted {
        self.add(1);
        Counted { gauge: self, part: of(key).part() }
    }

    fn add(self, n: i32) {
        let cell = match self {
            Self::Pipe => &PIPE,
            Self::Tunnel => &TUNNEL,
            Self::WsTcp => &WS_TCP,
        };
        cell.with(|cell| cell.set(cell.get().saturating_add_signed(n)));
    }
}

impl Counted {
    /// So much went through it so far.
    pub(crate) fn moved(&self, moved: Moved) {
        self.part.moved(moved);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge.add(-1);
    }
}

/// What each key has and had, by its name; the operator gave so many.
pub(crate) struct Keys(RefCell<Vec<(String, Rc<Numbers>)>>);

/// What one key has and had.
#[derive(Default)]
pub(crate) struct Numbers(Cell<Own>);

/// One stream's part in the numbers of its key, for as long as it lives.
pub(crate) struct Part {
    numbers: Rc<Numbers>,
    moved: Cell<Moved>,
}

impl Keys {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The numbers of the key with this name.
    pub(crate) fn of(&self, name: &str) -> Rc<Numbers> {
        let mut known = self.0.borrow_mut();
        if let Some((_, numbers)) = known.iter().find(|(key, _)| key == name) {
            return Rc::clone(numbers);
        }
        let numbers = Rc::<Numbers>::default();
        known.push((name.to_owned(), Rc::clone(&numbers)));
        numbers
    }
}

/// What the key with this name has and had in this isolate without an object.
pub(crate) fn of(key: &str) -> Rc<Numbers> {
    KEYS.with(|keys| keys.of(key))
}

impl Numbers {
    pub(crate) fn get(&self) -> Own {
        self.0.get()
    }

    /// A client was refused.
    pub(crate) fn refused(&self) {
        self.change(|own| own.refused_total += 1);
    }

    /// Counts a stream.
    pub(crate) fn part(self: &Rc<Self>) -> Part {
        self.change(|own| own.streams += 1);
        Part { numbers: Rc::clone(self), moved: Cell::default() }
    }

    fn change(&self, change: impl FnOnce(&mut Own)) {
        let mut own = self.0.get();
        change(&mut own);
        self.0.set(own);
    }
}

impl Part {
    /// So much went through it so far.
    pub(crate) fn moved(&self, moved: Moved) {
        let before = self.moved.replace(moved);
        self.numbers.change(|own| {
            own.up_bytes_total += moved.up - before.up;
            own.down_bytes_total += moved.down - before.down;
        });
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.numbers.change(|own| own.streams = own.streams.saturating_sub(1));
    }
}

/// One more client was coupled to an upstream WebSocket; its end is never seen here.
pub(crate) fn wss_started() {
    WS_WSS_STARTED.with(|total| total.set(total.get() + 1));
}

/// All of them, as `status.json` shows them.
pub(crate) fn snapshot() -> Gauges {
    Gauges {
        scope: "isolate",
        pipe: PIPE.get(),
        tunnel: TUNNEL.get(),
        ws_tcp: WS_TCP.get(),
        ws_wss_started_total: WS_WSS_STARTED.get(),
    }
}
