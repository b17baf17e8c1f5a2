//! The measuring modes: what follows when a client's first frame is a command instead of a hello.
//!
//! The commands work behind WhatsApp's header, so that a relay lets them pass as it lets WhatsApp.
//! They carry `pattern`'s bytes. Here is each mode over raw TCP; `measure_web` has the same over
//! WebSocket.

use std::io;

use pasarela_noise::wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{intake::Garbage, pattern, socket::Socket};

/// Bytes taken or written at once: measured to be enough for one core to be the limit.
const CHUNK: usize = 256 * 1024;

/// The most a sink reads before it reports.
const SINK_CHUNK: usize = 64 * 1024;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `sim echo`: all that follows comes back at once.
    Echo,
    /// `sim source N`: N bytes of the pattern, then the end.
    Source(u64),
    /// `sim frames COUNT SIZE`: frames with SIZE bytes of the pattern, which runs on from frame to
    /// frame, then the end.
    Frames { count: u64, size: usize },
    /// `sim sink`: answers with the count of bytes that were the pattern's.
    Sink,
    /// `sim stall`: reads nothing more.
    Stall,
}

impl Mode {
    /// `None` if the frame is no command at all.
    pub(super) fn parse(frame: &[u8]) -> Result<Option<Self>, Garbage> {
        let Some(command) = frame.strip_prefix(b"sim ") else {
            return Ok(None);
        };
        let command = str::from_utf8(command).map_err(|_| Garbage)?;
        let mut words = command.split(' ');
        let name = words.next();
        let mut number = || words.next()?.parse::<u64>().ok();
        let mode = match name {
            Some("echo") => Self::Echo,
            Some("source") => Self::Source(number().ok_or(Garbage)?),
            Some("frames") => {
                let count = number().ok_or(Garbage)?;
                let size = number().and_then(|size| usize::try_from(size).ok());
                let size = size.filter(|size| *size <= wire::MAX_FRAME);
                Self::Frames { count, size: size.ok_or(Garbage)? }
            }
            Some("sink") => Self::Sink,
            Some("stall") => Self::Stall,
            _ => return Err(Garbage),
        };
        match words.next() {
            None => Ok(Some(mode)),
            Some(_) => Err(Garbage),
        }
    }
}

/// Runs `mode` to the connection's end. What followed the command must be in `socket`'s replay.
pub(super) async fn run(mode: Mode, mut socket: Socket) -> io::Result<()> {
    match mode {
        Mode::Echo => echo(&mut socket).await,
        Mode::Source(len) => source(&mut socket, len).await,
        Mode::Frames { count, size } => frames(&mut socket, count, size).await,
        Mode::Sink => sink(&mut socket).await,
        Mode::Stall => socket.peer_end().await,
    }
}

async fn echo(socket: &mut Socket) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = socket.read(&mut buffer).await?;
        let Some(read) = buffer.get(..n).filter(|read| !read.is_empty()) else {
            return socket.shutdown().await;
        };
        socket.write_all(read).await?;
    }
}

async fn source(socket: &mut Socket, len: u64) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < len {
        let piece = next_piece(&mut buffer, offset, len);
        pattern::fill(offset, piece);
        socket.write_all(piece).await?;
        offset += piece.len() as u64;
    }
    end(socket).await
}

async fn frames(socket: &mut Socket, count: u64, size: usize) -> io::Result<()> {
    let mut out = Vec::with_capacity(CHUNK + size);
    for n in 0..count {
        push_frame(n, size, &mut out);
        if out.len() >= CHUNK {
            socket.write_all(&out).await?;
            out.clear();
        }
    }
    socket.write_all(&out).await?;
    end(socket).await
}

async fn sink(socket: &mut Socket) -> io::Result<()> {
    let mut buffer = vec![0; SINK_CHUNK];
    let mut verified = 0u64;
    loop {
        let n = socket.read(&mut buffer).await?;
        let Some(read) = buffer.get(..n).filter(|read| !read.is_empty()) else {
            return socket.shutdown().await;
        };
        if !pattern::matches(verified, read) {
            tracing::debug!(verified, "sink met other bytes than the pattern's");
            socket.reset_on_drop();
            return Err(io::ErrorKind::InvalidData.into());
        }
        verified += n as u64;
        socket.write_all(&verified.to_be_bytes()).await?;
    }
}

/// Ends this side, then reads the peer's rest: closing over unread bytes would reset.
async fn end(socket: &mut Socket) -> io::Result<()> {
    socket.shutdown().await?;
    socket.drain().await
}

/// As much of `buffer` as is left between `offset` and `len`.
pub(super) fn next_piece(buffer: &mut [u8], offset: u64, len: u64) -> &mut [u8] {
    let left = usize::try_from(len - offset).unwrap_or(usize::MAX);
    let n = buffer.len().min(left);
    buffer.split_at_mut(n).0
}

/// Appends frame `n` of `sim frames`.
pub(super) fn push_frame(n: u64, size: usize, out: &mut Vec<u8>) {
    let header = wire::frame_header(size).expect("checked when the command was read");
    out.extend_from_slice(&header);
    let start = out.len();
    out.resize(start + size, 0);
    pattern::fill(n * size as u64, out.split_at_mut(start).1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let check = |frame: &[u8], expected| assert_eq!(Mode::parse(frame), expected);
        check(b"sim echo", Ok(Some(Mode::Echo)));
        check(b"sim source 5", Ok(Some(Mode::Source(5))));
        check(b"sim frames 2 3", Ok(Some(Mode::Frames { count: 2, size: 3 })));
        check(b"sim sink", Ok(Some(Mode::Sink)));
        check(b"sim stall", Ok(Some(Mode::Stall)));
        check(b"\x12\x22\x0a\x20", Ok(None));
        for wrong in ["", "source", "source x", "frames 1", "frames 1 16777216", "sink 1", "echo "] {
            check(format!("sim {wrong}").as_bytes(), Err(Garbage));
        }
    }
}
