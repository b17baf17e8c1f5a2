//! WhatsApp's first bytes and its three-byte framing.
//!
//! Whole frames only. Telling WhatsApp from other protocols in a stream that is still arriving is
//! `pasarela-core`'s part, and so are the frames of a relayed stream.

use alloc::vec::Vec;

/// What a client sends first, once: also the prologue of the Noise handshake.
pub const HEADER: [u8; 4] = *b"WA\x06\x03";

/// What stands before [`HEADER`] when a client knows its edge: a frame with the routing info
/// follows. It never enters the Noise transcript.
pub const EDGE_MARK: [u8; 4] = *b"ED\x00\x01";

/// Bytes of the big-endian length before every frame.
pub const FRAME_HEADER: usize = 3;

/// The longest body that fits the length, in bytes.
pub const MAX_FRAME: usize = (1 << 24) - 1;

/// The body is longer than [`MAX_FRAME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong;

impl core::fmt::Display for FrameTooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("frame longer than its three-byte length can say")
    }
}

impl core::error::Error for FrameTooLong {}

/// The length before a body of `len` bytes.
pub fn frame_header(len: usize) -> Result<[u8; FRAME_HEADER], FrameTooLong> {
    if len > MAX_FRAME {
        return Err(FrameTooLong);
    }
    let [_, _, _, _, _, high, middle, low] = (len as u64).to_be_bytes();
    Ok([high, middle, low])
}

/// Appends `body` as one frame. Nothing is written on an error.
pub fn encode_frame(body: &[u8], out: &mut Vec<u8>) -> Result<(), FrameTooLong> {
    out.extend_from_slice(&frame_header(body.len())?);
    out.extend_from_slice(body);
    Ok(())
}

/// How long the first frame's body is, as its header says; `None` while that is incomplete.
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    let &[high, middle, low] = bytes.first_chunk()?;
    Some(u32::from_be_bytes([0, high, middle, low]) as usize)
}

/// The first complete frame's body and the bytes behind it; `None` while it is incomplete.
pub fn decode_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = frame_length(bytes)?;
    bytes.get(FRAME_HEADER..)?.split_at_checked(len)
}

/// What precedes a client's first frame: the optional edge preamble, then [`HEADER`].
pub fn intro(routing_info: Option<&[u8]>) -> Result<Vec<u8>, FrameTooLong> {
    let mut out = Vec::new();
    if let Some(routing_info) = routing_info {
        out.extend_from_slice(&EDGE_MARK);
        encode_frame(routing_info, &mut out)?;
    }
    out.extend_from_slice(&HEADER);
    Ok(out)
}
