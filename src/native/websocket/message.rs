//! Messages, and control frames, which are messages of their own.

use std::str;

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{CONTROL_MAX, Fault, Opcode};

/// What one side says at once.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Binary(Bytes),
    Text(String),
    Ping(Bytes),
    Pong(Bytes),
    /// Nothing but its end is said behind it. One need not say why.
    Close(Option<Close>),
}

/// Why a WebSocket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

// It is payload.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("opcode", &self.opcode()).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Message {
    /// A close with this code and these words, of which 123 bytes go into one.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
        Self::Close(Some(Close { code, reason: reason.into() }))
    }

    /// The length of what it carries, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
            Self::Close(close) => close.as_ref().map_or(0, |close| 2 + close.reason.len()),
        }
    }

    pub(crate) const fn is_binary(&self) -> bool {
        matches!(self, Self::Binary(_))
    }

    pub(super) const fn opcode(&self) -> Opcode {
        match self {
            Self::Binary(_) => Opcode::Binary,
            Self::Text(_) => Opcode::Text,
            Self::Ping(_) => Opcode::Ping,
            Self::Pong(_) => Opcode::Pong,
            Self::Close(_) => Opcode::Close,
        }
    }

    pub(super) fn into_payload(self) -> Bytes {
        match self {
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes,
            Self::Text(text) => text.into(),
            Self::Close(None) => Bytes::new(),
            Self::Close(Some(close)) => {
                let mut payload = BytesMut::with_capacity(2 + close.reason.len());
                payload.put_u16(close.code);
                payload.extend_from_slice(close.reason.as_bytes());
                payload.freeze()
            }
        }
    }

    /// What a frame of this kind says, if it is whole.
    pub(super) fn of(opcode: Opcode, payload: Bytes) -> Result<Self, Fault> {
        Ok(match opcode {
            Opcode::Binary => Self::Binary(payload),
            Opcode::Text => Self::Text(text(&payload)?),
            Opcode::Ping => Self::Ping(payload),
            Opcode::Pong => Self::Pong(payload),
            Opcode::Close => Self::Close(closed(&payload)?),
            Opcode::Continuation => return Err(Fault::Protocol),
        })
    }
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| Fault::Text)
}

/// A close's payload (section 5.5.1), with the codes that may be said (7.4, and those registered since).
fn closed(payload: &[u8]) -> Result<Option<Close>, Fault> {
    match payload.split_first_chunk() {
        None if payload.is_empty() => Ok(None),
        None => Err(Fault::Protocol),
        Some((code, reason)) => match u16::from_be_bytes(*code) {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(Some(Close { code, reason: text(reason)? })),
            _ => Err(Fault::Protocol),
        },
    }
}
