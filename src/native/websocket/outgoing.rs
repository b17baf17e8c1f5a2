//! Frames that are yet to be sent. A payload is sent from where it is, behind a header of its own; only a client's is copied, because
//! it must be masked and the tunnel keeps what is not acknowledged.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes, BytesMut};

use super::{
    Role,
    frame::{HEADER_MAX, Header, Mask, mask},
    message::Message,
};

/// Bytes that are copied and masked while they are in the nearest cache.
const AT_ONCE: usize = 8 * 1024;

#[derive(Default)]
pub(super) struct Outgoing {
    frames: VecDeque<Frame>,
    /// Of all frames, in bytes.
    left: usize,
}

struct Frame {
    header: [u8; HEADER_MAX],
    /// The part of the header that is yet to be sent.
    from: usize,
    to: usize,
    payload: Bytes,
}

impl Outgoing {
    pub(super) fn push(&mut self, role: Role, message: Message) {
        let opcode = message.opcode();
        let mut payload = message.into_payload();
        let mask = (role == Role::Client).then(rand::random);
        if let Some(mask) = mask {
            payload = masked(&payload, mask);
        }
        let (header, len) = Header { last: true, opcode, mask, payload: payload.len() as u64 }.encode();
        self.left += len + payload.len();
        self.frames.push_back(Frame { header, from: 0, to: len, payload });
    }
}

fn masked(payload: &[u8], key: Mask) -> Bytes {
    let mut masked = BytesMut::with_capacity(payload.len());
    for part in payload.chunks(AT_ONCE) {
        let from = masked.len();
        masked.extend_from_slice(part);
        mask(&mut masked[from..], key);
    }
    masked.freeze()
}

impl Frame {
    fn header(&self) -> &[u8] {
        &self.header[self.from..self.to]
    }

    /// Forgets what was sent of it; how much that is.
    fn advance(&mut self, sent: usize) -> usize {
        let of_header = sent.min(self.to - self.from);
        self.from += of_header;
        let of_payload = (sent - of_header).min(self.payload.len());
        self.payload.advance(of_payload);
        of_header + of_payload
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        let first = self.frames.front();
        first.map_or(&[], |frame| if frame.from < frame.to { frame.header() } else { &frame.payload })
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        let parts = self.frames.iter().flat_map(|frame| [frame.header(), &frame.payload]);
        to.iter_mut().zip(parts.filter(|part| !part.is_empty())).map(|(to, part)| *to = IoSlice::new(part)).count()
    }

    fn advance(&mut self, sent: usize) {
        let mut left = sent;
        while let Some(first) = self.frames.front_mut() {
            left -= first.advance(left);
            if first.from < first.to || !first.payload.is_empty() {
                break;
            }
            self.frames.pop_front();
        }
        self.left -= sent;
    }
}
