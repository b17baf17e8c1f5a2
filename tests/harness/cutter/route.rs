//! Moves one connection's bytes, as its plan allows, and ends or damages both of its sides.
//!
//! What becomes of the connection stands in the cutter's state, where a test may change it at any time.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{Semaphore, SemaphorePermit, mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{Direction, Fate, How, Line, State};

/// Read at once, and all that is under way in one direction without latency, so that a slow reader slows the sender.
const READ: u32 = 64 << 10;
/// Read and written at once on a slow line.
const SLOW: u32 = 1 << 10;
/// What the system keeps of a slow line for us to read.
pub(super) const SLOW_BUFFER: u32 = 8 << 10;
/// Under way in one direction with latency: enough for 30 MB/s at 130 ms.
const UNDER_WAY: usize = 4 << 20;

/// One connection's way through the proxy.
pub(super) struct Route {
    state: watch::Sender<State>,
    index: usize,
}

impl Route {
    pub(super) fn new(state: watch::Sender<State>, index: usize) -> Self {
        Self { state, index }
    }

    /// Carries until there is nothing more to carry, and ends or damages both sides.
    pub(super) async fn serve(self, mut client: TcpStream) {
        // Not given up when the connection is damaged meanwhile: the relay may know of it, and must see the damage too.
        let mut server = self.dial(&client).await;
        let mut fate = tokio::select! {
            biased;
            fate = self.other_than(Fate::Carrying) => fate,
            ended = self.carry(&mut client, &mut server) => self.settle(&ended),
        };
        if fate == Fate::Damaged(How::Silence) {
            fate = self.other_than(fate).await;
        }
        let both = [Ok(client), server].into_iter().flatten();
        match fate {
            Fate::Damaged(How::Reset) => both.for_each(|socket| {
                // Failure means that there is no connection left to reset.
                let _ = socket.set_zero_linger();
            }),
            Fate::Damaged(How::Close) => {
                futures_util::future::join_all(both.map(end)).await;
            }
            Fate::Carrying | Fate::Ended | Fate::Damaged(How::Silence) => {}
        }
    }

    /// Waits until something else has become of it.
    async fn other_than(&self, fate: Fate) -> Fate {
        let mut state = self.state.subscribe();
        let changed = state.wait_for(|state| state.connections[self.index].fate != fate).await;
        // It cannot fail: one sender is our own.
        changed.map_or(Fate::Ended, |state| state.connections[self.index].fate)
    }

    /// What an end that was not planned comes to: one side's failure becomes a reset of the other.
    fn settle(&self, ended: &io::Result<()>) -> Fate {
        let mut fate = if ended.is_ok() { Fate::Ended } else { Fate::Damaged(How::Reset) };
        self.state.send_modify(|state| {
            let own = &mut state.connections[self.index].fate;
            if *own == Fate::Carrying {
                *own = Fate::Ended;
            } else {
                fate = *own;
            }
        });
        fate
    }

    async fn dial(&self, client: &TcpStream) -> io::Result<TcpStream> {
        let target = self.state.borrow().target;
        let server = TcpStream::connect(target).await?;
        for socket in [client, &server] {
            socket.set_nodelay(true)?;
            let state = self.state.borrow();
            if state.connections[self.index].plan.rate.is_some() || state.line.is_some() {
                rustix::net::sockopt::set_socket_recv_buffer_size(socket, SLOW_BUFFER as usize)?;
            }
        }
        Ok(server)
    }

    async fn carry(&self, client: &mut TcpStream, server: &mut io::Result<TcpStream>) -> io::Result<()> {
        let Ok(server) = server else { return Err(io::ErrorKind::ConnectionRefused.into()) };
        let (delay, line) = {
            let state = self.state.borrow();
            let plan = &state.connections[self.index].plan;
            let own = plan.rate.map(|rate| Arc::new(Line::new(rate)));
            (plan.delay, own.or_else(|| state.line.clone()))
        };
        let line = line.as_deref();
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            self.one_way(from_client, to_server, Direction::Up, (delay, line)),
            self.one_way(from_server, to_client, Direction::Down, (delay, line)),
        )?;
        Ok(())
    }

    /// Carries one direction to its end, which it passes on. With latency it reads on while bytes wait to be written.
    async fn one_way(
        &self,
        from: ReadHalf<'_>,
        to: WriteHalf<'_>,
        direction: Direction,
        (delay, line): (Duration, Option<&Line>),
    ) -> io::Result<()> {
        // On a slow line what waits is to wait at the sender's.
        let piece = if line.is_some() { SLOW } else { READ };
        let room = Semaphore::new(if delay.is_zero() { piece as usize } else { UNDER_WAY });
        let (queue, queued) = mpsc::unbounded_channel();
        tokio::try_join!(read(from, queue, (&room, piece), delay), self.write(queued, to, (direction, line)))?;
        Ok(())
    }

    /// Writes what was read when it is due.
    async fn write(
        &self,
        mut queue: mpsc::UnboundedReceiver<Read<'_>>,
        mut to: WriteHalf<'_>,
        (direction, line): (Direction, Option<&Line>),
    ) -> io::Result<()> {
        while let Some(Read { due, bytes, _room }) = queue.recv().await {
            if let Some(due) = due {
                sleep_until(due).await;
            }
            let mut bytes = bytes?;
            if bytes.is_empty() {
                return to.shutdown().await;
            }
            while bytes.has_remaining() {
                to.writable().await?;
                let most = if line.is_some() { bytes.len().min(SLOW as usize) } else { bytes.len() };
                match self.pass(&to, &bytes[..most], direction) {
                    Ok(written) => {
                        bytes.advance(written);
                        if let Some(Line { rate, free_at }) = line {
                            let took = Duration::from_secs(1) * u32::try_from(written).unwrap_or(0) / *rate;
                            let mut free_at = free_at[direction as usize].lock().await;
                            *free_at = Instant::now().max(*free_at) + took;
                            sleep_until(*free_at).await;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Writes and counts as one, so that nobody sees a byte that is not counted or a cut that a byte still passes.
    fn pass(&self, to: &WriteHalf<'_>, bytes: &[u8], direction: Direction) -> io::Result<usize> {
        let mut written = Ok(0);
        self.state.send_if_modified(|state| {
            let connection = &mut state.connections[self.index];
            written = connection.pass(to, bytes, direction);
            connection.fate != Fate::Carrying
        });
        written
    }
}

/// What one read brought: bytes, none at the end, or a failure. It takes its room until it is written.
struct Read<'a> {
    due: Option<Instant>,
    bytes: io::Result<Bytes>,
    _room: SemaphorePermit<'a>,
}

/// Reads into the queue as long as there is room. A failure goes there too, in order: latency applies to it as well.
async fn read<'a>(
    mut from: ReadHalf<'_>,
    queue: mpsc::UnboundedSender<Read<'a>>,
    (room, piece): (&'a Semaphore, u32),
    delay: Duration,
) -> io::Result<()> {
    let mut buffer = vec![0; piece as usize];
    loop {
        let Ok(mut free) = room.acquire_many(piece).await else { return Ok(()) };
        let read = from.read(&mut buffer).await;
        let used = read.as_ref().copied().unwrap_or(0);
        let last = used == 0;
        let Some(room) = free.split(used) else { return Ok(()) };
        let due = (!delay.is_zero()).then(|| Instant::now() + delay);
        let bytes = read.map(|used| Bytes::copy_from_slice(&buffer[..used]));
        if queue.send(Read { due, bytes, _room: room }).is_err() || last {
            return Ok(());
        }
    }
}

/// Ends in order: a socket that is closed with unread bytes would reset instead.
async fn end(mut socket: TcpStream) {
    let mut scratch = vec![0; READ as usize];
    // Failure means that the peer has reset it: nobody is left to end for.
    let mut open = socket.shutdown().await.is_ok();
    while open {
        open = socket.read(&mut scratch).await.is_ok_and(|read| read > 0);
    }
}
