//! Raw ports, as the official proxy has them: a phone's TCP to WhatsApp's, with no WebSocket between.
//!
//! What a phone speaks is found out by `frontend`, where it may go is the core's, and its bytes are moved by `copy`.

use std::{future::poll_fn, io, pin::pin, sync::Arc, task::Poll};

use pasarela_core::{
    codes::Code,
    dial,
    opening::{Opening, Origin, Output},
};
use tokio::net::{TcpListener, TcpStream};

use super::{
    copy,
    counts::Counted,
    ground::Ground,
    places::{NO_KEY, Place},
    shared::Shared,
    upstream::{Event, Upstream},
};
use crate::{
    frontend::{Accepted, Door, Intake, Local},
    lobby::Guest,
    net::accept_next,
    tunnel::{chunk::Piece, clock::Alarm},
};

/// Accepts for as long as it is polled.
pub(super) async fn accept(listener: &TcpListener, door: Door, intake: &Intake, shared: Arc<Shared>) {
    loop {
        let (tcp, peer) = accept_next(listener).await;
        // The official proxy in front, or a balancer, speaks for many, each of whom is looked at when it has named him.
        let guest = (!intake.admission().trusts(peer.ip())).then(|| shared.raw_lobby.enter(peer.ip()));
        let (intake, carried) = (intake.clone(), Arc::clone(&shared));
        shared.ground.spawn(async move {
            // Boxed, because the first part needs much room, and the second may last for days.
            let taken = Box::pin(take(tcp, door, &intake, guest, &carried)).await;
            drop(intake);
            if let Some(stream) = taken {
                carry(stream, &carried).await;
            }
        });
    }
}

/// A stream that goes somewhere.
struct Stream {
    local: Local,
    upstream: TcpStream,
    /// What is to be written first.
    head: Vec<u8>,
    place: Place,
}

/// Finds out what it speaks, and connects it.
async fn take(tcp: TcpStream, door: Door, intake: &Intake, guest: Option<Guest>, shared: &Shared) -> Option<Stream> {
    let taking = intake.accept_guest(tcp, door, (&shared.raw_lobby, guest));
    let accepted = shared.ground.drain.run_until_cancelled(taking).await?;
    let accepted = accepted.inspect_err(|refusal| shared.counts.turned_away(*refusal)).ok()?;
    let place = match shared.place(accepted.client, NO_KEY) {
        Ok(place) => place,
        Err(refusal) => {
            shared.counts.refused(refusal);
            shared.ground.meter.refused(NO_KEY);
            accepted.local.reset();
            return None;
        }
    };
    match connect(&accepted, shared).await {
        Ok((upstream, mut head)) => {
            head.extend_from_slice(&accepted.first);
            Some(Stream { local: accepted.local, upstream, head, place })
        }
        Err(code) => {
            shared.ground.meter.ended(code);
            accepted.local.reset();
            None
        }
    }
}

async fn connect(accepted: &Accepted, shared: &Shared) -> Result<(TcpStream, Vec<u8>), Code> {
    let ground = &shared.ground;
    let origin = Origin {
        kind: accepted.kind,
        routing_info: None,
        client: Some(accepted.client),
        preferred: ground.preferred(accepted.kind),
    };
    let racing = race(ground, origin, accepted.first.clone().into());
    ground.drain.run_until_cancelled(racing).await.unwrap_or(Err(Code::Draining))
}

/// The first upstream to answer, and what goes there before the stream.
async fn race(ground: &Ground, origin: Origin, first: Piece) -> Result<(TcpStream, Vec<u8>), Code> {
    let kind = origin.kind;
    let mut opening = Opening::new(&ground.config, origin, ground.clock.now());
    let mut upstream = Upstream::new(&ground.meter);
    let mut alarm = Alarm::new(ground.clock);
    opening.bytes(&first, ground.clock.now());
    loop {
        match opening.poll() {
            Output::Connect(candidate, authority) => upstream.connect(candidate, &authority),
            Output::Abandon(loser) => upstream.abandon(loser),
            Output::Won(winner, head) => {
                ground.won(kind, winner);
                return upstream.take(winner).map(|tcp| (tcp, head)).ok_or(Code::UpstreamReset);
            }
            Output::Lost(code) => return Err(code),
            Output::Wait(at) => {
                alarm.set(ground.clock, at);
                let event = poll_fn(|cx| match alarm.poll(cx) {
                    Poll::Ready(()) => Poll::Ready(None),
                    Poll::Pending => upstream.poll(cx).map(Some),
                });
                match event.await {
                    None => opening.timer(ground.clock.now()),
                    Some(Event::Opened(candidate)) => {
                        opening.race(dial::Input::Opened(candidate), ground.clock.now());
                    }
                    Some(Event::Failed(candidate)) => {
                        opening.race(dial::Input::Failed(candidate), ground.clock.now());
                    }
                    // None is in use here.
                    Some(Event::Tcp(_)) => {}
                }
            }
        }
    }
}

/// Moves the bytes to the end of the stream. What does not end in order is reset on both sides.
async fn carry(stream: Stream, shared: &Shared) {
    let Stream { mut local, mut upstream, head, place } = stream;
    let _counted = Counted::new(&shared.counts.raw);
    let ground = &shared.ground;
    let (drain, meter) = (&ground.drain, ground.meter.of(NO_KEY));
    let ended = {
        // Pinned here, because a future that is given one has room for it twice.
        let moved = pin!(copy::both(&mut local, &mut upstream, head, ground, &meter));
        let kept = pin!(place.while_kept(moved));
        drain.run_until_cancelled(kept).await
    };
    meter.ended(match &ended {
        None => Code::Draining,
        Some(None) => Code::Busy,
        Some(Some(Ok(()))) => return,
        Some(Some(Err(error))) if error.kind() == io::ErrorKind::TimedOut => Code::Idle,
        Some(Some(Err(error))) if error.kind() == io::ErrorKind::OutOfMemory => Code::Queue,
        Some(Some(Err(_))) => Code::UpstreamReset,
    });
    local.reset();
    // One that is gone already needs none.
    let _ = upstream.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use std::mem::size_of_val;

    use pasarela_core::config::Config;

    use super::*;
    use crate::serve::Options;

    #[tokio::test]
    async fn a_stream_takes_little_room_while_it_waits() {
        let shared = Shared::new(Config::from_vars(|_| None).expect("usable"), Options::default()).expect("usable");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("listens");
        let (near, peer) = listener.accept().await.expect("comes");
        let place = shared.place(peer.ip(), NO_KEY).expect("room");
        let stream = Stream { local: near.into(), upstream, head: Vec::new(), place };
        let size = size_of_val(&carry(stream, &shared));
        assert!(size <= 1024, "{size} bytes");
    }
}
