//! Stands for `browser` in a program that was built without it: there is none.

use std::convert::Infallible;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use super::{HandshakeError, Identity, Secured};
use crate::tls::Authorities;

/// Cannot be had.
#[derive(Debug)]
pub(in super::super) struct Browser(Infallible);

impl Browser {
    pub(in super::super) const fn new(_identity: &Identity, _authorities: &Authorities) -> Option<Self> {
        None
    }

    #[expect(clippy::unused_async, reason = "as the other one")]
    pub(in super::super) async fn handshake<S>(&self, _stream: S) -> Result<(TlsStream<S>, Secured), HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.0 {}
    }
}
