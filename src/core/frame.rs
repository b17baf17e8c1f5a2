//! Finds the boundaries of WhatsApp's frames in a byte stream, so that one frame becomes one message.
//!
//! It does not decrypt, does not look into a frame, and joins nothing: a message is a list of pieces that the caller joins.
//! Why at all: whatsmeow corrupts or panics on a frame split over two messages, whatsapp-rust drops what is merged.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{chunk::Chunk, limits};

const HEADER: usize = 3;

/// Instead of a length the server may send these three bytes to say goodbye; read as a length they would be 4 673 345.
const GOAWAY: [u8; HEADER] = *b"GOA";

/// Cuts a stream of frames (3-byte big-endian length, then the body) into messages, headers included.
///
/// After `handle`, call `poll` until it returns `None`.
#[derive(Debug)]
pub struct Frames<C> {
    state: State,
    /// Not yet looked at.
    input: VecDeque<C>,
    /// Pieces of the frame under way.
    held: Vec<C>,
    /// Bytes of these.
    size: usize,
}

#[derive(Debug)]
enum State {
    /// Bytes of the next header that were seen; they are in `held` as well.
    Header { seen: [u8; HEADER], len: usize },
    /// Bytes of the body that are still missing, at least one.
    Body { missing: usize },
    /// These are not frames, or too large to hold: whatever comes goes on as it is.
    PassThrough,
}

impl State {
    const START: Self = Self::Header { seen: [0; HEADER], len: 0 };
}

impl<C: Chunk> Frames<C> {
    /// At the start of a stream.
    pub const fn new() -> Self {
        Self { state: State::START, input: VecDeque::new(), held: Vec::new(), size: 0 }
    }

    /// Takes the next bytes of the stream.
    pub fn handle(&mut self, chunk: C) {
        if !chunk.is_empty() {
            self.input.push_back(chunk);
        }
    }

    /// The next whole message as its pieces in order, or `None` until more bytes come.
    pub fn poll(&mut self) -> Option<Vec<C>> {
        while let Some(chunk) = self.input.pop_front() {
            let message = match self.state {
                State::Header { seen, len } => self.header(chunk, seen, len),
                State::Body { missing } => self.body(chunk, missing),
                State::PassThrough => Some(Vec::from([chunk])),
            };
            if message.is_some() {
                return message;
            }
        }
        None
    }

    /// Bytes of the frame under way that have come.
    pub const fn held(&self) -> usize {
        self.size
    }

    /// Whether the stream may end here: false inside a frame, whose beginning is then worth nothing.
    pub fn at_boundary(&self) -> bool {
        self.held.is_empty() && self.input.is_empty()
    }

    fn header(&mut self, chunk: C, mut seen: [u8; HEADER], mut len: usize) -> Option<Vec<C>> {
        let mut bytes = [0; HEADER];
        let take = chunk.peek(&mut bytes).min(HEADER - len);
        for (to, from) in seen.iter_mut().skip(len).zip(bytes.iter().take(take)) {
            *to = *from;
        }
        len += take;
        let (head, rest) = chunk.split_at(take);
        self.hold(head);
        if !rest.is_empty() {
            self.input.push_front(rest);
        }
        if len < HEADER {
            self.state = State::Header { seen, len };
            return None;
        }
        let [a, b, c] = seen;
        let body = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if seen == GOAWAY || body > limits::FRAME {
            self.state = State::PassThrough;
            return Some(self.take());
        }
        if body == 0 {
            self.state = State::START;
            return Some(self.take());
        }
        self.state = State::Body { missing: body };
        None
    }

    fn body(&mut self, chunk: C, missing: usize) -> Option<Vec<C>> {
        if chunk.len() < missing {
            self.state = State::Body { missing: missing - chunk.len() };
            self.hold(chunk);
            return None;
        }
        let (last, rest) = chunk.split_at(missing);
        if !rest.is_empty() {
            self.input.push_front(rest);
        }
        self.state = State::START;
        self.held.push(last);
        Some(self.take())
    }

    fn take(&mut self) -> Vec<C> {
        self.size = 0;
        core::mem::take(&mut self.held)
    }

    fn hold(&mut self, piece: C) {
        self.size += piece.len();
        self.held.push(piece.compact());
        if self.held.len() >= limits::FRAME_PIECES {
            let joined = C::join(core::mem::take(&mut self.held));
            self.held.push(joined);
        }
    }
}

impl<C: Chunk> Default for Frames<C> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `stream` cut at `cuts` and returns the messages, joined, and whether it ended at a boundary.
    fn messages(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, bool) {
        let mut frames = Frames::new();
        let mut out = Vec::new();
        let mut at = 0;
        for cut in cuts.iter().copied().chain([stream.len()]) {
            let end = cut.clamp(at, stream.len());
            frames.handle(stream[at..end].to_vec());
            at = end;
            while let Some(message) = frames.poll() {
                out.push(message.concat());
            }
            assert!(frames.held.len() < limits::FRAME_PIECES);
        }
        let clean = frames.at_boundary();
        (out, clean)
    }

    fn frame(body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&len[1..], body].concat()
    }

    #[test]
    fn zero_length_frames_are_messages_of_three_bytes() {
        let stream = [frame(b""), frame(b"ab"), frame(b"")].concat();
        let expected = vec![frame(b""), frame(b"ab"), frame(b"")];
        assert_eq!(messages(&stream, &[1, 2, 4]), (expected, true));
    }

    #[test]
    fn a_goaway_passes_through_at_once_and_so_does_the_rest() {
        let stream = [frame(b"ab"), b"GOAWAY!".to_vec()].concat();
        let (out, clean) = messages(&stream, &[8]);
        assert_eq!(out.concat(), stream);
        assert_eq!(out[0], frame(b"ab"));
        assert_eq!(out[1], b"GOA");
        assert!(clean);
    }

    #[test]
    fn a_length_over_the_limit_passes_through_and_the_limit_itself_is_held() {
        let largest = frame(&vec![7; limits::FRAME]);
        assert_eq!(messages(&largest, &[5, 70_000]), (vec![largest.clone()], true));
        let header = [0x10, 0x00, 0x01];
        assert_eq!(messages(&header, &[]), (vec![header.to_vec()], true));
    }

    #[test]
    fn an_end_inside_a_frame_is_not_a_boundary() {
        let stream = [frame(b"ab"), frame(b"cdef")].concat();
        for end in 0..stream.len() {
            let (_, clean) = messages(&stream[..end], &[]);
            assert_eq!(clean, end == 0 || end == 5);
        }
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_same_bytes_gives_the_same_messages(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            mut cuts in prop::collection::vec(0usize..4000, 0..80),
        ) {
            cuts.sort_unstable();
            let expected: Vec<_> = bodies.iter().map(|body| frame(body)).collect();
            prop_assert_eq!(messages(&expected.concat(), &cuts), (expected, true));
        }

        #[test]
        fn no_bytes_are_lost_doubled_or_reordered_whatever_they_are(
            stream in prop::collection::vec(any::<u8>(), 0..2000),
            mut cuts in prop::collection::vec(0usize..2000, 0..80),
        ) {
            cuts.sort_unstable();
            let (out, clean) = messages(&stream, &cuts);
            let delivered = out.concat();
            prop_assert_eq!(&delivered[..], &stream[..delivered.len()]);
            prop_assert_eq!(clean, delivered.len() == stream.len());
        }
    }
}
