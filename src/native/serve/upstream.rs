//! The TCP connections of one stream to WhatsApp: those that race, and the one that won.
//!
//! Which to begin, to drop and to use is the core's.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use pasarela_core::{chunk::Chunk, config::Authority, dial::Candidate};
use tokio::net::TcpStream;

use super::meter::Meter;
use crate::{
    net::eyeballs,
    tunnel::{
        chunk::Piece,
        tcp::{self, Tcp},
    },
};

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// It accepted the connection.
    Opened(Candidate),
    /// It refused it.
    Failed(Candidate),
    /// The one in use.
    Tcp(tcp::Event),
}

pub(crate) struct Upstream {
    meter: Meter,
    connecting: Vec<(Candidate, Connecting)>,
    connected: Vec<(Candidate, TcpStream)>,
    tcp: Option<Tcp<TcpStream>>,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Upstream {
    /// None yet; what goes through is counted here.
    pub(crate) fn new(meter: &Meter) -> Self {
        Self { meter: meter.clone(), connecting: Vec::new(), connected: Vec::new(), tcp: None }
    }

    /// Begins a connection.
    pub(crate) fn connect(&mut self, candidate: Candidate, authority: &Authority) {
        let authority = authority.to_string();
        self.connecting.push((candidate, Box::pin(async move { eyeballs::connect(&authority).await })));
    }

    /// Drops one that lost.
    pub(crate) fn abandon(&mut self, loser: Candidate) {
        self.connecting.retain(|(candidate, _)| *candidate != loser);
        self.connected.retain(|(candidate, _)| *candidate != loser);
    }

    /// The stream goes over this one.
    pub(crate) fn choose(&mut self, winner: Candidate) {
        let index = self.connected.iter().position(|(candidate, _)| *candidate == winner);
        self.tcp = index.map(|index| Tcp::new(self.connected.swap_remove(index).1));
    }

    /// Gives up the winner, for somebody who moves its bytes without the core.
    pub(crate) fn take(&mut self, winner: Candidate) -> Option<TcpStream> {
        let index = self.connected.iter().position(|(candidate, _)| *candidate == winner)?;
        Some(self.connected.swap_remove(index).1)
    }

    /// Reads at most `max` bytes.
    pub(crate) fn read(&mut self, max: usize) {
        self.tcp.iter_mut().for_each(|tcp| tcp.read(max));
    }

    /// Writes this.
    pub(crate) fn write(&mut self, piece: Piece) {
        if let Some(tcp) = &mut self.tcp {
            tcp.write(piece);
        }
    }

    /// Sends the client's end.
    pub(crate) fn finish(&mut self) {
        self.tcp.iter_mut().for_each(Tcp::finish);
    }

    /// Closes all.
    pub(crate) fn close(&mut self) {
        self.connecting.clear();
        self.connected.clear();
        if let Some(tcp) = self.tcp.take() {
            tcp.close();
        }
    }

    /// The next event.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        for index in 0..self.connecting.len() {
            let Some((candidate, connecting)) = self.connecting.get_mut(index) else { continue };
            let candidate = *candidate;
            if let Poll::Ready(result) = connecting.as_mut().poll(cx) {
                drop(self.connecting.swap_remove(index));
                return Poll::Ready(match result {
                    Ok(tcp) => {
                        self.connected.push((candidate, tcp));
                        Event::Opened(candidate)
                    }
                    Err(_) => Event::Failed(candidate),
                });
            }
        }
        let Some(tcp) = &mut self.tcp else { return Poll::Pending };
        let event = tcp.poll(cx);
        match &event {
            Poll::Ready(tcp::Event::Read(piece)) => {
                self.meter.down.inc_by(piece.len() as u64);
            }
            Poll::Ready(tcp::Event::Written(len)) => {
                self.meter.up.inc_by(*len);
            }
            Poll::Ready(tcp::Event::ReadEnd | tcp::Event::Failed(_)) | Poll::Pending => {}
        }
        event.map(Event::Tcp)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // A task that was ended from outside must not look to WhatsApp like a client that has said all.
        self.close();
    }
}
