//! What others may know of a running tunnel, and tell it.

use tokio::sync::{mpsc, watch};

use crate::trouble::Trouble;

/// How a tunnel stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The stream reached its destination.
    pub connected: bool,
    /// There is a carrier that the relay accepted.
    pub attached: bool,
    /// Connections to the relay that were begun, in vain or not.
    pub dialled: u32,
    /// Carriers that the relay accepted: the first, and one for each re-attachment.
    pub carriers: u32,
    /// Bytes read from the local side.
    pub sent: u64,
    /// Bytes written to the local side.
    pub received: u64,
    /// Bytes held: not yet acknowledged by the relay, or not yet taken by the local side.
    pub held: usize,
    /// What last went wrong on the way to the relay or beyond it; it may pass.
    pub trouble: Option<Trouble>,
}

/// A running tunnel, seen from elsewhere. Dropping it ends nothing.
#[derive(Clone, Debug)]
pub struct Handle {
    rotate: mpsc::Sender<()>,
    status: watch::Receiver<Status>,
}

impl Handle {
    /// Moves the stream to a new carrier: the next is attached before the present one is let go. Without a carrier, or
    /// before the stream has reached its destination, it happens as soon as it can.
    pub fn rotate(&self) {
        // Full: the tunnel has not got round to the last one, or it is over.
        let _ = self.rotate.try_send(());
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// How it stands, to be waited for. It closes when the tunnel is over.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

/// The tunnel's side of its handles.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) rotate: mpsc::Receiver<()>,
    pub(super) status: watch::Sender<Status>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // However the tunnel ended, even if its future was dropped.
        self.status.send_if_modified(|shown| std::mem::take(&mut shown.attached));
    }
}

pub(super) fn pair() -> (Handle, Owner) {
    let (rotate, asked) = mpsc::channel(1);
    let (owner, status) = watch::channel(Status::default());
    (Handle { rotate, status }, Owner { rotate: asked, status: owner })
}
