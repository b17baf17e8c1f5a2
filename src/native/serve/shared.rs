//! What all requests of one server use: the ground of its streams, its tunnels, its numbers, its limits.
//!
//! It answers nothing.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use pasarela_core::status::Probed;
use rustls::ClientConfig;
use tokio::sync::Semaphore;

use super::{
    counts::{Counts, Overload},
    ground::Ground,
    options::Options,
    places::{NO_KEY, Place, Places},
    rate::{Asker, Rate},
    tunnels::Tunnels,
};
use crate::{
    lobby::Lobby,
    tls::{self, Authorities, UnusableAuthority},
};

pub(super) struct Shared {
    pub(super) ground: Ground,
    pub(super) tunnels: Tunnels,
    pub(super) counts: Counts,
    pub(super) options: Options,
    /// TLS to upstream WebSockets.
    pub(super) upstream_tls: Arc<ClientConfig>,
    pub(super) probed: Mutex<Probed>,
    /// Connections that are not upgraded.
    pub(super) lobby: Arc<Lobby>,
    /// Connections to raw ports of which nothing is known yet.
    pub(super) raw_lobby: Arc<Lobby>,
    rate: Rate,
    /// Clients that are being told to come again.
    pub(super) turned_away: Arc<Semaphore>,
    pub(super) places: Arc<Places>,
}

/// So many clients are told at once that there is no place for them, each within a second. A further one is answered 503.
const TURNED_AWAY: usize = 1024;

/// The addresses of those who do not ask any more are looked for this often.
const FORGET: Duration = Duration::from_secs(20);

impl Shared {
    pub(super) fn new(config: pasarela_core::config::Config, options: Options) -> Result<Self, UnusableAuthority> {
        let room = options.room;
        Ok(Self {
            ground: Ground::new(config, room.waiting),
            tunnels: Tunnels::new(room.tunnels(), room.windows),
            counts: Counts::default(),
            upstream_tls: upstream_tls(&options)?,
            probed: Mutex::default(),
            lobby: Lobby::new(room.strangers, room.heads),
            raw_lobby: Lobby::new(room.strangers / 2, room.heads),
            rate: Rate::new(options.rate),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            places: Places::new(room.streams),
            options,
        })
    }

    /// Forgets addresses for as long as it is polled.
    pub(super) async fn forget(&self) {
        loop {
            tokio::time::sleep(FORGET).await;
            self.rate.forget(self.ground.clock.now());
            self.lobby.forget();
        }
    }

    /// Whether the operator named this address as a web server's or balancer's.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.options.trusted.iter().any(|network| network.contains(&address))
    }

    /// A place for one more stream of this client and key.
    pub(super) fn place(&self, client: IpAddr, owner: &str) -> Result<Place, Overload> {
        let asker = if owner == NO_KEY { Asker::Address(client.into()) } else { Asker::Key(owner.to_owned()) };
        self.rate.allows(asker.clone(), self.ground.clock.now()).map_err(Overload::Rate)?;
        self.places.take(asker).ok_or(Overload::Full)
    }
}

/// As a browser's WebSocket offers it: HTTP/1.1 alone.
fn upstream_tls(options: &Options) -> Result<Arc<ClientConfig>, UnusableAuthority> {
    let mut config = tls::client(Authorities::with(&options.upstream_ca)?, None);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
