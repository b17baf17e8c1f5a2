//! The TCP connections of one tunnel to WhatsApp: those that race, and the one that won.
//!
//! Which to begin, to drop and to use is the core's.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pasarela_core::config::Authority;
use pasarela_core::dial::Candidate;
use tokio::net::TcpStream;

use super::super::chunk::Piece;
use super::super::tcp::{self, Tcp};

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// It accepted the connection.
    Opened(Candidate),
    /// It refused it.
    Failed(Candidate),
    /// The one in use.
    Tcp(tcp::Event),
}

#[derive(Default)]
pub(super) struct Upstream {
    connecting: Vec<(Candidate, Connecting)>,
    connected: Vec<(Candidate, TcpStream)>,
    tcp: Option<Tcp<TcpStream>>,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Upstream {
    /// Begins a connection.
    pub(super) fn connect(&mut self, candidate: Candidate, authority: &Authority) {
        let authority = authority.to_string();
        let connecting = async move {
            let tcp = TcpStream::connect(authority).await?;
            tcp.set_nodelay(true)?;
            Ok(tcp)
        };
        self.connecting.push((candidate, Box::pin(connecting)));
    }

    /// Drops one that lost.
    pub(super) fn abandon(&mut self, loser: Candidate) {
        self.connecting.retain(|(candidate, _)| *candidate != loser);
        self.connected.retain(|(candidate, _)| *candidate != loser);
    }

    /// The stream goes over this one.
    pub(super) fn choose(&mut self, winner: Candidate) {
        let index = self.connected.iter().position(|(candidate, _)| *candidate == winner);
        self.tcp = index.map(|index| Tcp::new(self.connected.swap_remove(index).1));
    }

    /// Reads at most `max` bytes.
    pub(super) fn read(&mut self, max: usize) {
        self.tcp.iter_mut().for_each(|tcp| tcp.read(max));
    }

    /// Writes this.
    pub(super) fn write(&mut self, piece: Piece) {
        if let Some(tcp) = &mut self.tcp {
            tcp.write(piece);
        }
    }

    /// Sends the client's end.
    pub(super) fn finish(&mut self) {
        self.tcp.iter_mut().for_each(Tcp::finish);
    }

    /// Closes all.
    pub(super) fn close(&mut self) {
        self.connecting.clear();
        self.connected.clear();
        if let Some(tcp) = self.tcp.take() {
            tcp.close();
        }
    }

    /// The next event.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
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
        match &mut self.tcp {
            Some(tcp) => tcp.poll(cx).map(Event::Tcp),
            None => Poll::Pending,
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // A task that was ended from outside must not look to WhatsApp like a client that has said all.
        self.close();
    }
}
