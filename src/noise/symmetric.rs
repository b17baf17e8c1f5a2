//! The symmetric state of `Noise_XX_25519_AESGCM_SHA256`, the transcript that both sides keep.
//!
//! The order of the steps is `initiator`'s and `responder`'s; the keys that come out of it work in
//! `transport`. Against the Noise specification, encryption and decryption share one counter, and
//! nothing is mixed in for an empty payload that is not encrypted.

use alloc::vec::Vec;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};

use crate::proto::Malformed;

const PROTOCOL: [u8; 32] = *b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0";

/// The longest handshake message that is read, in bytes: 40 times a real one (about 370 bytes, and
/// up to 1.5 KiB with a post-quantum key).
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;

/// Why a handshake message was refused. All of it is the peer's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// Longer than any handshake message is.
    TooLong,
    /// Not the protobuf message that is due now.
    Malformed,
    /// A public key is not 32 bytes, or is one that makes every shared secret zero.
    BadKey,
    /// The authentication tag does not match: other keys, or altered bytes.
    Decrypt,
}

impl core::fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "handshake message too long",
            Self::Malformed => "not the handshake message that is due",
            Self::BadKey => "unusable public key in the handshake",
            Self::Decrypt => "handshake message does not decrypt",
        })
    }
}

impl core::error::Error for HandshakeError {}

impl From<Malformed> for HandshakeError {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// The X25519 public key of `secret`.
#[must_use]
pub fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::x25519(*secret, x25519_dalek::X25519_BASEPOINT_BYTES)
}

/// A public key out of a message's field.
pub(crate) fn key_field(bytes: Option<&[u8]>) -> Result<[u8; 32], HandshakeError> {
    let bytes = bytes.ok_or(HandshakeError::Malformed)?;
    bytes.try_into().map_err(|_| HandshakeError::BadKey)
}

pub(crate) struct Symmetric {
    hash: [u8; 32],
    chaining: [u8; 32],
    key: [u8; 32],
    counter: u32,
}

impl Symmetric {
    /// `header` is the client's four bytes, the prologue.
    pub(crate) fn new(header: [u8; 4]) -> Self {
        let mut state = Self { hash: PROTOCOL, chaining: PROTOCOL, key: PROTOCOL, counter: 0 };
        state.mix_hash(&header);
        state
    }

    pub(crate) fn mix_hash(&mut self, data: &[u8]) {
        let hash = Sha256::new().chain_update(self.hash).chain_update(data);
        self.hash = hash.finalize().into();
    }

    /// Mixes the shared secret of `secret` and `public` into the key.
    pub(crate) fn mix_dh(&mut self, secret: &[u8; 32], public: &[u8; 32]) -> Result<(), HandshakeError> {
        let shared = x25519_dalek::x25519(*secret, *public);
        if shared == [0; 32] {
            return Err(HandshakeError::BadKey);
        }
        (self.chaining, self.key) = self.derive(&shared);
        self.counter = 0;
        Ok(())
    }

    pub(crate) fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plaintext, aad: &self.hash };
        let ciphertext = cipher(&self.key)
            .encrypt(&nonce(self.counter).into(), payload)
            .expect("AES-GCM takes 64 GiB, a handshake payload is in memory twice");
        self.advance(&ciphertext);
        ciphertext
    }

    pub(crate) fn decrypt(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, HandshakeError> {
        let payload = Payload { msg: ciphertext, aad: &self.hash };
        let plaintext =
            cipher(&self.key).decrypt(&nonce(self.counter).into(), payload).map_err(|_| HandshakeError::Decrypt)?;
        self.advance(ciphertext);
        Ok(plaintext)
    }

    /// The transport keys: first the client's, then the server's.
    pub(crate) fn split(self) -> ([u8; 32], [u8; 32]) {
        self.derive(&[])
    }

    fn advance(&mut self, ciphertext: &[u8]) {
        self.mix_hash(ciphertext);
        // At most two texts a key in this handshake.
        self.counter += 1;
    }

    fn derive(&self, input: &[u8]) -> ([u8; 32], [u8; 32]) {
        let mut both = [[0; 32]; 2];
        Hkdf::<Sha256>::new(Some(&self.chaining), input)
            .expand(&[], both.as_flattened_mut())
            .expect("HKDF-SHA256 gives up to 8160 bytes, 64 are asked");
        let [first, second] = both;
        (first, second)
    }
}

/// AES-256-GCM with a 32-byte key.
pub(crate) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// Eight zero bytes, then the counter.
pub(crate) fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(last) = nonce.last_chunk_mut() {
        *last = counter.to_be_bytes();
    }
    nonce
}
