//! The server's side of the handshake, for the simulator and tests.
//!
//! XX only: a client that offers a shorter pattern (IK) is answered as XX. The relay never runs
//! this: Noise passes it end to end.

use alloc::vec::Vec;

use crate::{
    proto::{byte_fields, nested},
    symmetric::{HandshakeError, MAX_MESSAGE, Symmetric, key_field, public_key},
    transport::Transport,
};

/// What a server brings to one handshake.
pub struct ResponderKeys<'a> {
    /// A secret fresh from a cryptographic source.
    pub ephemeral: [u8; 32],
    /// The secret of the chain's leaf.
    pub static_secret: [u8; 32],
    /// The encoded certificate chain.
    pub chain: &'a [u8],
}

/// Waits for the client's finish.
pub struct Responder {
    state: Symmetric,
    ephemeral: [u8; 32],
}

impl Responder {
    /// Reads the client's hello and gives the server's.
    ///
    /// `header` is the four bytes that the client sent, [`crate::wire::HEADER`] or an older one.
    pub fn answer(
        keys: &ResponderKeys<'_>,
        header: [u8; 4],
        client_hello: &[u8],
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        if client_hello.len() > MAX_MESSAGE {
            return Err(HandshakeError::TooLong);
        }
        let [hello] = byte_fields(client_hello, [2])?;
        let [client_ephemeral] = byte_fields(hello.ok_or(HandshakeError::Malformed)?, [1])?;
        let client_ephemeral = key_field(client_ephemeral)?;

        let ephemeral = public_key(&keys.ephemeral);
        let mut state = Symmetric::new(header);
        state.mix_hash(&client_ephemeral);
        state.mix_hash(&ephemeral);
        state.mix_dh(&keys.ephemeral, &client_ephemeral)?;
        let sealed_static = state.encrypt(&public_key(&keys.static_secret));
        state.mix_dh(&keys.static_secret, &client_ephemeral)?;
        let sealed_chain = state.encrypt(keys.chain);
        let fields: [(u64, &[u8]); 3] = [(1, &ephemeral), (2, &sealed_static), (3, &sealed_chain)];
        let responder = Self { state, ephemeral: keys.ephemeral };
        Ok((responder, nested(3, &fields)))
    }

    /// Reads the client's finish: the handshake is complete.
    pub fn read_client_finish(mut self, message: &[u8]) -> Result<ClientFinish, HandshakeError> {
        if message.len() > MAX_MESSAGE {
            return Err(HandshakeError::TooLong);
        }
        let [finish] = byte_fields(message, [4])?;
        let finish = finish.ok_or(HandshakeError::Malformed)?;
        let [sealed_static, sealed_payload] = byte_fields(finish, [1, 2])?;
        let sealed_static = sealed_static.ok_or(HandshakeError::Malformed)?;
        let sealed_payload = sealed_payload.ok_or(HandshakeError::Malformed)?;

        let client_static = key_field(Some(&self.state.decrypt(sealed_static)?))?;
        self.state.mix_dh(&self.ephemeral, &client_static)?;
        let payload = self.state.decrypt(sealed_payload)?;
        let (client, server) = self.state.split();
        Ok(ClientFinish { client_static, payload, transport: Transport::new(&server, &client) })
    }
}

/// What the client's finish brought.
#[derive(Debug)]
pub struct ClientFinish {
    /// The key that the client proved to hold.
    pub client_static: [u8; 32],
    /// The encoded `ClientPayload`.
    pub payload: Vec<u8>,
    /// The ciphers for all that follows.
    pub transport: Transport,
}
