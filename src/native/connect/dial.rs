//! One dial of a relay from its link: names, addresses, TCP, TLS, in one race.
//!
//! It keeps no connection ready; that is `spare`'s.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::client::TlsStream;

use super::{
    dns::{Resolved, Resolver},
    exit::Exit,
    hello::Hello,
    learnt::Learnt,
    race::{Candidate, Found, Pace, Race, Won},
    report::{Failed, Source, Step},
    tcp,
    tls::{HandshakeError, Secured},
};
use crate::{link::Address, net::BoxedStream, trouble::Trouble};

/// How a relay is reached.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) targets: Vec<Address>,
    /// `None`: without TLS.
    pub(super) hello: Option<Hello>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) pace: Pace,
    pub(super) exit: Option<Exit>,
    pub(super) learnt: Mutex<Learnt>,
}

/// A connection on which HTTP may be spoken.
pub(super) struct Through {
    pub(super) stream: BoxedStream,
    /// Where it leads, and the address of this end: it is good while that is still this machine's way there.
    pub(super) peer: SocketAddr,
    pub(super) local: Option<IpAddr>,
    /// What the TCP connection took.
    pub(super) round_trip: Duration,
    pub(super) steps: Vec<Step>,
}

impl Way {
    /// Dials. A `cold` one knows nothing of those before.
    pub(super) async fn dial(&self, cold: bool) -> Result<Through, Failed> {
        let deadline = Instant::now() + self.pace.whole;
        // What the encrypted hello needs is asked for while names are resolved and connections made.
        let outcome = tokio::select! {
            outcome = self.races(cold, deadline) => outcome,
            never = self.prepare() => never,
        };
        let mut learnt = self.learnt();
        match outcome {
            Ok(Won { mut value, candidate, overtook, mut steps }) => {
                learnt.won(candidate, value.local, overtook);
                steps.append(&mut value.steps);
                Ok(Through { steps, ..value })
            }
            Err(failed) => {
                learnt.lost();
                Err(failed)
            }
        }
    }

    /// Forgets what was learned.
    pub(super) fn forget(&self) {
        *self.learnt() = Learnt::default();
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A race, with other addresses if all that was told at first was good for nothing.
    async fn races(&self, cold: bool, deadline: Instant) -> Result<Won<Through>, Failed> {
        let (first, order) = {
            let learnt = self.learnt();
            (if cold { None } else { learnt.first() }, learnt.order())
        };
        let tried = Mutex::new(Vec::new());
        let attempt = |candidate: Candidate| {
            tried.lock().unwrap_or_else(PoisonError::into_inner).push(candidate.address);
            self.attempt(candidate, deadline)
        };
        let targets = 0..self.targets.len();
        let race = Race {
            pace: self.pace,
            deadline,
            first: first.into_iter().collect(),
            targets: targets.clone().map(|target| self.resolve(target, deadline).boxed()).collect(),
            later: targets.map(|target| self.reconsider(target, deadline, &tried).boxed()).collect(),
            order,
            attempt,
        };
        race.run().await
    }

    async fn prepare<T>(&self) -> T {
        if let Some(hello) = &self.hello {
            // If it fails, the attempts ask again and say so.
            let _ = hello.client().await;
        }
        std::future::pending().await
    }

    async fn resolve(&self, target: usize, deadline: Instant) -> Found {
        let begun = Instant::now();
        let Some(Address { host, port }) = self.targets.get(target) else { return Found::none(Trouble::NoAddress) };
        if self.exit.is_some() {
            // It is asked for the name.
            let step = Step::Resolved { addresses: 1, by: Source::Exit, took: Duration::ZERO };
            let candidate = Candidate { target, address: (Ipv4Addr::UNSPECIFIED, *port).into() };
            return Found { step: Some(step), result: Ok(vec![candidate]) };
        }
        let result = timeout_at(deadline, self.resolver.addresses(host)).await;
        match result.unwrap_or(Err(Trouble::NoResolver)) {
            Err(trouble) => Found::none(trouble),
            Ok(Resolved { addresses, by }) => {
                let step = Step::Resolved { addresses: addresses.len(), by, took: begun.elapsed() };
                let candidate = |address| Candidate { target, address: (address, *port).into() };
                Found { step: Some(step), result: Ok(addresses.into_iter().map(candidate).collect()) }
            }
        }
    }

    /// The addresses that were not tried, because the system did not know them or lied. A lie may look true: what is at the
    /// wrong address then refuses, is silent, or has another certificate.
    async fn reconsider(&self, target: usize, deadline: Instant, tried: &Mutex<Vec<SocketAddr>>) -> Found {
        let begun = Instant::now();
        let Some(Address { host, port }) = self.targets.get(target) else { return Found::none(Trouble::NoAddress) };
        if self.exit.is_some() {
            return Found::none(Trouble::NoAddress);
        }
        let opinion = timeout_at(deadline, self.resolver.second_opinion(host)).await;
        let Ok(Some(Resolved { addresses, by })) = opinion else { return Found::none(Trouble::NoAddress) };
        let step = Step::Resolved { addresses: addresses.len(), by, took: begun.elapsed() };
        let tried = tried.lock().unwrap_or_else(PoisonError::into_inner);
        let candidates = addresses.into_iter().map(|address| Candidate { target, address: (address, *port).into() });
        let new = candidates.filter(|candidate| !tried.contains(&candidate.address)).collect();
        Found { step: Some(step), result: Ok(new) }
    }

    async fn attempt(&self, candidate: Candidate, deadline: Instant) -> Result<Through, Failed> {
        let begun = Instant::now();
        let tcp = self.connect(candidate, deadline.min(begun + self.pace.stage)).await?;
        let peer = tcp.peer_addr().unwrap_or(candidate.address);
        let local = tcp.local_addr().map(|address| address.ip()).ok();
        let round_trip = begun.elapsed();
        let mut steps = vec![Step::Connected { address: candidate.address, took: round_trip }];
        let Some(hello) = &self.hello else {
            return Ok(Through { stream: Box::new(tcp), peer, local, round_trip, steps });
        };
        match self.secure(hello, tcp, candidate, deadline).await {
            Ok((stream, step)) => {
                steps.push(step);
                Ok(Through { stream: Box::new(stream), peer, local, round_trip, steps })
            }
            Err(trouble) => Err(Failed { trouble, steps }),
        }
    }

    /// TCP to a candidate, or to whatever its name means at the way out.
    async fn connect(&self, candidate: Candidate, limit: Instant) -> Result<TcpStream, Trouble> {
        match (&self.exit, self.targets.get(candidate.target)) {
            (Some(exit), Some(Address { host, port })) => exit.connect(host, *port, limit).await,
            (Some(_), None) | (None, _) => tcp::connect(candidate.address, limit).await,
        }
    }

    async fn secure(
        &self,
        hello: &Hello,
        tcp: TcpStream,
        candidate: Candidate,
        deadline: Instant,
    ) -> Result<(TlsStream<TcpStream>, Step), Trouble> {
        let client = timeout_at(deadline, hello.client()).await.unwrap_or(Err(Trouble::NoEch))?;
        let begun = Instant::now();
        let limit = deadline.min(begun + self.pace.stage);
        let handshake = async {
            let list = match client.handshake(tcp).await {
                Ok((stream, secured)) => return Ok((stream, secured, false)),
                Err(HandshakeError::Trouble(trouble)) => return Err(trouble),
                Err(HandshakeError::Retry(list)) => list,
            };
            let client = hello.offered(&list).await?;
            let tcp = self.connect(candidate, limit).await?;
            match client.handshake(tcp).await {
                Ok((stream, secured)) => Ok((stream, secured, true)),
                Err(HandshakeError::Trouble(trouble)) => Err(trouble),
                Err(HandshakeError::Retry(_)) => Err(Trouble::EchRejected),
            }
        };
        let result = timeout_at(limit, handshake).await.unwrap_or(Err(Trouble::TlsTimeout));
        if result.as_ref().is_err_and(|trouble| *trouble == Trouble::EchRejected) {
            hello.forget().await;
        }
        let (stream, Secured { shown, ech, version }, retried) = result?;
        Ok((stream, Step::Secured { shown, ech, retried, version, took: begun.elapsed() }))
    }
}
