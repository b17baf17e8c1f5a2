//! A TCP proxy in front of a relay, whose connections a test may cut or hold, and which may lead elsewhere later.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

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
    pub(crate) fn start(target: SocketAddr) -> Self {
        Self::with_rate(target, None)
    }

    /// One that carries so many bytes a second, each way, all connections together.
    pub(crate) fn slow(target: SocketAddr, rate: u32) -> Self {
        Self::with_rate(target, Some(rate))
    }

    fn with_rate(target: SocketAddr, rate: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if rate.is_some() {
            // What waits is to wait at the sender's.
            socket.set_recv_buffer_size(8 << 10).expect("possible");
        }
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let listener = socket.listen(1024).expect("bound");
        let ways = rate.map(|rate| Arc::new([Way::new(rate), Way::new(rate)]));
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
                        tokio::spawn(carry(client, ways.clone(), states.clone()));
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

/// One direction of a slow line.
struct Way {
    rate: u32,
    free_at: Mutex<Instant>,
}

impl Way {
    fn new(rate: u32) -> Self {
        Self { rate, free_at: Mutex::new(Instant::now()) }
    }

    async fn copy(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut piece = [0; 1024];
        loop {
            let read = from.read(&mut piece).await?;
            if read == 0 {
                return to.shutdown().await;
            }
            let mut free_at = self.free_at.lock().await;
            *free_at =
                Instant::now().max(*free_at) + Duration::from_secs(1) * u32::try_from(read).unwrap_or(0) / self.rate;
            tokio::time::sleep_until(*free_at).await;
            drop(free_at);
            to.write_all(&piece[..read]).await?;
        }
    }
}

async fn both(client: &mut TcpStream, relay: &mut TcpStream, ways: Option<&[Way; 2]>) -> io::Result<()> {
    let Some([up, down]) = ways else {
        return tokio::io::copy_bidirectional(client, relay).await.map(drop);
    };
    let (from_client, to_client) = client.split();
    let (from_relay, to_relay) = relay.split();
    tokio::try_join!(up.copy(from_client, to_relay), down.copy(from_relay, to_client)).map(drop)
}

async fn carry(
    mut client: TcpStream,
    ways: Option<Arc<[Way; 2]>>,
    mut states: watch::Receiver<State>,
) -> io::Result<()> {
    let State { target, generation, .. } = *states.borrow_and_update();
    let mut relay = TcpStream::connect(target).await?;
    for socket in [&client, &relay] {
        socket.set_nodelay(true)?;
        socket.set_zero_linger()?;
    }
    loop {
        let held = states.borrow_and_update().held;
        tokio::select! {
            result = both(&mut client, &mut relay, ways.as_deref()), if !held => return result,
            changed = states.changed() => {
                if changed.is_err() || states.borrow_and_update().generation != generation {
                    return Ok(());
                }
            }
        }
    }
}
