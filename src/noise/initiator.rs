//! The client's side of the handshake, as far as the caller wants: it may stop at the server's
//! hello, which already proves that WhatsApp answered, or finish into a transport.
//!
//! Whether the server is WhatsApp is decided by [`crate::verify`] with what the hello gives.

use alloc::vec::Vec;

use crate::{
    proto::{byte_fields, nested},
    symmetric::{HandshakeError, MAX_MESSAGE, Symmetric, key_field, public_key},
    transport::Transport,
    wire::HEADER,
};

/// Waits for the server's hello.
pub struct Initiator {
    state: Symmetric,
    ephemeral: [u8; 32],
}

impl Initiator {
    /// Starts a handshake; gives the client hello, the body of the first frame.
    ///
    /// `ephemeral` is a secret fresh from a cryptographic source.
    #[must_use]
    pub fn new(ephemeral: [u8; 32]) -> (Self, Vec<u8>) {
        let public = public_key(&ephemeral);
        let mut state = Symmetric::new(HEADER);
        state.mix_hash(&public);
        (Self { state, ephemeral }, nested(2, &[(1, &public)]))
    }

    /// Reads the server's hello, the body of the server's first frame.
    pub fn read_server_hello(mut self, message: &[u8]) -> Result<ServerHello, HandshakeError> {
        if message.len() > MAX_MESSAGE {
            return Err(HandshakeError::TooLong);
        }
        let [hello] = byte_fields(message, [3])?;
        let hello = hello.ok_or(HandshakeError::Malformed)?;
        let [ephemeral, sealed_static, sealed_chain] = byte_fields(hello, [1, 2, 3])?;
        let server_ephemeral = key_field(ephemeral)?;
        let sealed_static = sealed_static.ok_or(HandshakeError::Malformed)?;
        let sealed_chain = sealed_chain.ok_or(HandshakeError::Malformed)?;

        self.state.mix_hash(&server_ephemeral);
        self.state.mix_dh(&self.ephemeral, &server_ephemeral)?;
        let server_static = key_field(Some(&self.state.decrypt(sealed_static)?))?;
        self.state.mix_dh(&self.ephemeral, &server_static)?;
        let chain = self.state.decrypt(sealed_chain)?;
        Ok(ServerHello { state: self.state, server_ephemeral, server_static, chain })
    }
}

/// The server's hello, decrypted; **not yet verified**.
pub struct ServerHello {
    state: Symmetric,
    server_ephemeral: [u8; 32],
    server_static: [u8; 32],
    chain: Vec<u8>,
}

impl ServerHello {
    /// The key that the server proved to hold.
    #[must_use]
    pub fn server_static(&self) -> &[u8; 32] {
        &self.server_static
    }

    /// The certificate chain, encoded, for [`crate::verify`].
    #[must_use]
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// Gives the client finish, the body of the second frame, and the ciphers for all that follow.
    ///
    /// `payload` is the encoded `ClientPayload`.
    pub fn finish(mut self, static_secret: &[u8; 32], payload: &[u8]) -> Result<(Vec<u8>, Transport), HandshakeError> {
        let sealed_static = self.state.encrypt(&public_key(static_secret));
        self.state.mix_dh(static_secret, &self.server_ephemeral)?;
        let sealed_payload = self.state.encrypt(payload);
        let (client, server) = self.state.split();
        let message = nested(4, &[(1, &sealed_static), (2, &sealed_payload)]);
        Ok((message, Transport::new(&client, &server)))
    }
}
