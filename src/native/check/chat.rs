//! The proof that WhatsApp's chat answers, over any stream. What proves it is `pasarela_noise::proof`'s.

use pasarela_noise::{
    chain::Verified,
    proof::{Proof, ProofError},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{clock::Dates, flaw::Flaw};

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
    let mut proof = Proof::new(rand::random(), *root);
    let sent = async {
        stream.write_all(proof.hello()).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| Flaw::of_broken(&error))?;
    let mut piece = [0; 1024];
    loop {
        let n = match stream.read(&mut piece).await {
            Ok(0) => return Err(Flaw::Cut),
            Ok(n) => n,
            Err(error) => return Err(Flaw::of_broken(&error)),
        };
        proof.take(&piece[..n]);
        if let Some(judged) = proof.judge(now) {
            return judged.map_err(|error| {
                tracing::debug!(%error, "no proof");
                match error {
                    ProofError::Garbled => Flaw::Garbage,
                    ProofError::Forged => Flaw::Forged,
                    ProofError::NotYetValid(not_before) => Flaw::Dates(Dates::NotBefore(not_before)),
                    ProofError::Expired(not_after) => Flaw::Dates(Dates::NotAfter(not_after)),
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What a check says to whoever answers this.
    async fn checked(answer: &str) -> Result<(), Flaw> {
        let (mut near, mut far) = duplex(4096);
        far.write_all(answer.as_bytes()).await.expect("room");
        far.shutdown().await.expect("open");
        chat(&mut near, &[1; 32], 0).await.map(drop)
    }

    #[tokio::test]
    async fn other_protocols_are_told_from_an_end() {
        assert_eq!(checked("HTTP/1.1 400 Bad Request\r\n\r\n").await, Err(Flaw::Garbage));
        for answer in ["", "\0", "\0\0\x03ab"] {
            assert_eq!(checked(answer).await, Err(Flaw::Cut), "{answer:?}");
        }
    }
}
