//! The proof that WhatsApp's chat answers: its server hello, with certificates down to its root key.
//!
//! Whoever sits in between can delay or cut this, but not make it. It sends what every client sends first, to a stranger, and
//! stops there: no account is involved.

use pasarela_noise::chain::Verified;
use pasarela_noise::{HandshakeError, Initiator, ServerHello, VerifyError, verify, wire};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::clock::Dates;
use super::flaw::Flaw;

/// No server hello is nearly as long, in bytes; WhatsApp's has some 350.
const HELLO_MAX: usize = 16 * 1024;

/// Speaks the beginning of WhatsApp's handshake and verifies the answer down to `root`, at `now` (Unix seconds).
///
/// It waits for as long as the stream does.
///
/// # Errors
///
/// Nothing proves that this is WhatsApp.
pub async fn chat<S>(stream: &mut S, root: &[u8; 32], now: u64) -> Result<Verified, Flaw>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (initiator, hello) = Initiator::new(rand::random());
    let mut first = wire::HEADER.to_vec();
    wire::encode_frame(&hello, &mut first).expect("a hello is a few bytes long");
    let sent = async {
        stream.write_all(&first).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| Flaw::of_broken(&error))?;
    let answer = read_frame(stream).await?;
    let hello = initiator.read_server_hello(&answer).map_err(|error| {
        tracing::debug!(%error, "no server hello");
        match error {
            HandshakeError::TooLong | HandshakeError::Malformed => Flaw::Garbage,
            HandshakeError::BadKey | HandshakeError::Decrypt => Flaw::Forged,
        }
    })?;
    judge(&hello, root, now)
}

async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Flaw> {
    let mut received = Vec::new();
    loop {
        if let Some((body, _)) = wire::decode_frame(&received) {
            return Ok(body.to_vec());
        }
        if wire::frame_length(&received).is_some_and(|length| length > HELLO_MAX) {
            return Err(Flaw::Garbage);
        }
        match stream.read_buf(&mut received).await {
            Ok(0) => return Err(Flaw::Cut),
            Ok(_) => {}
            Err(error) => return Err(Flaw::of_broken(&error)),
        }
    }
}

fn judge(hello: &ServerHello, root: &[u8; 32], now: u64) -> Result<Verified, Flaw> {
    verify(hello.server_static(), hello.chain(), root, now).map_err(|error| {
        tracing::debug!(%error, "the server's certificates do not hold");
        match error {
            VerifyError::NotYetValid { not_before, .. } => Flaw::Dates(Dates::NotBefore(not_before)),
            VerifyError::Expired { not_after, .. } => Flaw::Dates(Dates::NotAfter(not_after)),
            VerifyError::Malformed
            | VerifyError::Missing(_)
            | VerifyError::BadLength(_)
            | VerifyError::Signature(_)
            | VerifyError::Issuer(_)
            | VerifyError::LeafKey => Flaw::Forged,
        }
    })
}

#[cfg(test)]
mod tests {
    use pasarela_noise::chain::Plan;
    use pasarela_noise::{Responder, ResponderKeys, public_key};
    use tokio::io::duplex;

    use super::*;

    const ROOT: [u8; 32] = [1; 32];
    const SERVER: [u8; 32] = [3; 32];
    const VALIDITY: [u64; 2] = [1_000, 2_000];

    /// What a check at `now` says to a server whose chain is made by `signer`.
    async fn checked(signer: [u8; 32], now: u64) -> Result<(), Flaw> {
        let (mut near, mut far) = duplex(4096);
        let server = async move {
            let mut header = [0; 4];
            far.read_exact(&mut header).await.expect("a header");
            let hello = read_frame(&mut far).await.expect("a hello");
            let plan = Plan {
                root_secret: &signer,
                intermediate_secret: &[2; 32],
                leaf_secret: &SERVER,
                serials: [3, 355],
                validity: VALIDITY,
                random: &[[7; 64], [8; 64]],
            };
            let chain = plan.build();
            let keys = ResponderKeys { ephemeral: [4; 32], static_secret: SERVER, chain: &chain };
            let (_, answer) = Responder::answer(&keys, header, &hello).expect("a right hello");
            let mut frame = Vec::new();
            wire::encode_frame(&answer, &mut frame).expect("short");
            far.write_all(&frame).await.expect("room");
        };
        let root = public_key(&ROOT);
        let (verdict, ()) = tokio::join!(chat(&mut near, &root, now), server);
        verdict.map(drop)
    }

    #[tokio::test]
    async fn who_proves_to_be_whatsapp_is_believed_and_nobody_else() {
        assert_eq!(checked(ROOT, 1_500).await, Ok(()));
        assert_eq!(checked([99; 32], 1_500).await, Err(Flaw::Forged));
        // Who forges is not excused by dates that are wrong, too.
        assert_eq!(checked([99; 32], 5_000).await, Err(Flaw::Forged));
    }

    #[tokio::test]
    async fn dates_are_told_from_forgery() {
        assert_eq!(checked(ROOT, 10).await, Err(Flaw::Dates(Dates::NotBefore(1_000))));
        assert_eq!(checked(ROOT, 5_000).await, Err(Flaw::Dates(Dates::NotAfter(2_000))));
    }

    #[tokio::test]
    async fn other_protocols_are_told_from_whatsapps() {
        for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x03\0\x02\0\0", "GOA", "\0\0\x03abc"] {
            let (mut near, mut far) = duplex(4096);
            far.write_all(answer.as_bytes()).await.expect("room");
            assert_eq!(chat(&mut near, &ROOT, 0).await.map(drop), Err(Flaw::Garbage), "{answer:?}");
        }
        let (mut near, far) = duplex(4096);
        drop(far);
        assert_eq!(chat(&mut near, &ROOT, 0).await.map(drop), Err(Flaw::Cut));
    }
}
