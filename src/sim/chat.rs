//! Chat on raw TCP: moves bytes between a socket, `intake` and `conversation`.

use std::{io, sync::Arc};

use tokio::io::AsyncReadExt;

use super::{
    conversation::{Conversation, Step, World},
    delivery::{Delivery, Outlet},
    intake::Intake,
    measure,
    socket::Socket,
};

/// Room for one read, in bytes: many times what a client sends at once here.
const READ: usize = 16 * 1024;

/// Serves one connection to its end.
pub(super) async fn serve(mut socket: Socket, world: Arc<World>) -> io::Result<()> {
    match world.delivery {
        Delivery::Silent => return socket.drain().await,
        Delivery::Deaf => return socket.peer_end().await,
        Delivery::Frame | Delivery::Coalesced | Delivery::Bytes(_) | Delivery::Delayed(_) | Delivery::Cut(_) => {}
    }
    let mut intake = Intake::of_tcp();
    let mut outlet = Outlet::new(world.delivery);
    let mut conversation = Conversation::new(world);
    loop {
        intake.buffer().reserve(READ);
        if socket.read_buf(intake.buffer()).await? == 0 {
            return Ok(());
        }
        while let Some(event) = intake.next()? {
            match conversation.on(event)? {
                Step::Nothing => {}
                Step::Send(frames) => outlet.send(&mut socket, &frames).await?,
                Step::Measure(mode) => {
                    tracing::debug!(?mode, "measuring over raw TCP");
                    socket.replay(intake.into_rest());
                    return measure::run(mode, socket).await;
                }
            }
        }
    }
}
