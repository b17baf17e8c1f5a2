//! A connection before its upgrade: that it says something, how much of it has to be kept, and when an answer went on last.
//!
//! Who has to go for it, the lobby says; when a visit has lasted too long, `listen`.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_util::io::{InspectReader, InspectWriter};

use crate::lobby::Guest;

/// For as long as this lives; what inspects its connection looks on at nothing once it is gone, as after an upgrade.
pub(super) struct Visit {
    guest: Option<Guest>,
    greeted: AtomicBool,
    wrote: Mutex<Instant>,
}

impl Visit {
    /// Of a guest, unless it is of somebody who is trusted.
    pub(super) fn new(guest: Option<Guest>) -> Arc<Self> {
        Arc::new(Self { guest, greeted: AtomicBool::new(false), wrote: Mutex::new(Instant::now()) })
    }

    /// The stream on which requests come.
    pub(super) fn of_requests<S: AsyncRead + AsyncWrite>(
        self: &Arc<Self>,
        stream: S,
    ) -> impl AsyncRead + AsyncWrite + use<S> {
        let (reading, writing) = (Arc::downgrade(self), Arc::downgrade(self));
        let read = move |bytes: &[u8]| {
            if let Some(guest) = reading.upgrade().as_ref().and_then(|visit| visit.guest.as_ref()) {
                guest.heard();
                guest.says(bytes.len());
            }
        };
        let wrote = move |_: &[u8]| {
            if let Some(visit) = writing.upgrade() {
                visit.writes();
            }
        };
        InspectWriter::new(InspectReader::new(stream, read), wrote)
    }

    /// The stream below TLS, whose handshake has to be kept until it is whole.
    pub(super) fn below_tls<S: AsyncRead + AsyncWrite>(
        self: &Arc<Self>,
        stream: S,
    ) -> impl AsyncRead + AsyncWrite + use<S> {
        let visit = Arc::downgrade(self);
        InspectReader::new(stream, move |bytes: &[u8]| {
            let Some(visit) = Weak::upgrade(&visit) else { return };
            let Some(guest) = &visit.guest else { return };
            guest.heard();
            if !visit.greeted.load(Ordering::Relaxed) {
                guest.says(bytes.len());
            }
        })
    }

    /// The handshake is done.
    pub(super) fn greeted(&self) {
        self.greeted.store(true, Ordering::Relaxed);
        self.is_whole();
    }

    /// A request's head, or a handshake, is whole.
    pub(super) fn is_whole(&self) {
        self.guest.iter().for_each(Guest::said_all);
    }

    /// When it has to end, unless more is written until then.
    pub(super) fn until(&self, most: Duration) -> Instant {
        // Nothing under the lock leaves it half done.
        *self.wrote.lock().unwrap_or_else(PoisonError::into_inner) + most
    }

    fn writes(&self) {
        *self.wrote.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Does this until its place is another's.
    pub(super) async fn while_here<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match &self.guest {
            Some(guest) => guest.while_here(work).await,
            None => Some(work.await),
        }
    }
}
