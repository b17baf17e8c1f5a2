//! The tunnel spoken by hand: what a client says and hears, message by message, to try what a well-behaved one never does.
//!
//! The well-behaved client is `pasarela::tunnel`'s.

#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else comes is the failure")]

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use pasarela_core::{
    codes::Code,
    limits,
    route::Kind,
    tunnel::{
        message::{Ack, Control, Open, Opened, Resume},
        upgrade,
    },
};
use pasarela_sim::pattern;

use crate::socket::{Event, Socket};

/// A carrier.
#[derive(Debug)]
pub struct Carrier {
    socket: Socket,
    /// Bytes of the relay's stream that have come on any carrier of the stream, from its start.
    pub received: u64,
    /// Bytes sent on this carrier.
    pub sent: u64,
    acked: u64,
    messages_since_ack: u32,
}

/// What a carrier brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A control message.
    Control(Control),
    /// The next bytes of the stream.
    Data(Bytes),
    /// Its end.
    Closed(u16, String),
}

/// A request for a new chat stream.
pub fn open(window: u32) -> Open {
    Open { route: Kind::Chat, window, budget: None, packets: None }
}

impl Carrier {
    /// Begins a stream with these first bytes in the upgrade.
    ///
    /// # Errors
    /// No connection, or no upgrade.
    pub async fn open(url: &str, open: Open, early: &[u8]) -> Result<Self> {
        Self::begin(url, &upgrade::encode(&Control::Open(open), early), 0).await
    }

    /// Goes on with a stream.
    ///
    /// # Errors
    /// No connection, or no upgrade.
    pub async fn resume(url: &str, resume: Resume) -> Result<Self> {
        let received = resume.received;
        Self::begin(url, &upgrade::encode(&Control::Resume(resume), b""), received).await
    }

    /// Offers whatever is given.
    ///
    /// # Errors
    /// No connection, or no upgrade.
    pub async fn begin(url: &str, offer: &str, received: u64) -> Result<Self> {
        let socket = Socket::connect_with(url, &[("sec-websocket-protocol", offer)]).await?;
        Ok(Self { socket, received, sent: 0, acked: received, messages_since_ack: 0 })
    }

    /// Sends the next bytes of the stream.
    ///
    /// # Errors
    /// The carrier is gone.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        self.sent += bytes.len() as u64;
        self.socket.send(bytes).await
    }

    /// Sends a control message.
    ///
    /// # Errors
    /// The carrier is gone.
    pub async fn say(&mut self, control: &Control) -> Result<()> {
        self.socket.send_text(control.encode()).await
    }

    /// Sends any text.
    ///
    /// # Errors
    /// The carrier is gone.
    pub async fn say_text(&mut self, text: &str) -> Result<()> {
        self.socket.send_text(text).await
    }

    /// Closes it.
    ///
    /// # Errors
    /// It is gone.
    pub async fn close(&mut self) -> Result<()> {
        self.socket.close().await
    }

    /// What comes next.
    ///
    /// # Errors
    /// Nothing, in time, or something that is no message of the tunnel.
    pub async fn next(&mut self) -> Result<Said> {
        Ok(match self.socket.next().await? {
            Event::Binary(bytes) => {
                self.received += bytes.len() as u64;
                self.messages_since_ack += 1;
                Said::Data(bytes)
            }
            Event::Text(text) => {
                let control = Control::decode(&text).ok().flatten();
                Said::Control(control.with_context(|| format!("no control message: {text}"))?)
            }
            Event::Closed(code, reason) => Said::Closed(code, reason),
        })
    }

    /// The control message that must come next.
    ///
    /// # Errors
    /// Something else comes.
    pub async fn control(&mut self) -> Result<Control> {
        match self.next().await? {
            Said::Control(control) => Ok(control),
            other => bail!("not a control message: {other:?}"),
        }
    }

    /// Waits for `opened`.
    ///
    /// # Errors
    /// Something else comes.
    pub async fn opened(&mut self) -> Result<Opened> {
        match self.control().await? {
            Control::Opened(opened) => Ok(opened),
            other => bail!("not opened: {other:?}"),
        }
    }

    /// Acknowledges what has come, once it is so many bytes or as many messages as a relay may count on.
    ///
    /// # Errors
    /// The carrier is gone.
    pub async fn ack_if_due(&mut self, bytes: u32) -> Result<()> {
        if self.received - self.acked < u64::from(bytes) && self.messages_since_ack < limits::ACK_MESSAGES {
            return Ok(());
        }
        (self.acked, self.messages_since_ack) = (self.received, 0);
        self.say(&Control::Ack(Ack { n: self.acked, fin: false, window: None })).await
    }

    /// Reads `total` bytes of the simulator's pattern, acknowledging them as a client does.
    ///
    /// # Errors
    /// Another byte, or an early end.
    pub async fn download(&mut self, total: u64) -> Result<()> {
        loop {
            self.ack_if_due(limits::WINDOW_MIN / limits::ACKS_PER_WINDOW).await?;
            if self.received >= total {
                return Ok(());
            }
            let at = self.received;
            match self.next().await.with_context(|| format!("after {at} of {total} bytes"))? {
                Said::Data(bytes) => ensure!(pattern::matches(at, &bytes), "wrong bytes after {at} of {total}"),
                Said::Control(Control::Ack(_)) => {}
                other => bail!("after {at} of {total} bytes: {other:?}"),
            }
        }
    }

    /// Reads on to the reset and the close, which must have this code.
    ///
    /// # Errors
    /// Another code, or none.
    pub async fn fails_with(&mut self, code: Code) -> Result<()> {
        let mut reset = None;
        loop {
            match self.next().await? {
                Said::Control(Control::Reset(message)) => reset = Some(message.code),
                Said::Control(_) | Said::Data(_) => {}
                Said::Closed(number, reason) => {
                    ensure!(reset == Some(code), "reset with {reset:?}, closed with {number} {reason:?}");
                    ensure!((number, reason.as_str()) == (code.number(), code.token()), "closed: {number} {reason:?}");
                    // Answers the close: the relay keeps a failed tunnel for a client that may have missed why.
                    return self.close().await.or(Ok(()));
                }
            }
        }
    }

    /// The socket itself.
    pub fn into_socket(self) -> Socket {
        self.socket
    }
}
