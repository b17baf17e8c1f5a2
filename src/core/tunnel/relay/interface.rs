//! What the relay's end is told and tells, and how it is set up.

use alloc::{string::String, vec::Vec};

use super::super::{
    Carrier, Ending, duplex,
    message::{Control, Open, Resume},
};
use crate::{codes::Code, config::Authority, dial::Candidate, opening::Origin, time::Instant};

/// What happened.
#[derive(Debug)]
pub enum Input<'t, C> {
    /// A new carrier, accepted, asks to go on with this stream.
    Resume(Carrier, Resume),
    /// A carrier brought a binary message.
    Data(Carrier, C),
    /// A carrier brought a text message.
    Text(Carrier, &'t str),
    /// A carrier is gone.
    CarrierClosed(Carrier, Ending),
    /// A candidate accepted the connection.
    Opened(Candidate),
    /// A candidate refused it.
    Failed(Candidate),
    /// The upstream sent bytes: the answer to `Output::Read`.
    Read(C),
    /// The upstream has said all.
    ReadEnd,
    /// The upstream's connection broke.
    UpstreamFailed,
    /// The upstream took what `Output::Write` asked to write.
    Written,
    /// The answer to `Output::Widen`: the window that is granted now, each way, in bytes.
    Widened(u32),
    /// The adapter ends the stream: its budget is used up, it makes room, it shuts down.
    End(Code),
    /// The time given by `Output::Wait` has come.
    Timer,
}

/// What the adapter is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<C> {
    /// Send this as one binary message.
    Send(Carrier, C),
    /// Send this as one text message.
    Control(Carrier, Control),
    /// Close the carrier behind what was sent.
    Close(Carrier, Code),
    /// Start connecting; answer with `Opened` or `Failed`.
    Connect(Candidate, Authority),
    /// Close this connection; it lost the race.
    Abandon(Candidate),
    /// This connection is the stream's upstream from here on.
    Use(Candidate),
    /// Read at most this many bytes from the upstream; answer with `Read` or `ReadEnd`. One at a time.
    Read(usize),
    /// Write this to the upstream; answer with `Written`. One at a time.
    Write(C),
    /// Grant a window of so many bytes each way, if there is room for it; answer with `Widened`.
    Widen(u32),
    /// Send the upstream the client's end of the stream.
    Finish,
    /// Close every connection to the upstream that there is.
    CloseUpstream,
    /// Nothing to do before this time.
    Wait(Instant),
    /// The tunnel is over; let go of everything.
    Done,
}

/// What a new tunnel is.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is known of the stream and its client.
    pub origin: Origin,
    /// What the client asked for.
    pub open: Open,
    /// The first bytes, if the upgrade brought some.
    pub early: Vec<u8>,
    /// The window granted, both ways, in bytes.
    pub window: u32,
    /// The session's name, if it can be resumed.
    pub session: Option<String>,
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
