//! What was received from one side and not yet taken by the other, in order.
//!
//! It counts and groups; who may send how much is decided by the pipe or the tunnel.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{chunk::Chunk, limits};

#[derive(Debug)]
pub(crate) struct Queue<C> {
    waiting: VecDeque<Waiting<C>>,
    waiting_size: Size,
    writing: Option<Size>,
}

#[derive(Debug)]
struct Waiting<C> {
    chunk: C,
    size: Size,
}

/// How much something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: usize,
    /// Messages that brought the bytes.
    pub(crate) messages: u32,
}

impl Size {
    const fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, messages: self.messages + other.messages }
    }
}

impl<C: Chunk> Queue<C> {
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new(), waiting_size: Size { bytes: 0, messages: 0 }, writing: None }
    }

    /// What waits and what is being written.
    pub(crate) const fn size(&self) -> Size {
        match self.writing {
            Some(writing) => self.waiting_size.plus(writing),
            None => self.waiting_size,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.writing.is_none()
    }

    #[cfg(test)]
    pub(crate) fn chunks(&self) -> usize {
        self.waiting.len()
    }

    /// Adds what one message brought.
    pub(crate) fn push(&mut self, chunk: C) {
        let size = Size { bytes: chunk.len(), messages: 1 };
        self.waiting_size = self.waiting_size.plus(size);
        self.waiting.push_back(Waiting { chunk, size });
        if self.waiting.len() > limits::QUEUE_CHUNKS {
            self.merge();
        }
    }

    /// Puts bytes of our own before all others; they count nowhere.
    pub(crate) fn push_front(&mut self, chunk: C) {
        self.waiting.push_front(Waiting { chunk, size: Size::default() });
    }

    /// What is to be written next as one, unless a write is under way.
    pub(crate) fn next_write(&mut self) -> Option<C> {
        if self.writing.is_some() {
            return None;
        }
        let Waiting { chunk, size } = take_batch(&mut self.waiting)?;
        self.waiting_size.bytes -= size.bytes;
        self.waiting_size.messages -= size.messages;
        self.writing = Some(size);
        Some(chunk)
    }

    /// The write under way has been taken; returns how much it was.
    pub(crate) fn written(&mut self) -> Size {
        self.writing.take().unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.drain(..).for_each(|waiting| waiting.chunk.discard());
        *self = Self::new();
    }

    fn merge(&mut self) {
        let mut merged = VecDeque::new();
        while let Some(batch) = take_batch(&mut self.waiting) {
            merged.push_back(batch);
        }
        self.waiting = merged;
    }
}

/// The first chunks of `waiting` as one, as many as fit a write and at least one.
fn take_batch<C: Chunk>(waiting: &mut VecDeque<Waiting<C>>) -> Option<Waiting<C>> {
    let first = waiting.pop_front()?;
    let mut size = first.size;
    // Allocates only for the second chunk.
    let mut rest = Vec::new();
    while let Some(next) = waiting.pop_front_if(|next| size.bytes + next.size.bytes <= limits::WRITE_BATCH) {
        size = size.plus(next.size);
        rest.push(next.chunk);
    }
    if rest.is_empty() {
        return Some(first);
    }
    rest.insert(0, first.chunk);
    Some(Waiting { chunk: C::join(rest), size })
}
