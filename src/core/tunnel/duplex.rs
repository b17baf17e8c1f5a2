//! Both directions of a tunnel between TCP on one side and the present carrier on the other: the same for both ends.
//!
//! It knows which carrier is in use and where each stands in the stream; when a carrier is begun, refused or given up, and
//! when the tunnel ends, is decided by `relay` and `client`.

use alloc::collections::VecDeque;

use super::{
    Carrier,
    attachment::{Allowance, Attachment},
    inbound::Inbound,
    message::{Ack, Control, Fin, packets},
    outbound::Outbound,
    pace::Pace,
};
use crate::{chunk::Chunk, codes::Code, limits, time::Instant};

/// What the adapter is to do; `relay` and `client` pass it on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output<C> {
    Send(Carrier, C),
    Control(Carrier, Control),
    Close(Carrier, Code),
    Read(usize),
    Write(C),
    Finish,
}

#[derive(Debug)]
pub(super) struct Duplex<C> {
    pub(super) outbound: Outbound<C>,
    pub(super) inbound: Inbound<C>,
    current: Option<Attachment>,
    /// One that was replaced and may still bring bytes, with the position of the next.
    older: Option<(Carrier, u64)>,
    tcp: Tcp,
    /// The window that the peer is to get.
    wish: Option<u32>,
    /// How fast the peer takes what it is sent.
    pace: Pace,
    now: Instant,
    outputs: VecDeque<Output<C>>,
}

/// The connection on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tcp {
    /// Not there yet.
    Opening,
    Open {
        reading: bool,
    },
    /// Closed, or about to be.
    Closed,
}

impl<C: Chunk + Clone> Duplex<C> {
    /// A stream without a carrier; with `keep`, it may have more than one. It acknowledges after `ack_bytes` at the latest.
    pub(super) fn new(keep: bool, ack_bytes: u32) -> Self {
        Self {
            outbound: Outbound::new(keep),
            inbound: Inbound::new(ack_bytes),
            current: None,
            older: None,
            tcp: Tcp::Opening,
            wish: None,
            pace: Pace::default(),
            now: Instant::from_millis(0),
            outputs: VecDeque::new(),
        }
    }

    /// It is `now`, for all that follows.
    pub(super) const fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// The first carrier, which brings the stream from its start.
    pub(super) fn begin(&mut self, carrier: Carrier, allowance: Allowance) {
        self.current = Some(Attachment::new(carrier, 0, allowance));
        self.outbound.prove();
        self.pump();
    }

    /// The carrier in use.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        self.current.as_ref().map(|current| current.carrier)
    }

    /// Bytes that the carrier in use has brought.
    pub(super) fn brought(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.brought)
    }

    /// Packets that were made of what the carrier in use was given and brought.
    pub(super) fn seen(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.seen)
    }

    /// The carrier in use is asked for a pong.
    pub(super) fn pinged(&mut self) {
        self.current.iter_mut().for_each(|current| current.seen += 2 * packets(0));
    }

    /// Messages that the carrier in use was given and the peer is to answer: data, and our end.
    pub(super) fn questions(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.questions)
    }

    /// Bytes a second that the peer takes, or is taken for taking.
    pub(super) fn rate(&self) -> u64 {
        self.pace.rate()
    }

    /// A carrier was given up for its silence. It may have been slow.
    pub(super) fn doubt(&mut self) {
        self.pace.doubt();
    }

    /// The carrier that was replaced and may still bring bytes.
    pub(super) fn older(&self) -> Option<Carrier> {
        self.older.map(|(carrier, _)| carrier)
    }

    /// Whether both directions have been delivered to their ends, and both peers know.
    pub(super) const fn is_over(&self) -> bool {
        self.outbound.is_over() && self.inbound.is_over()
    }

    /// The peer announced its window, of which we use at most `ours`.
    pub(super) fn widen(&mut self, window: u32, ours: u32) {
        self.outbound.widen(window.min(ours));
        self.inbound.peer_widens(window);
    }

    /// The window that the peer should get for its pace; once.
    pub(super) const fn take_wish(&mut self) -> Option<u32> {
        self.wish.take()
    }

    /// The next thing to do.
    pub(super) fn next(&mut self) -> Option<Output<C>> {
        self.outputs.pop_front()
    }

    /// TCP is connected.
    pub(super) fn open(&mut self) {
        self.tcp = Tcp::Open { reading: false };
        self.pump();
    }

    /// TCP brought bytes.
    pub(super) fn read(&mut self, chunk: C) {
        if let Tcp::Open { reading } = &mut self.tcp {
            *reading = false;
            self.outbound.push(chunk);
            self.pump();
        }
    }

    /// TCP has said all.
    pub(super) fn read_end(&mut self) {
        if let Tcp::Open { .. } = self.tcp {
            self.outbound.finish();
            self.pump();
        }
    }

    /// TCP has taken the write.
    pub(super) fn written(&mut self) {
        self.inbound.written();
        self.wish = self.inbound.next_window(self.now).or(self.wish);
        self.pump();
    }

    /// A carrier brought bytes; returns how many were new.
    pub(super) fn data(&mut self, from: Carrier, chunk: C) -> Result<usize, Code> {
        let len = chunk.len();
        let position = match (&mut self.current, &mut self.older) {
            (Some(current), _) if current.carrier == from => {
                current.brought = current.brought.saturating_add(len as u64);
                current.seen = current.seen.saturating_add(packets(len));
                &mut current.position
            }
            (_, Some((older, position))) if *older == from => position,
            _ => return Ok(0),
        };
        if len > limits::TUNNEL_CHUNK {
            return Err(Code::TooBig);
        }
        let at = *position;
        *position = at.saturating_add(len as u64);
        let new = if len == 0 { 0 } else { self.inbound.take(at, chunk, self.now)? };
        self.pump();
        Ok(new)
    }

    /// A carrier brought an acknowledgement. An older one's is worth nothing: the newer repeats it. Of a window that it brings we use at
    /// most `ours`.
    pub(super) fn ack(&mut self, from: Carrier, ack: Ack, ours: u32) -> Result<(), Code> {
        if let Some(current) = self.current.as_mut().filter(|current| current.carrier == from) {
            current.seen = current.seen.saturating_add(packets(0));
            let before = self.outbound.acked();
            self.outbound.ack(ack.n, ack.fin)?;
            self.pace.acked(self.outbound.acked() - before, self.outbound.in_flight(), self.now);
            if let Some(window) = ack.window {
                self.widen(window, ours);
            }
            self.pump();
        }
        Ok(())
    }

    /// A carrier brought the peer's end.
    pub(super) fn fin(&mut self, from: Carrier, fin: Fin) -> Result<(), Code> {
        if self.carrier() == Some(from) {
            self.inbound.fin(fin.n)?;
            self.pump();
        }
        Ok(())
    }

    /// The present carrier may be given `n` bytes in all, never less than it was said before.
    pub(super) fn budget(&mut self, from: Carrier, n: u64) {
        if let Some(current) = self.current.as_mut().filter(|current| current.carrier == from) {
            current.budget = current.budget.max(n.saturating_sub(current.given));
            self.pump();
        }
    }

    /// The present carrier may be given whatever there is.
    pub(super) fn lift_limits(&mut self) {
        if let Some(current) = &mut self.current {
            (current.budget, current.packets) = (u64::MAX, u64::MAX);
        }
    }

    /// The stream goes on over this carrier: the peer has the first `has` bytes of ours and goes on behind the first
    /// `position` of its own. Returns the carrier that is replaced.
    pub(super) fn attach(
        &mut self,
        carrier: Carrier,
        has: u64,
        position: u64,
        allowance: Allowance,
    ) -> Result<Option<Carrier>, Code> {
        let before = self.outbound.acked();
        self.outbound.resume(has)?;
        self.pace.resumed(has.saturating_sub(before), self.now);
        Ok(self.replace(Attachment::new(carrier, position, allowance)))
    }

    /// A carrier takes over a stream that has failed, only to say so.
    pub(super) fn take_over(&mut self, carrier: Carrier) {
        self.replace(Attachment::new(carrier, 0, Allowance::default()));
    }

    fn replace(&mut self, attachment: Attachment) -> Option<Carrier> {
        let replaced = self.current.replace(attachment);
        // Whatever was to go over the older one goes over this.
        self.outputs.retain(|output| match output {
            Output::Send(..) | Output::Control(..) => false,
            Output::Close(..) | Output::Read(_) | Output::Write(_) | Output::Finish => true,
        });
        replaced.map(|replaced| {
            self.older = Some((replaced.carrier, replaced.position));
            replaced.carrier
        })
    }

    /// Nothing more is taken from the replaced carrier.
    pub(super) fn drop_older(&mut self) {
        self.older = None;
    }

    /// A carrier is gone. Returns whether it was the one in use.
    pub(super) fn detach(&mut self, gone: Carrier) -> bool {
        self.older.take_if(|(older, _)| *older == gone);
        self.current.take_if(|current| current.carrier == gone).is_some()
    }

    /// Says something on the present carrier.
    pub(super) fn say(&mut self, control: Control) {
        if let Some(current) = &mut self.current {
            // It must be said, whatever the carrier bears.
            current.charge(0);
            self.outputs.push_back(Output::Control(current.carrier, control));
        }
    }

    /// Closes a carrier behind what was sent on it.
    pub(super) fn close(&mut self, carrier: Carrier, code: Code) {
        self.outputs.push_back(Output::Close(carrier, code));
    }

    /// Says where we stand, which a new carrier does not know.
    pub(super) fn say_ack(&mut self) {
        let ack = self.inbound.ack();
        self.say(Control::Ack(ack));
    }

    /// Lets go of all payload; TCP is being closed.
    pub(super) fn clear(&mut self) {
        self.tcp = Tcp::Closed;
        self.outbound.clear();
        self.inbound.clear();
        self.outputs.retain(|output| match output {
            Output::Control(..) | Output::Close(..) => true,
            Output::Send(..) | Output::Read(_) | Output::Write(_) | Output::Finish => false,
        });
    }

    /// Everything that may be done now.
    pub(super) fn pump(&mut self) {
        if self.tcp == Tcp::Closed {
            // The last word is said.
            return;
        }
        self.deliver();
        self.send();
        if let (Tcp::Open { reading: false }, room @ 1..) = (self.tcp, self.outbound.room()) {
            self.tcp = Tcp::Open { reading: true };
            self.outputs.push_back(Output::Read(usize::try_from(room).unwrap_or(usize::MAX)));
        }
    }

    fn deliver(&mut self) {
        let Tcp::Open { .. } = self.tcp else { return };
        if let Some(chunk) = self.inbound.next_write() {
            self.outputs.push_back(Output::Write(chunk));
        }
        if self.inbound.next_finish() {
            self.outputs.push_back(Output::Finish);
        }
    }

    fn send(&mut self) {
        let Some(current) = &mut self.current else { return };
        let most = u64::from(self.pace.message());
        while let Some(chunk) = self.outbound.next_message(current.most().min(most)) {
            self.pace.sent(self.now);
            current.charge(chunk.len());
            let len = chunk.len() as u64;
            current.budget = current.budget.saturating_sub(len);
            current.given = current.given.saturating_add(len);
            current.questions += 1;
            self.outputs.push_back(Output::Send(current.carrier, chunk));
        }
        let carrier = current.carrier;
        if current.packets > 0
            && let Some(n) = self.outbound.next_fin()
        {
            current.charge(0);
            current.questions += 1;
            self.outputs.push_back(Output::Control(carrier, Control::Fin(Fin { n })));
        }
        // The next carrier begins with one.
        if current.packets > 0
            && let Some(ack) = self.inbound.next_ack(self.now)
        {
            current.charge(0);
            self.outputs.push_back(Output::Control(carrier, Control::Ack(ack)));
        }
    }
}
