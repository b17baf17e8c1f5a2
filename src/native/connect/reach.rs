//! How one relay is reached: its addresses, and an attempt at one of them, TCP and TLS.
//!
//! Which is tried when is the planner's (`ways`), as `search` carries it out.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::{Notify, Semaphore, mpsc, oneshot},
    time::{Instant, timeout_at},
};

use super::{
    cdn,
    dns::{Resolved, Resolver},
    exit::Exit,
    greeter::Greeter,
    hello::Hello,
    lost::lost,
    notes::Page,
    race::Pace,
    report::{Failed, Source, Step},
    shape::Shaped,
    tcp,
    tls::{HandshakeError, Secured},
};
use crate::{
    link::{Address, Allowed},
    net::{BoxedStream, Probe, local_towards},
    trouble::Trouble,
    ways::{Endpoint, Greeting, Id, Input, Limits, Memories, Memory, Network, Planner, Stack, Way},
};

/// A connection that is not answered in this time is reason to try other ports.
const DOUBT: Duration = Duration::from_secs(3);

/// Hellos under way to a relay at a time. Four are what some censors look for.
pub(super) const AT_ONCE: usize = 2;

/// How a relay is reached.
pub(super) struct Reach {
    pub(super) targets: Vec<Address>,
    /// TLS ports besides those of the targets, as the link says.
    pub(super) ports: Vec<u16>,
    pub(super) allowed: Allowed,
    /// `None`: without TLS.
    pub(super) greeter: Option<Greeter>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) pace: Pace,
    pub(super) exit: Option<Exit>,
    pub(super) memories: Mutex<Memories>,
    /// What is kept for the next start.
    pub(super) page: Option<Page>,
    /// One search at a time tries what is not known to work.
    pub(super) scouting: tokio::sync::Mutex<()>,
    /// While it does: whether there is something left to try or to wait for.
    pub(super) hopes: AtomicBool,
    /// Hellos under way.
    pub(super) hellos: Semaphore,
}

/// A connection on which HTTP may be spoken.
pub(super) struct Through {
    pub(super) stream: BoxedStream,
    /// The HTTP `Host` that goes with it, if it is not the link's.
    pub(super) host: Option<String>,
    pub(super) way: Way,
    /// Where it leads, and the address of this end: it is good while that is still this machine's way there.
    pub(super) peer: SocketAddr,
    pub(super) local: Option<IpAddr>,
    /// What the TCP connection took.
    pub(super) round_trip: Duration,
    pub(super) steps: Vec<Step>,
}

/// What is known of one target's addresses.
pub(super) struct Found {
    pub(super) step: Option<Step>,
    /// What was told before is not to be believed.
    pub(super) corrects: bool,
    pub(super) result: Result<Vec<Endpoint>, Trouble>,
}

/// An attempt: where to, its leave to say a hello, and whom to tell how far it is.
pub(super) struct Task {
    pub(super) id: Id,
    pub(super) endpoint: Endpoint,
    pub(super) greet: oneshot::Receiver<Greeting>,
    pub(super) progress: mpsc::UnboundedSender<Input>,
    pub(super) deadline: Instant,
}

impl Found {
    /// Nobody has more to say, which is no trouble of its own.
    const NOTHING: Self = Self { step: None, corrects: false, result: Ok(Vec::new()) };
}

impl From<Trouble> for Found {
    fn from(trouble: Trouble) -> Self {
        Self { step: None, corrects: false, result: Err(trouble) }
    }
}

impl Reach {
    /// Looks at what was learned of a network.
    pub(super) fn memory<T>(&self, network: Network, look: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = memories.of(network);
        let before = memory.worked_at();
        let seen = look(memory);
        let (winner, changed) = (memory.winner(), memory.worked_at() != before);
        drop(memories);
        if let Some(page) = &self.page
            && changed
        {
            page.keep(network, winner);
        }
        seen
    }

    /// Whether a way that is not known to work is being tried, or left.
    pub(super) fn searches(&self) -> bool {
        self.scouting.try_lock().is_err() && self.hopes.load(Ordering::Relaxed)
    }

    /// Whether addresses had better be awaited, because a way to one of them is known from before.
    pub(super) fn remembers(&self, network: Network) -> bool {
        let is_new = || self.memory(network, |memory| memory.found() == 0);
        self.page.as_ref().is_some_and(|page| is_new() && page.knows(network))
    }

    /// The way that worked before the program was started, if it leads to one of these and may be said, or, if these are `all`, one
    /// like it.
    pub(super) fn recall(
        &self,
        network: Network,
        (endpoints, greetings): (&[Endpoint], &[Greeting]),
        all: bool,
    ) -> Option<Way> {
        let page = self.page.as_ref()?;
        let alike = || if all { page.recall_alike(network, endpoints) } else { None };
        let (way, met) = page.recall(network, endpoints).or_else(alike)?;
        if !greetings.iter().any(|greeting| greeting.is_like(way.greeting)) {
            return None;
        }
        self.memory(network, |memory| memory.recall((way, met), Instant::now(), rand::random()));
        Some(way)
    }

    /// For a search that repeats these first.
    pub(super) fn planner(&self, firsts: Vec<Way>) -> Planner {
        let limits = Limits {
            stagger: self.pace.stagger,
            patience: self.pace.patience,
            doubt: DOUBT.max(self.pace.patience),
            at_once: self.pace.in_flight.min(AT_ONCE),
        };
        Planner::new(limits, vec![Greeting::PLAIN], firsts, rand::random())
    }

    /// Endpoints in the order in which their families come, those of other ports behind them, and the hellos that suit.
    pub(super) fn spread(&self, network: Network, mut endpoints: Vec<Endpoint>) -> (Vec<Endpoint>, Vec<Greeting>) {
        let at_the_cdn = endpoints.iter().any(|endpoint| cdn::announces(endpoint.address.ip()));
        let v6_first = self.memory(network, |memory| memory.v6_first(Instant::now()));
        by_turns(&mut endpoints, v6_first);
        let Some(greeter) = &self.greeter else { return (endpoints, vec![Greeting::PLAIN]) };
        let others: Vec<_> = endpoints.iter().flat_map(|endpoint| self.other_ports(endpoint)).collect();
        endpoints.extend(others);
        (endpoints, greeter.ladder(at_the_cdn))
    }

    fn other_ports(&self, endpoint: &Endpoint) -> Vec<Endpoint> {
        let own = endpoint.address.port();
        let its = own == 443 && self.exit.is_none() && cdn::announces(endpoint.address.ip());
        let known = if its { &cdn::PORTS[..] } else { &[] };
        let ports = self.ports.iter().chain(known).filter(|port| self.allowed.ports && **port != own);
        let at = |port: &u16| Endpoint {
            address: SocketAddr::new(endpoint.address.ip(), *port),
            other_port: true,
            ..*endpoint
        };
        ports.map(at).collect()
    }

    /// Other hellos than those of the beginning.
    pub(super) async fn more_greetings(&self) -> Vec<Greeting> {
        match &self.greeter {
            Some(greeter) => greeter.hidden().await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// The addresses of a target.
    pub(super) async fn resolve(&self, target: usize, deadline: Instant) -> Found {
        let begun = Instant::now();
        let Some(Address { host, port }) = self.targets.get(target) else { return Trouble::NoAddress.into() };
        if self.exit.is_some() {
            // It is asked for the name.
            let step = Step::Resolved { addresses: 1, by: Source::Exit, took: Duration::ZERO };
            let address = (Ipv4Addr::UNSPECIFIED, *port).into();
            let endpoint = Endpoint { target, address, other_port: false };
            return Found { step: Some(step), corrects: false, result: Ok(vec![endpoint]) };
        }
        match timeout_at(deadline, self.resolver.addresses(host)).await.unwrap_or(Err(Trouble::NoResolver)) {
            Err(trouble) => trouble.into(),
            Ok(resolved) => found(target, *port, resolved, begun),
        }
    }

    /// The addresses that the system did not know, or lied about. A lie may look true: what is at the wrong address then
    /// refuses, is silent, or has another certificate.
    pub(super) async fn reconsider(&self, target: usize, deadline: Instant) -> Found {
        let begun = Instant::now();
        let Some(Address { host, port }) = self.targets.get(target) else { return Trouble::NoAddress.into() };
        if self.exit.is_some() {
            return Found::NOTHING;
        }
        match timeout_at(deadline, self.resolver.second_opinion(host)).await {
            Ok(Some(resolved)) => Found { corrects: true, ..found(target, *port, resolved, begun) },
            Ok(None) | Err(_) => Found::NOTHING,
        }
    }

    /// Tries an endpoint.
    pub(super) async fn attempt(&self, task: Task) -> Result<Through, Failed> {
        let Task { id, endpoint, greet, progress, deadline } = task;
        let begun = Instant::now();
        let tcp = self.connect(endpoint, deadline.min(begun + self.pace.stage)).await?;
        let peer = tcp.peer_addr().unwrap_or(endpoint.address);
        let local = tcp.local_addr().map(|address| address.ip()).ok();
        let round_trip = begun.elapsed();
        let mut steps = vec![Step::Connected { address: endpoint.address, took: round_trip }];
        // Where nobody listens the search is over.
        let _ = progress.send(Input::Connected(id, round_trip));
        let Ok(greeting) = greet.await else { return Err(Failed { trouble: Trouble::ConnectTimeout, steps }) };
        let way = Way { endpoint, greeting };
        let Some(greeter) = &self.greeter else {
            return Ok(Through { stream: Box::new(tcp), host: None, way, peer, local, round_trip, steps });
        };
        let secured = match greeter.hello(greeting.name) {
            Some(hello) => self.secure((greeter, &hello), tcp, way, (id, progress), deadline).await,
            None => Err(Trouble::NoEch),
        };
        match secured {
            Ok((stream, step)) => {
                steps.push(step);
                let host = greeter.host(greeting.name);
                Ok(Through { stream, host, way, peer, local, round_trip, steps })
            }
            Err(trouble) => Err(Failed { trouble, steps }),
        }
    }

    /// TCP to an endpoint, or to whatever its name means at the way out.
    async fn connect(&self, endpoint: Endpoint, limit: Instant) -> Result<TcpStream, Trouble> {
        match (&self.exit, self.targets.get(endpoint.target)) {
            (Some(exit), Some(Address { host, .. })) => exit.connect(host, endpoint.address.port(), limit).await,
            (Some(_), None) | (None, _) => tcp::connect(endpoint.address, limit).await,
        }
    }

    async fn secure(
        &self,
        (greeter, hello): (&Greeter, &Hello),
        tcp: TcpStream,
        way: Way,
        (id, progress): (Id, mpsc::UnboundedSender<Input>),
        deadline: Instant,
    ) -> Result<(BoxedStream, Step), Trouble> {
        let client = timeout_at(deadline, hello.client()).await.unwrap_or(Err(Trouble::NoEch))?;
        let _hello = self.hellos.acquire().await;
        let begun = Instant::now();
        let limit = deadline.min(begun + self.pace.stage);
        let _ = progress.send(Input::Greeted(id));
        let (probe, answered) = (Probe::of(&tcp), Arc::new(Notify::new()));
        let shaped = |tcp| {
            let (progress, answered) = (progress.clone(), Arc::clone(&answered));
            let heard = move || {
                answered.notify_one();
                let _ = progress.send(Input::Heard(id));
            };
            Shaped::new(tcp, way.greeting.shape, Box::new(heard))
        };
        let handshake = async {
            if way.greeting.stack == Stack::Browser {
                let browser = greeter.browser().ok_or(Trouble::NoEch)?;
                let (stream, secured) = browser.handshake(shaped(tcp)).await.map_err(HandshakeError::trouble)?;
                return Ok((Box::new(stream) as BoxedStream, secured, false));
            }
            let list = match client.handshake(shaped(tcp)).await {
                Ok((stream, secured)) => return Ok((Box::new(stream) as BoxedStream, secured, false)),
                Err(HandshakeError::Trouble(trouble)) => return Err(trouble),
                Err(HandshakeError::Retry(list)) => list,
            };
            let client = hello.offered(&list).await?;
            let tcp = self.connect(way.endpoint, limit).await?;
            let (stream, secured) = client.handshake(shaped(tcp)).await.map_err(HandshakeError::trouble)?;
            Ok((Box::new(stream) as BoxedStream, secured, true))
        };
        let mut handshake = pin!(timeout_at(limit, handshake));
        let (result, silence) = tokio::select! {
            result = &mut handshake => (result, Trouble::TlsTimeout),
            () = lost(probe, &answered) => {
                let _ = progress.send(Input::Dropped(id));
                (handshake.await, Trouble::HelloDropped)
            }
        };
        let result = result.unwrap_or(Err(silence));
        if result.as_ref().is_err_and(|trouble| *trouble == Trouble::EchRejected) {
            hello.forget().await;
        }
        let (stream, Secured { shown, ech, version }, retried) = result?;
        Ok((stream, Step::Secured { shown, ech, retried, version, took: begun.elapsed() }))
    }
}

fn found(target: usize, port: u16, Resolved { addresses, by }: Resolved, begun: Instant) -> Found {
    let step = Step::Resolved { addresses: addresses.len(), by, took: begun.elapsed() };
    let endpoint = |address| Endpoint { target, address: SocketAddr::new(address, port), other_port: false };
    Found { step: Some(step), corrects: false, result: Ok(addresses.into_iter().map(endpoint).collect()) }
}

/// The network that this machine is in, as its own addresses tell.
pub(super) fn network() -> Network {
    // Addresses for documentation (RFC 5737 and 3849): any would do that are not of this network.
    let towards = |address: IpAddr| local_towards((address, 9).into());
    (towards(Ipv4Addr::new(192, 0, 2, 1).into()), towards(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()))
}

/// IPv6 and IPv4 by turns.
fn by_turns(endpoints: &mut Vec<Endpoint>, v6_first: bool) {
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        endpoints.drain(..).partition(|endpoint| endpoint.address.is_ipv6() == v6_first);
    first.reverse();
    second.reverse();
    while let Some(endpoint) = first.pop().or_else(|| second.pop()) {
        endpoints.push(endpoint);
        endpoints.extend(second.pop());
    }
}
