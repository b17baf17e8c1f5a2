//! What the client's end is told and tells, and how it is set up.

use alloc::string::String;
use core::time::Duration;

use super::super::{Carrier, Ending, duplex, message::Control};
use crate::{codes::Code, limits, route::Kind, time::Instant};

/// What happened.
#[derive(Debug)]
pub enum Input<'t, C> {
    /// The way to the relay is there; its upgrade may be sent.
    Dialled(Carrier),
    /// The relay answered 101.
    Upgraded(Carrier),
    /// A carrier brought a binary message.
    Data(Carrier, C),
    /// A carrier brought a text message.
    Text(Carrier, &'t str),
    /// A carrier brought the answer to a ping.
    Pong(Carrier),
    /// A carrier's socket took more of what had to wait for it, or brought a part of a message.
    Moved(Carrier),
    /// A carrier is gone, or never came to be.
    CarrierClosed(Carrier, Ending),
    /// TCP sent bytes: the answer to `Output::Read`.
    Read(C),
    /// TCP has said all.
    ReadEnd,
    /// The TCP connection broke.
    TcpFailed,
    /// TCP took what `Output::Write` asked to write.
    Written,
    /// What is in front of the relay takes short heads only: nothing of the stream is to travel in the upgrade.
    ShortHeads,
    /// A better way to the relay is there: the stream is to move.
    Rotate,
    /// The relay refused for good, or the adapter gives up.
    End(Code),
    /// The time given by `Output::Wait` has come.
    Timer,
}

/// What the adapter is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<C> {
    /// Reach the relay, up to where the upgrade would be sent; answer with `Dialled` or `CarrierClosed`.
    Dial(Carrier),
    /// Send the upgrade with this `Sec-WebSocket-Protocol`; answer with `Upgraded` or `CarrierClosed`.
    Upgrade(Carrier, String),
    /// Send this as one binary message.
    Send(Carrier, C),
    /// Send this as one text message.
    Control(Carrier, Control),
    /// Send a ping; answer with `Pong`.
    Ping(Carrier),
    /// Close the carrier behind what was sent, without waiting for it; answer with `CarrierClosed`.
    Close(Carrier, Code),
    /// The stream reached its destination.
    Connected,
    /// The network freezes carriers: from now on each is used for a few packets.
    Frozen,
    /// Read at most this many bytes from TCP; answer with `Read` or `ReadEnd`. One at a time.
    Read(usize),
    /// Write this to TCP; answer with `Written`. One at a time.
    Write(C),
    /// Send TCP our end of the stream.
    Finish,
    /// The stream failed: reset the TCP connection.
    Abort(Code),
    /// Nothing to do before this time.
    Wait(Instant),
    /// The tunnel is over; let go of everything.
    Done,
}

/// What a new tunnel is.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it speaks.
    pub route: Kind,
    /// Bytes to accept beyond the last acknowledgement at first, 64 KiB … 1 MiB.
    pub window: u32,
    /// Stream bytes from the relay that a carrier can bear before the network freezes it; none if it does not.
    pub budget: Option<u64>,
    /// Packets of both ways that a carrier can bear behind its upgrade; none if the network does not count them.
    pub packets: Option<u64>,
    /// Whether the stream's first bytes may travel in the upgrade.
    pub early: bool,
    /// How long things may take.
    pub timing: Timing,
    /// For the jitter.
    pub seed: u64,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Between two pings, ± 20 %.
    pub ping: Duration,
    /// Bytes were on their way and nothing came for this long: ping at once.
    pub quiet: Duration,
    /// A pong is due.
    pub pong: Duration,
    /// A carrier is to be in use this long after it was begun.
    pub attempt: Duration,
    /// The longest wait before the first attempt after a loss, and before any.
    pub backoff: (Duration, Duration),
    /// Without a carrier for this long the stream is given up.
    pub give_up: Duration,
}

impl Timing {
    /// What suits a phone on a bad line.
    pub const DEFAULT: Self = Self {
        ping: Duration::from_secs(30),
        quiet: Duration::from_secs(3),
        pong: Duration::from_secs(4),
        attempt: Duration::from_secs(15),
        backoff: (Duration::from_millis(200), Duration::from_secs(10)),
        give_up: limits::RESUME_FOR,
    };
}

impl<C> From<duplex::Output<C>> for Output<C> {
    fn from(output: duplex::Output<C>) -> Self {
        match output {
            duplex::Output::Send(carrier, chunk) => Self::Send(carrier, chunk),
            duplex::Output::Control(carrier, control) => Self::Control(carrier, control),
            duplex::Output::Close(carrier, code) => Self::Close(carrier, code),
            duplex::Output::Read(max) => Self::Read(max),
            duplex::Output::Write(chunk) => Self::Write(chunk),
            duplex::Output::Finish => Self::Finish,
        }
    }
}
