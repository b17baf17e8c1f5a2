//! A TCP proxy in front of a relay, whose connections a test may cut or hold, and which may lead elsewhere later.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The proxy. Dropping it cuts its connections and ends it.
pub(crate) struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepted: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    target: SocketAddr,
    /// Connections of an earlier generation are cut.
    generation: u64,
    /// Bytes are not carried; nothing is closed.
    held: bool,
}

impl Line {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (state, mut states) = watch::channel(State { target, generation: 0, held: false });
        let accepted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    client = listener.accept() => {
                        let (client, _) = client.expect("accepts");
                        count.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(carry(client, states.clone()));
                    }
                    changed = states.changed() => if changed.is_err() {
                        return;
                    }
                }
            }
        });
        Self { address, state, accepted }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets all connections.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// The connections that are there and those that come carry nothing until they are cut.
    pub(crate) fn hold(&self, held: bool) {
        self.state.send_modify(|state| state.held = held);
    }

    /// Connections that come lead there.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = target);
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn carry(mut client: TcpStream, mut states: watch::Receiver<State>) -> io::Result<()> {
    let State { target, generation, .. } = *states.borrow_and_update();
    let mut relay = TcpStream::connect(target).await?;
    for socket in [&client, &relay] {
        socket.set_nodelay(true)?;
        socket.set_zero_linger()?;
    }
    loop {
        let held = states.borrow_and_update().held;
        tokio::select! {
            result = tokio::io::copy_bidirectional(&mut client, &mut relay), if !held => {
                return result.map(drop);
            }
            changed = states.changed() => {
                if changed.is_err() || states.borrow_and_update().generation != generation {
                    return Ok(());
                }
            }
        }
    }
}
