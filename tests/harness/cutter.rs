//! A TCP proxy between a client and a relay that damages connections on command, for the tests of what survives that.
//!
//! It does what networks do: it is slow, adds latency, resets, ends or freezes connections, at once or after an exact number
//! of bytes, and keeps what is sent. Here is what a test says and asks, and the account of every connection; `route` moves the bytes. Neither
//! knows what they mean. The client's TCP handshake is with the proxy and tells nothing of the relay.

mod route;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    net::{TcpListener, TcpSocket, tcp::WriteHalf},
    sync::{Mutex, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout},
};

use crate::socket::PATIENCE;
use route::Route;

/// A way for bytes through a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the relay.
    Up,
    /// From the relay to the client.
    Down,
}

/// How a connection is damaged, on both sides alike. What has not left the proxy is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A TCP RST. It also destroys what the receiver's system has not taken yet, as any reset does.
    Reset,
    /// FIN, in order behind what was carried. What the peers still send is thrown away.
    Close,
    /// The sockets stay open, but nothing is read or written any more, not even an end.
    Silence,
}

/// Damage after an amount of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Exactly so many bytes are carried in the direction, TLS and HTTP included; with 0 none in either.
    pub after: u64,
    /// The direction in which they are counted.
    pub direction: Direction,
    /// What happens then.
    pub how: How,
}

/// What happens to a connection. By default nothing: all bytes are carried, and ends and resets are passed on.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The first that is reached counts.
    pub cuts: Vec<Cut>,
    /// One-way latency, both ways. Not applied to the handshake.
    pub delay: Duration,
    /// Bytes a second, each way; none for as fast as it goes.
    pub rate: Option<u32>,
    /// What the client sends is kept, as a network sees it.
    pub record: bool,
    /// The connection is reset when the client has sent this.
    pub forbidden: Option<&'static str>,
}

impl Plan {
    /// The same with a cut.
    #[must_use]
    pub fn cut(mut self, after: u64, direction: Direction, how: How) -> Self {
        self.cuts.push(Cut { after, direction, how });
        self
    }

    /// The same with what some networks do to a CDN: after so many bytes from the server nothing passes either way.
    #[must_use]
    pub fn freeze_after(self, bytes: u64) -> Self {
        self.cut(bytes, Direction::Down, How::Silence)
    }

    /// The same on a line of so many bytes a second.
    #[must_use]
    pub const fn rate(mut self, bytes: u32) -> Self {
        self.rate = Some(bytes);
        self
    }

    /// The same; what the client sends is kept.
    #[must_use]
    pub const fn record(mut self) -> Self {
        self.record = true;
        self
    }

    /// The same; who sends these letters is cut off, as by a censor who looks for a name.
    #[must_use]
    pub const fn forbid(mut self, name: &'static str) -> Self {
        (self.record, self.forbidden) = (true, Some(name));
        self
    }

    /// The same with latency.
    #[must_use]
    pub fn delay(mut self, one_way: Duration) -> Self {
        self.delay = one_way;
        self
    }
}

/// How many bytes a connection has carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// To the relay.
    pub up: u64,
    /// To the client.
    pub down: u64,
}

/// What has become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Carrying,
    /// Both sides ended, or one failed.
    Ended,
    Damaged(How),
}

#[derive(Debug)]
struct Connection {
    plan: Plan,
    carried: Carried,
    fate: Fate,
    /// What the client sent, if it is kept.
    sent: Vec<u8>,
}

impl Connection {
    /// Passes on what the plan allows, and damages the connection with the last byte that it does.
    fn pass(&mut self, to: &WriteHalf<'_>, bytes: &[u8], direction: Direction) -> io::Result<usize> {
        if self.fate != Fate::Carrying {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let carried = match direction {
            Direction::Up => &mut self.carried.up,
            Direction::Down => &mut self.carried.down,
        };
        let cuts = self.plan.cuts.iter().filter(|cut| cut.direction == direction);
        let room = cuts.map(|cut| cut.after.saturating_sub(*carried)).min().unwrap_or(u64::MAX);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let written = to.try_write(&bytes[..room])?;
        *carried += written as u64;
        if self.plan.record && direction == Direction::Up {
            self.sent.extend_from_slice(&bytes[..written]);
        }
        self.look();
        Ok(written)
    }

    /// Damages the connection if the plan says so.
    fn look(&mut self) {
        if self.plan.forbidden.is_some_and(|name| self.sent.windows(name.len()).any(|part| part == name.as_bytes())) {
            self.fate = Fate::Damaged(How::Reset);
        }
        let Carried { up, down } = self.carried;
        let due = |cut: &&Cut| match cut.direction {
            Direction::Up => cut.after <= up,
            Direction::Down => cut.after <= down,
        };
        if let Some(cut) = self.plan.cuts.iter().find(due) {
            self.fate = Fate::Damaged(cut.how);
        }
    }
}

/// A slow line: it carries so many bytes a second each way, whether of one connection or of all.
#[derive(Debug)]
struct Line {
    rate: u32,
    /// When it is free again: up, and down.
    free_at: [Mutex<Instant>; 2],
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    line: Option<Arc<Line>>,
    /// For the next connection.
    plan: Plan,
    /// In order of acceptance, never removed.
    connections: Vec<Connection>,
}

impl Line {
    fn new(rate: u32) -> Self {
        Self { rate, free_at: [Mutex::new(Instant::now()), Mutex::new(Instant::now())] }
    }
}

impl State {
    fn live(&self) -> usize {
        self.connections.iter().filter(|connection| connection.fate == Fate::Carrying).count()
    }
}

/// A running proxy. When it goes out of scope its sockets are closed.
#[derive(Debug)]
pub struct Cutter {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepting: AbortHandle,
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Cutter {
    /// Listens on a free port of this machine for connections to the target.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port")?;
        Self::listening(listener, target, None)
    }

    /// The same on a line of so many bytes a second each way, all connections together.
    ///
    /// # Errors
    /// There is no free port.
    pub fn slow(target: SocketAddr, rate: u32) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // What waits is to wait at the sender's.
        socket.set_recv_buffer_size(route::SLOW_BUFFER)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Self::listening(socket.listen(1024).context("no free port")?, target, Some(Arc::new(Line::new(rate))))
    }

    fn listening(listener: TcpListener, target: SocketAddr, line: Option<Arc<Line>>) -> Result<Self> {
        let address = listener.local_addr()?;
        let (state, _) = watch::channel(State { target, line, plan: Plan::default(), connections: Vec::new() });
        let accepting = tokio::spawn(accept(listener, state.clone())).abort_handle();
        Ok(Self { address, state, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A WebSocket URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Leads connections accepted from now on elsewhere, as to a relay that was restarted on another port.
    pub fn set_target(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = target);
    }

    /// Says what happens to connections accepted from now on.
    pub fn plan(&self, plan: Plan) {
        self.state.send_modify(|state| state.plan = plan);
    }

    /// Damages every open connection, silent ones included. When it returns, no byte is carried any more.
    pub fn cut_all(&self, how: How) {
        self.state.send_modify(|state| {
            for connection in &mut state.connections {
                if matches!(connection.fate, Fate::Carrying | Fate::Damaged(How::Silence)) {
                    connection.fate = Fate::Damaged(how);
                }
            }
        });
    }

    /// How many connections carry bytes: neither ended nor damaged.
    pub fn live(&self) -> usize {
        self.state.borrow().live()
    }

    /// How many connections there were.
    pub fn accepted(&self) -> usize {
        self.state.borrow().connections.len()
    }

    /// What each connection has carried, in order of acceptance. A byte that has arrived is counted.
    pub fn carried(&self) -> Vec<Carried> {
        self.state.borrow().connections.iter().map(|connection| connection.carried).collect()
    }

    /// What each connection's client has sent, in order of acceptance, of those whose plan says that it is kept. Whoever has
    /// an answer finds the question here.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.state.borrow().connections.iter().map(|connection| connection.sent.clone()).collect()
    }

    /// Waits until there were so many connections.
    ///
    /// # Errors
    /// There are not in time.
    pub async fn wait_accepted(&self, count: usize) -> Result<()> {
        let reached = self.wait(|state| state.connections.len() >= count).await;
        reached.with_context(|| format!("{} connections were accepted, not {count}", self.accepted()))
    }

    /// Waits until so many connections carry bytes.
    ///
    /// # Errors
    /// They do not in time.
    pub async fn wait_live(&self, count: usize) -> Result<()> {
        let reached = self.wait(|state| state.live() == count).await;
        reached.with_context(|| format!("{} connections are live, not {count}", self.live()))
    }

    /// Waits until this connection, counted from 0, has brought its client something.
    ///
    /// # Errors
    /// It does not in time.
    pub async fn wait_answered(&self, index: usize) -> Result<()> {
        let answered = |state: &State| state.connections.get(index).is_some_and(|it| it.carried.down > 0);
        self.wait(answered).await.with_context(|| format!("connection {index} brings nothing"))
    }

    async fn wait(&self, condition: impl FnMut(&State) -> bool) -> Result<()> {
        let mut state = self.state.subscribe();
        timeout(PATIENCE, state.wait_for(condition)).await?.map(drop).context("the proxy is gone")
    }
}

/// Serves the connections. When it is dropped, so are they.
async fn accept(listener: TcpListener, state: watch::Sender<State>) {
    let mut tasks = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let mut index = 0;
        state.send_modify(|state| {
            let mut connection = Connection {
                plan: state.plan.clone(),
                carried: Carried::default(),
                fate: Fate::Carrying,
                sent: Vec::new(),
            };
            connection.look();
            index = state.connections.len();
            state.connections.push(connection);
        });
        tasks.spawn(Route::new(state.clone(), index).serve(client));
        while tasks.try_join_next().is_some() {}
    }
}
