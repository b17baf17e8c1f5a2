//! Just enough protobuf for the handshake's messages: a borrowing reader and an appending writer.
//!
//! It knows no message; `initiator`, `responder` and `chain` name the fields. Unknown fields are
//! skipped, a known number of another type counts as unknown, and nothing is allocated in reading.
//! The reader is public for the simulator, which looks whether a decrypted payload is protobuf.

use alloc::vec::Vec;

/// The bytes are not protobuf, or use groups, which none of these messages has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, signed or not.
    Varint(u64),
    /// Bytes, text or a nested message.
    Bytes(&'a [u8]),
    /// A fixed 32 or 64 bit number, of which these messages have none.
    Fixed,
}

/// The fields of one message, as `(number, value)` in the order of their arrival; ends after the
/// first error.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Reads `message` from its start.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(usize::try_from(len).map_err(|_| Malformed)?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Malformed),
        };
        Ok((key >> 3, value))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// The byte fields of a message whose fields are all bytes: the last occurrence of each of
/// `numbers`, as protobuf has it for repeated appearances of a single field.
pub(crate) fn byte_fields<const N: usize>(message: &[u8], numbers: [u64; N]) -> Result<[Option<&[u8]>; N], Malformed> {
    let mut found = [None; N];
    for field in Fields::new(message) {
        if let (number, Value::Bytes(bytes)) = field? {
            for (slot, _) in found.iter_mut().zip(numbers).filter(|(_, n)| *n == number) {
                *slot = Some(bytes);
            }
        }
    }
    Ok(found)
}

/// Appends a field of bytes (also: a nested message).
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_raw_varint(out, number << 3 | 2);
    put_raw_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a number; zero is written too, as WhatsApp does.
pub(crate) fn put_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    put_raw_varint(out, number << 3);
    put_raw_varint(out, value);
}

fn put_raw_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A handshake message: one nested message of byte fields, in the order given.
pub(crate) fn nested(outer: u64, fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut inner = Vec::new();
    for (number, bytes) in fields {
        put_bytes(&mut inner, *number, bytes);
    }
    let mut out = Vec::with_capacity(inner.len() + 8);
    put_bytes(&mut out, outer, &inner);
    out
}
