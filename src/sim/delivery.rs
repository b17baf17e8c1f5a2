//! How frames leave the raw TCP side: whole, together, in pieces, late, cut off, or not at all.
//!
//! The WebSocket side has no such modes: there WhatsApp sends one frame a message. Measuring modes
//! write as fast as they can and are not re-chunked either.

use std::{fmt, io, num::NonZeroUsize, str::FromStr, time::Duration};

use tokio::io::AsyncWriteExt;

use super::socket::Socket;

/// A delivery mode of the raw TCP side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// `frame`: one write a frame.
    #[default]
    Frame,
    /// `coalesced`: all frames that are ready in one write. So that there are several, a server's
    /// ping follows the pairing stanza at once.
    Coalesced,
    /// `bytes:N`: each frame in writes of N bytes without Nagle's delay.
    Bytes(NonZeroUsize),
    /// `delayed:MS`: each frame this late.
    Delayed(Duration),
    /// `cut:N`: after N bytes the connection is reset.
    Cut(usize),
    /// `silent`: reads, never answers.
    Silent,
    /// `deaf`: never reads.
    Deaf,
}

/// The text is none of the delivery modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDelivery;

impl fmt::Display for UnknownDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected frame, coalesced, bytes:N, delayed:MS, cut:N, silent or deaf")
    }
}

impl std::error::Error for UnknownDelivery {}

impl FromStr for Delivery {
    type Err = UnknownDelivery;

    fn from_str(text: &str) -> Result<Self, UnknownDelivery> {
        fn number<T: FromStr>(text: &str) -> Result<T, UnknownDelivery> {
            text.parse().map_err(|_| UnknownDelivery)
        }
        match text.split_once(':') {
            None => match text {
                "frame" => Ok(Self::Frame),
                "coalesced" => Ok(Self::Coalesced),
                "silent" => Ok(Self::Silent),
                "deaf" => Ok(Self::Deaf),
                _ => Err(UnknownDelivery),
            },
            Some(("bytes", n)) => Ok(Self::Bytes(number(n)?)),
            Some(("delayed", ms)) => Ok(Self::Delayed(Duration::from_millis(number(ms)?))),
            Some(("cut", n)) => Ok(Self::Cut(number(n)?)),
            Some(_) => Err(UnknownDelivery),
        }
    }
}

/// One connection's way out.
pub(super) struct Outlet {
    delivery: Delivery,
    sent: usize,
}

impl Outlet {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { delivery, sent: 0 }
    }

    /// Sends frames that became ready together.
    pub(super) async fn send(&mut self, socket: &mut Socket, frames: &[Vec<u8>]) -> io::Result<()> {
        match self.delivery {
            Delivery::Coalesced => return socket.write_all(&frames.concat()).await,
            Delivery::Silent | Delivery::Deaf => return Ok(()),
            Delivery::Frame | Delivery::Bytes(_) | Delivery::Delayed(_) | Delivery::Cut(_) => {}
        }
        for frame in frames {
            self.send_one(socket, frame).await?;
            self.sent += frame.len();
        }
        Ok(())
    }

    async fn send_one(&self, socket: &mut Socket, frame: &[u8]) -> io::Result<()> {
        match self.delivery {
            Delivery::Bytes(n) => {
                for piece in frame.chunks(n.get()) {
                    socket.write_all(piece).await?;
                    // Lets the other side run, so that pieces are seldom read together.
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Delivery::Delayed(delay) => {
                // The simulated network is slow; nothing is waited for.
                tokio::time::sleep(delay).await;
                socket.write_all(frame).await
            }
            Delivery::Cut(limit) => {
                let left = limit.saturating_sub(self.sent);
                let Some(kept) = frame.get(..left) else {
                    return socket.write_all(frame).await;
                };
                socket.write_all(kept).await?;
                socket.reset_on_drop();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Delivery::Frame | Delivery::Coalesced | Delivery::Silent | Delivery::Deaf => socket.write_all(frame).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_from_text() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Delivery>(), expected, "{text}");
        check("frame", Ok(Delivery::Frame));
        check("coalesced", Ok(Delivery::Coalesced));
        check("bytes:1", Ok(Delivery::Bytes(NonZeroUsize::MIN)));
        check("delayed:20", Ok(Delivery::Delayed(Duration::from_millis(20))));
        check("cut:0", Ok(Delivery::Cut(0)));
        check("silent", Ok(Delivery::Silent));
        check("deaf", Ok(Delivery::Deaf));
        for wrong in ["", "frames", "bytes", "bytes:", "bytes:0", "cut:-1", "delayed:1s", "x:1"] {
            check(wrong, Err(UnknownDelivery));
        }
    }
}
