//! A phone's connection: TCP, or TLS that ends here.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::net::Prefixed;

/// A phone's connection. Dropped, it ends in order; see [`Local::reset`].
#[derive(Debug)]
pub struct Local(Side);

#[derive(Debug)]
enum Side {
    Tcp(TcpStream),
    Tls(Box<TlsStream<Prefixed<TcpStream>>>),
}

impl From<TcpStream> for Local {
    fn from(tcp: TcpStream) -> Self {
        Self(Side::Tcp(tcp))
    }
}

impl From<Box<TlsStream<Prefixed<TcpStream>>>> for Local {
    fn from(tls: Box<TlsStream<Prefixed<TcpStream>>>) -> Self {
        Self(Side::Tls(tls))
    }
}

impl Local {
    /// Whether its TLS ends here.
    #[cfg(test)]
    pub(super) const fn is_tls(&self) -> bool {
        matches!(self.0, Side::Tls(_))
    }

    /// Cuts it, so that the app sees that its stream did not end in order, and dials again at once.
    pub fn reset(self) {
        let tcp = match &self.0 {
            Side::Tcp(tcp) => tcp,
            Side::Tls(tls) => tls.get_ref().0.get_ref(),
        };
        // One that is gone already needs none.
        let _ = tcp.set_zero_linger();
    }
}

macro_rules! on_either {
    ($self:ident, $stream:ident => $act:expr) => {
        match &mut $self.get_mut().0 {
            Side::Tcp(tcp) => {
                let $stream = Pin::new(tcp);
                $act
            }
            Side::Tls(tls) => {
                let $stream = Pin::new(tls.as_mut());
                $act
            }
        }
    };
}

impl AsyncRead for Local {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Local {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_either!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_either!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Side::Tcp(tcp) => tcp.is_write_vectored(),
            Side::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_either!(self, stream => stream.poll_shutdown(cx))
    }
}
