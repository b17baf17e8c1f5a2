//! The relay's end of tunnels: a task for each, sessions in memory.
//!
//! It is given accepted WebSockets; which requests become one is `entry`'s. What a tunnel does is the core's.

mod registry;
mod task;

use std::{net::IpAddr, sync::Arc};

use pasarela_core::{
    codes::Code,
    tunnel::{
        message::{Control, Reset},
        relay::Origin,
        upgrade::Request,
    },
};
use tokio::sync::{Semaphore, watch};

use super::ground::{Ground, Leave};
use crate::tunnel::carrier::{self, Link, Socket};
use registry::{Attach, Registry};

pub use registry::Gauges;

/// Who asks for a tunnel, and for which.
pub(crate) struct Client {
    /// The name of the key.
    pub(crate) owner: String,
    pub(crate) address: IpAddr,
    /// Decoded at once, so that the header is not kept for as long as the tunnel.
    pub(crate) request: Result<Request, Code>,
}

/// All tunnels of a relay.
pub(crate) struct Tunnels(Arc<Registry>);

impl Tunnels {
    /// So many at most, whose windows are so many bytes together.
    pub(crate) fn new(tunnels: usize, windows: usize) -> Self {
        Self(Arc::new(Registry::new(tunnels, windows)))
    }

    /// How many there are, to be waited for.
    pub(crate) fn watch(&self) -> watch::Receiver<Gauges> {
        self.0.watch()
    }

    /// Payload that they hold, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.0.held()
    }

    /// Whether the client goes on with a tunnel that is there, and its own.
    pub(crate) fn goes_on(&self, client: &Client) -> bool {
        matches!(&client.request, Ok(Request::Resume(resume)) if self.0.has(&client.owner, &resume.session))
    }

    /// Begins a tunnel and carries it to its end, or hands the WebSocket to the tunnel that the client goes on with.
    /// Whom that is refused is told so; if as many as may be are being told something by `turned_away` already, only if it takes the
    /// word at once.
    pub(crate) async fn carry(
        &self,
        (ground, leave): (&Ground, Leave),
        socket: Socket,
        client: Client,
        turned_away: &Semaphore,
    ) {
        let owner = client.owner.clone();
        if let Err((socket, code)) = self.accept((ground, leave), socket, client).await {
            tracing::debug!(code = code.token(), "a tunnel is refused");
            ground.meter.ended(code);
            if code == Code::Busy {
                ground.meter.refused(&owner);
            }
            let Ok(_turn) = turned_away.try_acquire() else { return Link::new(socket).cut(code) };
            carrier::refuse(socket, &Control::Reset(Reset { code }), code).await;
        }
    }

    async fn accept(
        &self,
        (ground, leave): (&Ground, Leave),
        socket: Socket,
        client: Client,
    ) -> Result<(), (Socket, Code)> {
        match client.request {
            Err(code) => Err((socket, code)),
            Ok(Request::Resume(resume)) => self.0.resume(&client.owner, Attach { socket, resume }),
            Ok(Request::Open(open, early)) => {
                let Some((entry, inbox)) = self.0.open(&client.owner, client.address.into(), open.window) else {
                    return Err((socket, Code::Busy));
                };
                let kind = open.route;
                let preferred = ground.preferred(kind);
                let origin = Origin { kind, routing_info: None, client: Some(client.address), preferred };
                let request = task::Request { owner: client.owner, origin, open, early };
                task::run((ground, leave), socket, request, entry, inbox).await;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;
    use pasarela_core::config::Config;
    use tokio::io::duplex;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::net::Prefixed;

    #[tokio::test]
    async fn when_many_are_told_something_one_that_is_refused_is_told_nothing() {
        let tunnels = Tunnels::new(1, 1 << 20);
        let ground = Ground::new(Config::from_vars(|_| None).expect("usable"), 0);
        for (turns, waits) in [(1, true), (0, false)] {
            let (_far, near) = duplex(1024);
            let socket = carrier::server(Prefixed::new(Bytes::new(), Box::new(near)), carrier::MESSAGE_MAX);
            let address = std::net::Ipv4Addr::LOCALHOST.into();
            let client = Client { owner: String::new(), address, request: Err(Code::Garbage) };
            let (leave, turns) = (ground.leave(CancellationToken::new()), Semaphore::new(turns));
            let told = tunnels.carry((&ground, leave), socket, client, &turns).now_or_never();
            assert_eq!(told.is_none(), waits);
        }
    }
}
