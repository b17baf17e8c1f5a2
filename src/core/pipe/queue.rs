//! What a client has sent and the upstream has not taken, in order.
//!
//! It counts and groups; who may send how much is decided by the pipe.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{chunk::Chunk, limits};

/// Chunks held before neighbours are joined, so that small messages cost no handle each.
const MAX_CHUNKS: usize = 1024;

#[derive(Debug)]
pub(super) struct Queue<C> {
    waiting: VecDeque<C>,
    waiting_bytes: usize,
    /// Bytes of the write under way.
    writing: Option<usize>,
}

impl<C: Chunk> Queue<C> {
    pub(super) const fn new() -> Self {
        Self { waiting: VecDeque::new(), waiting_bytes: 0, writing: None }
    }

    /// Bytes waiting and being written.
    pub(super) const fn bytes(&self) -> usize {
        match self.writing {
            Some(writing) => self.waiting_bytes + writing,
            None => self.waiting_bytes,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.writing.is_none()
    }

    pub(super) fn push(&mut self, chunk: C) {
        self.waiting_bytes += chunk.len();
        self.waiting.push_back(chunk);
        if self.waiting.len() > MAX_CHUNKS {
            self.merge();
        }
    }

    pub(super) fn push_front(&mut self, chunk: C) {
        self.waiting_bytes += chunk.len();
        self.waiting.push_front(chunk);
    }

    /// The next chunks to write together, unless a write is under way.
    pub(super) fn next_batch(&mut self) -> Option<Vec<C>> {
        if self.writing.is_some() {
            return None;
        }
        let batch = take_batch(&mut self.waiting)?;
        let bytes = batch.iter().map(C::len).sum();
        self.waiting_bytes -= bytes;
        self.writing = Some(bytes);
        Some(batch)
    }

    /// The write under way has been taken by the upstream.
    pub(super) const fn written(&mut self) {
        self.writing = None;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    fn merge(&mut self) {
        let mut merged = VecDeque::new();
        while let Some(mut batch) = take_batch(&mut self.waiting) {
            merged.extend(if batch.len() == 1 { batch.pop() } else { Some(C::join(batch)) });
        }
        self.waiting = merged;
    }
}

/// The first chunks of `waiting`, as many as fit a write and at least one.
fn take_batch<C: Chunk>(waiting: &mut VecDeque<C>) -> Option<Vec<C>> {
    let first = waiting.pop_front()?;
    let mut bytes = first.len();
    let mut batch = Vec::from([first]);
    while let Some(next) = waiting.pop_front_if(|next| bytes + next.len() <= limits::WRITE_BATCH) {
        bytes += next.len();
        batch.push(next);
    }
    Some(batch)
}
