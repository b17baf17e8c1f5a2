//! What this isolate carries at the moment, as plain numbers.
//!
//! Numbers only: no address, no key, no time of anybody's. `status` shows them.

use std::cell::Cell;

use pasarela_core::status::Gauges;

thread_local! {
    static PIPE: Cell<u32> = const { Cell::new(0) };
    static TUNNEL: Cell<u32> = const { Cell::new(0) };
    static WS_TCP: Cell<u32> = const { Cell::new(0) };
    static WS_WSS_STARTED: Cell<u64> = const { Cell::new(0) };
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
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Gauge {
    pub(crate) fn count(self) -> Counted {
        self.add(1);
        Counted(self)
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

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add(-1);
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
