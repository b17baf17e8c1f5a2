//! The carriers of one tunnel, from the dial to the close, under the numbers that the core gave them.
//!
//! It begins and ends none of itself, except that what has ended is forgotten.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use pasarela_core::tunnel::{Carrier, Ending};

use tokio_util::task::TaskTracker;

use super::{
    super::{
        carrier::{self, Link, Socket},
        dialer::Dialled,
        request::Upgrade,
    },
    error::Error,
    options::Options,
    upgrade::{Failure, upgrade},
};
use crate::trouble::Trouble;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What happened to a carrier.
pub(super) enum Event {
    /// The relay is reached; the upgrade may be sent.
    Dialled(Carrier),
    /// The relay accepted it.
    Upgraded(Carrier),
    /// It is there, and bytes move.
    Moved(Carrier),
    /// It is there and brought this, or is gone.
    Link(Carrier, carrier::Event),
    /// The relay refused for good.
    Refused(Error),
}

struct Slot {
    carrier: Carrier,
    stage: Stage,
}

enum Stage {
    Dialling(Pending<std::io::Result<Dialled>>),
    Dialled(Dialled),
    Upgrading(Pending<Result<Socket, Failure>>),
    Open(Link),
}

/// All carriers of a tunnel that are not gone: one, or two while the stream moves.
pub(super) struct Carriers {
    options: Arc<Options>,
    slots: Vec<Slot>,
    /// The relay and its key were right, and the stream goes somewhere.
    connected: bool,
    /// What last went wrong up to the upgrade, until it is told.
    trouble: Option<Trouble>,
    /// An upgrade may have been too long, which was not told yet.
    short_heads: bool,
    /// Those that only have their last messages to bring.
    tasks: TaskTracker,
}

impl Carriers {
    pub(super) const fn new(options: Arc<Options>, tasks: TaskTracker) -> Self {
        Self { options, slots: Vec::new(), connected: false, trouble: None, short_heads: false, tasks }
    }

    /// The stream has reached its destination.
    pub(super) const fn connected(&mut self) {
        self.connected = true;
    }

    /// The network freezes them; others will want to know.
    pub(super) fn freezes(&self) {
        self.options.frozen.begin();
    }

    /// What last went wrong up to the upgrade, if it was not told yet.
    pub(super) const fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Whether an upgrade may have been too long; true once.
    pub(super) const fn take_short_heads(&mut self) -> bool {
        std::mem::replace(&mut self.short_heads, false)
    }

    /// Reaches the relay.
    pub(super) fn dial(&mut self, carrier: Carrier) {
        let dialer = Arc::clone(&self.options.dialer);
        let dialling = Box::pin(async move { dialer.dial().await });
        self.slots.push(Slot { carrier, stage: Stage::Dialling(dialling) });
    }

    /// Sends the upgrade, on a carrier that is dialled.
    pub(super) fn upgrade(&mut self, carrier: Carrier, protocols: String) {
        let Some(index) = self.slots.iter().position(|slot| slot.carrier == carrier) else { return };
        let slot = self.slots.swap_remove(index);
        let stage = match slot.stage {
            Stage::Dialled(Dialled { stream, host }) => {
                let options = Arc::clone(&self.options);
                let upgrade = async move {
                    let host = host.as_ref().unwrap_or(&options.host);
                    let asked = Upgrade { host, path: &options.path, protocols: &protocols };
                    upgrade(stream, asked, options.answer).await
                };
                Stage::Upgrading(Box::pin(upgrade))
            }
            stage @ (Stage::Dialling(_) | Stage::Upgrading(_) | Stage::Open(_)) => stage,
        };
        self.slots.push(Slot { carrier, stage });
    }

    /// The open carrier of this number.
    pub(super) fn link(&mut self, carrier: Carrier) -> Option<&mut Link> {
        let mut links = self.slots.iter_mut().filter_map(|slot| match &mut slot.stage {
            Stage::Open(link) if slot.carrier == carrier => Some(link),
            Stage::Dialling(_) | Stage::Dialled(_) | Stage::Upgrading(_) | Stage::Open(_) => None,
        });
        links.next()
    }

    /// Whether one is open and not being closed.
    pub(super) fn any_open(&self) -> bool {
        self.slots.iter().any(|slot| matches!(&slot.stage, Stage::Open(link) if !link.is_closing()))
    }

    /// Forgets a carrier that is not open, because it took too long or for another reason; whether it was there.
    pub(super) fn drop_attempt(&mut self, carrier: Carrier, late: bool) -> bool {
        let Some(index) = self.slots.iter().position(|slot| slot.carrier == carrier) else { return false };
        let trouble = match self.slots.get(index).map(|slot| &slot.stage) {
            Some(Stage::Dialling(_)) => Some(Trouble::ConnectTimeout),
            Some(Stage::Upgrading(_)) => Some(Trouble::UpgradeTimeout),
            Some(Stage::Dialled(_)) => None,
            Some(Stage::Open(_)) | None => return false,
        };
        self.trouble = trouble.filter(|_| late).or(self.trouble);
        self.slots.swap_remove(index);
        true
    }

    /// Sends what is queued on those that have much, or on all. `Ready` if one was found broken by it.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, all: bool) -> Poll<Event> {
        for index in 0..self.slots.len() {
            let Some(Slot { carrier, stage: Stage::Open(link) }) = self.slots.get_mut(index) else { continue };
            if (all || link.is_full()) && matches!(link.poll_flush(cx), Poll::Ready(Err(_))) {
                let carrier = *carrier;
                self.slots.swap_remove(index);
                return Poll::Ready(Event::Link(carrier, carrier::Event::Closed(Ending::Cut)));
            }
        }
        Poll::Pending
    }

    /// The next event.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        for index in 0..self.slots.len() {
            if let Poll::Ready(event) = self.poll_slot(index, cx) {
                return Poll::Ready(event);
            }
        }
        Poll::Pending
    }

    fn poll_slot(&mut self, index: usize, cx: &mut Context<'_>) -> Poll<Event> {
        let Some(Slot { carrier, stage }) = self.slots.get_mut(index) else { return Poll::Pending };
        let carrier = *carrier;
        match stage {
            Stage::Dialling(dialling) => match std::task::ready!(dialling.as_mut().poll(cx)) {
                Ok(dialled) => {
                    *stage = Stage::Dialled(dialled);
                    Poll::Ready(Event::Dialled(carrier))
                }
                Err(error) => {
                    tracing::debug!(kind = ?error.kind(), "the relay cannot be reached");
                    self.trouble = Some(Trouble::of(&error).unwrap_or_else(|| Trouble::of_connect(&error)));
                    self.gone(index, Ending::Cut)
                }
            },
            Stage::Dialled(_) => Poll::Pending,
            Stage::Upgrading(upgrading) => match std::task::ready!(upgrading.as_mut().poll(cx)) {
                Ok(socket) => {
                    *stage = Stage::Open(Link::new(socket));
                    Poll::Ready(Event::Upgraded(carrier))
                }
                Err(failure) => self.refused(index, failure),
            },
            Stage::Open(link) => match link.poll_event(cx) {
                Poll::Pending if link.take_moved() => Poll::Ready(Event::Moved(carrier)),
                Poll::Pending => Poll::Pending,
                Poll::Ready(carrier::Event::Closed(ending)) => self.gone(index, ending),
                Poll::Ready(carrier::Event::TooLong) => self.gone(index, Ending::Cut),
                Poll::Ready(event @ (carrier::Event::Data(_) | carrier::Event::Text(_) | carrier::Event::Pong)) => {
                    Poll::Ready(Event::Link(carrier, event))
                }
            },
        }
    }

    fn refused(&mut self, index: usize, failure: Failure) -> Poll<Event> {
        tracing::debug!(trouble = %failure.trouble, "the relay accepts no carrier");
        if failure.too_long {
            self.options.short_heads.store(true, Ordering::Relaxed);
            self.short_heads = true;
            return self.gone(index, Ending::Cut);
        }
        self.trouble = Some(failure.trouble);
        match failure.last {
            // Behind a right answer a wrong one is somebody's on the way, a captive portal's perhaps, and may pass.
            Some(error) if !self.connected && !self.any_open() => {
                self.slots.swap_remove(index);
                Poll::Ready(Event::Refused(error))
            }
            Some(_) | None => self.gone(index, Ending::Cut),
        }
    }

    fn gone(&mut self, index: usize, ending: Ending) -> Poll<Event> {
        let Slot { carrier, stage } = self.slots.swap_remove(index);
        match stage {
            Stage::Open(link) => drop(self.tasks.spawn(link.linger())),
            Stage::Dialling(_) | Stage::Dialled(_) | Stage::Upgrading(_) => {}
        }
        Poll::Ready(Event::Link(carrier, carrier::Event::Closed(ending)))
    }

    /// Lets go of all, those that are open behind their last messages.
    pub(super) fn release(&mut self) {
        for slot in self.slots.drain(..) {
            match slot.stage {
                Stage::Open(link) => drop(self.tasks.spawn(link.linger())),
                Stage::Dialling(_) | Stage::Dialled(_) | Stage::Upgrading(_) => {}
            }
        }
    }
}
