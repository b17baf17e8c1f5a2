//! What a server of so much memory may have at once.
//!
//! It bounds nothing itself: those who hold something ask it how much.

use pasarela_core::limits;

/// What there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Streams; a further one is closed with `busy`. Each takes two file descriptors, one to the client and one to WhatsApp.
    pub streams: usize,
    /// Connections that have not shown a key; who has been silent for longest makes room for a further one. Raw ports have half
    /// as many of their own.
    pub strangers: usize,
    /// What such connections have said together of requests that are not whole, in bytes. When it is too much, the one that said
    /// most is cut. It is kept in buffers of up to twice the size.
    pub heads: usize,
    /// Windows that all tunnels have together, in bytes. It is reserved, and used when clients read slowly.
    pub windows: usize,
    /// What all WebSockets and raw ports hold together beyond that, in bytes: messages that are not whole, and what the other
    /// side does not take. When it is too much, the stream that holds most ends.
    pub waiting: usize,
}

impl Room {
    /// The least memory that it can be told to live in, in bytes.
    pub const LEAST: usize = 64 << 20;

    /// The memory that is enough if nobody says how much there is, in bytes.
    pub const USUAL: usize = 512 << 20;

    /// The program itself and the buffers that all streams share, in bytes.
    const PROGRAM: usize = 24 << 20;

    /// Memory of a stream of which nothing waits, with TLS and both sockets, in bytes. What waits is told in steps of 16 KiB, and
    /// may so be more by a step for each: of all memory, three sixteenths are in no other part.
    const STREAM: usize = 24 << 10;

    /// For a program that takes no more memory than this, in bytes, whatever its clients do. What the kernel holds for their
    /// sockets is not in it.
    #[must_use]
    pub const fn within(memory: usize) -> Self {
        let left = memory.saturating_sub(Self::PROGRAM);
        let streams = left / 4 / Self::STREAM;
        Self { streams, strangers: streams / 2, heads: left / 32, windows: left / 2, waiting: left / 16 }
    }

    /// Tunnels: with the smallest windows they fill all.
    #[must_use]
    pub const fn tunnels(&self) -> usize {
        self.windows / (2 * limits::WINDOW_MIN as usize)
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::within(Self::USUAL)
    }
}
