//! The handshake's tests, one binary.
//!
//! Nothing here touches a socket; the simulator's own tests do that.

/// Chains: WhatsApp's own, ours, and every way to be wrong.
mod chain;
/// Random and altered bytes reach every decoder without a panic.
mod garbage;
/// Our two sides with each other.
mod handshake;
/// Against `wacore-noise` and `wacore-libsignal`, written by others.
mod interop;
/// The proof that WhatsApp answers.
mod proof;
/// Three-byte frames and the bytes before the first.
mod wire;

use pasarela_noise::{Responder, ResponderKeys, chain::Plan, public_key};

/// First and last valid second of [`chain`].
const VALIDITY: [u64; 2] = [1_000, 2_000];

const ROOT: [u8; 32] = [1; 32];
const INTERMEDIATE: [u8; 32] = [2; 32];
const SERVER: [u8; 32] = [3; 32];
const SERVER_EPHEMERAL: [u8; 32] = [4; 32];
const CLIENT: [u8; 32] = [5; 32];
const CLIENT_EPHEMERAL: [u8; 32] = [6; 32];

/// A right chain of [`ROOT`] for [`SERVER`].
fn chain() -> Vec<u8> {
    chain_of(ROOT)
}

/// A chain of this root for [`SERVER`].
fn chain_of(root: [u8; 32]) -> Vec<u8> {
    let plan = Plan {
        root_secret: &root,
        intermediate_secret: &INTERMEDIATE,
        leaf_secret: &SERVER,
        serials: [3, 355],
        validity: VALIDITY,
        random: &[[7; 64], [8; 64]],
    };
    plan.build()
}

/// Our server's answer to `client_hello`.
fn respond(client_hello: &[u8]) -> (Responder, Vec<u8>) {
    respond_with(&chain(), client_hello)
}

/// The same with this chain.
fn respond_with(chain: &[u8], client_hello: &[u8]) -> (Responder, Vec<u8>) {
    let keys = ResponderKeys { ephemeral: SERVER_EPHEMERAL, static_secret: SERVER, chain };
    Responder::answer(&keys, pasarela_noise::wire::HEADER, client_hello).expect("a right hello")
}

/// The whole chain of `server_static` holds under [`ROOT`].
fn assert_holds(server_static: &[u8; 32], chain: &[u8]) {
    let verified = pasarela_noise::verify(server_static, chain, &public_key(&ROOT), VALIDITY[0]);
    assert_eq!(verified.map(|it| it.leaf.key), Ok(*server_static));
}
