//! The proof that WhatsApp's media host answers: a TLS session with it, with a certificate that browsers would take.
//!
//! Nothing is asked of it.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::{
    flaw::Flaw,
    trust::{HandshakeError, Trust, handshake_error},
};

/// Where every client fetches media, when no nearer host was named to it.
pub const MEDIA_HOST: &str = "mmg.whatsapp.net";

/// Makes a TLS session with [`MEDIA_HOST`] over the stream, and ends it.
///
/// It waits for as long as the stream does.
///
/// # Errors
///
/// Nothing proves that this is WhatsApp's.
pub async fn media<S>(stream: S, trust: &Trust) -> Result<(), Flaw>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connected = trust.connect(MEDIA_HOST, stream).await;
    let mut session = connected.map_err(|error| match handshake_error(&error) {
        HandshakeError::NoTls => Flaw::Garbage,
        HandshakeError::Certificate => Flaw::Forged,
        HandshakeError::Dates(dates) => Flaw::Dates(dates),
        HandshakeError::Broken => Flaw::of_broken(&error),
    })?;
    // It is proven; how the other side takes the end makes no difference.
    let _ = session.shutdown().await;
    Ok(())
}
