//! The ciphers after the handshake: one frame's body is one ciphertext.
//!
//! Frames are `wire`'s; what the plaintext means is the user's.

use alloc::vec::Vec;

use aes_gcm::{Aes256Gcm, aead::AeadInOut};

use crate::symmetric::{cipher, nonce};

/// Bytes by which a ciphertext is longer than its plaintext.
pub const TAG: usize = 16;

/// Why a frame could not be encrypted or decrypted. The connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The tag does not match: altered, lost, doubled or reordered frames.
    Decrypt,
    /// 2^32 frames went this way, or one is longer than AES-GCM takes.
    Exhausted,
}

impl core::fmt::Display for TransportError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Decrypt => "frame does not decrypt",
            Self::Exhausted => "no frame counter left",
        })
    }
}

impl core::error::Error for TransportError {}

/// Both directions of an established connection.
pub struct Transport {
    /// What this side sends.
    pub sender: Sender,
    /// What this side receives.
    pub receiver: Receiver,
}

impl Transport {
    pub(crate) fn new(send: &[u8; 32], receive: &[u8; 32]) -> Self {
        Self { sender: Sender(Direction::new(send)), receiver: Receiver(Direction::new(receive)) }
    }

    /// The next frame's body for `plaintext`.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.sender.encrypt(plaintext)
    }

    /// The plaintext of the next frame's body.
    pub fn decrypt(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.receiver.decrypt(ciphertext)
    }
}

impl core::fmt::Debug for Transport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Transport")
            .field("sent", &self.sender.count())
            .field("received", &self.receiver.count())
            .finish()
    }
}

/// The encrypting half.
pub struct Sender(Direction);

impl Sender {
    /// The next frame's body for `plaintext`.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::with_capacity(plaintext.len() + TAG);
        body.extend_from_slice(plaintext);
        let nonce = self.0.next()?;
        let sealed = self.0.cipher.encrypt_in_place(&nonce.into(), &[], &mut body);
        sealed.map_err(|_| TransportError::Exhausted)?;
        Ok(body)
    }

    /// Frames encrypted so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count
    }
}

/// The decrypting half.
pub struct Receiver(Direction);

impl Receiver {
    /// The plaintext of the next frame's body. A body that does not decrypt is not counted.
    pub fn decrypt(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut body = ciphertext.to_vec();
        let nonce = self.0.nonce()?;
        let opened = self.0.cipher.decrypt_in_place(&nonce.into(), &[], &mut body);
        opened.map_err(|_| TransportError::Decrypt)?;
        self.0.count += 1;
        Ok(body)
    }

    /// Frames decrypted so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count
    }
}

struct Direction {
    cipher: Aes256Gcm,
    count: u64,
}

impl Direction {
    fn new(key: &[u8; 32]) -> Self {
        Self { cipher: cipher(key), count: 0 }
    }

    fn nonce(&self) -> Result<[u8; 12], TransportError> {
        let counter = u32::try_from(self.count).map_err(|_| TransportError::Exhausted)?;
        Ok(nonce(counter))
    }

    fn next(&mut self) -> Result<[u8; 12], TransportError> {
        let nonce = self.nonce()?;
        self.count += 1;
        Ok(nonce)
    }
}
