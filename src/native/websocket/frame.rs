//! A frame's header (RFC 6455, section 5.2), and what breaks the protocol.

/// The longest header in bytes: two, a length of eight and a mask of four.
pub(super) const HEADER_MAX: usize = 14;

/// The longest payload of a control frame, in bytes.
pub(super) const CONTROL_MAX: usize = 125;

/// Masks and unmasks a payload.
pub(super) type Mask = [u8; 4];

/// Why a WebSocket is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The peer breaks the protocol.
    Protocol,
    /// A text of the peer is none.
    Text,
    /// The peer announced a longer message than there may be. From then on all that it says is thrown away.
    TooLong,
    /// The connection is broken, or a close was said.
    Gone,
}

impl Fault {
    /// The code of the close that tells the peer (section 7.4.1); for a message that is too long the caller says one.
    pub(super) const fn code(self) -> Option<u16> {
        match self {
            Self::Protocol => Some(1002),
            Self::Text => Some(1007),
            Self::TooLong | Self::Gone => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl Opcode {
    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it may come in the middle of a message.
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// It is the last frame of its message.
    pub(super) last: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Option<Mask>,
    /// The payload's length, in bytes.
    pub(super) payload: u64,
}

impl Header {
    /// The header that these bytes begin with, and its length; none if more of it is to come.
    pub(super) fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Fault> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = Opcode::of(first & 0x0f).ok_or(Fault::Protocol)?;
        let last = first & 0x80 != 0;
        let short = u64::from(second & 0x7f);
        let reserved = first & 0x70 != 0;
        if reserved || opcode.is_control() && (!last || short > CONTROL_MAX as u64) {
            return Err(Fault::Protocol);
        }
        let (payload, rest) = match short {
            126 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u16::from_be_bytes(*length).into(), rest)
            }
            127 => {
                let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*length), rest)
            }
            short => (short, rest),
        };
        let needs = match payload {
            0..=125 => payload,
            126..=0xffff => 126,
            _ => 127,
        };
        if short != needs || payload >> 63 != 0 {
            return Err(Fault::Protocol);
        }
        let (mask, rest) = match (second & 0x80, rest.split_first_chunk()) {
            (0, _) => (None, rest),
            (_, Some((mask, rest))) => (Some(*mask), rest),
            (_, None) => return Ok(None),
        };
        Ok(Some((Self { last, opcode, mask, payload }, bytes.len() - rest.len())))
    }

    /// The header as it is sent, and how many of these bytes it has.
    pub(super) fn encode(&self) -> ([u8; HEADER_MAX], usize) {
        let mut bytes = [0; HEADER_MAX];
        let (short, extended) = match self.payload {
            0..=125 => (self.payload as u8, 0),
            126..=0xffff => (126, 2),
            _ => (127, 8),
        };
        bytes[0] = self.opcode as u8 | if self.last { 0x80 } else { 0 };
        bytes[1] = short | if self.mask.is_some() { 0x80 } else { 0 };
        let mut len = 2 + extended;
        bytes[2..len].copy_from_slice(&self.payload.to_be_bytes()[8 - extended..]);
        if let Some(mask) = self.mask {
            bytes[len..len + 4].copy_from_slice(&mask);
            len += 4;
        }
        (bytes, len)
    }
}

/// Masks these bytes, or unmasks them (section 5.3).
pub(super) fn mask(bytes: &mut [u8], mask: Mask) {
    // As wide as any processor's registers; the compiler takes those that there are.
    const WIDTH: usize = 32;
    let mut wide = [0; WIDTH];
    wide.iter_mut().zip(mask.iter().cycle()).for_each(|(to, from)| *to = *from);
    let (blocks, rest) = bytes.as_chunks_mut::<WIDTH>();
    for block in blocks {
        block.iter_mut().zip(&wide).for_each(|(byte, key)| *byte ^= key);
    }
    rest.iter_mut().zip(&wide).for_each(|(byte, key)| *byte ^= key);
}
