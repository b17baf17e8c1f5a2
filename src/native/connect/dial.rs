//! One dial of a relay from its link: names, addresses, TCP, TLS, in one race.
//!
//! It keeps no connection ready; that is `spare`'s.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::dns::{Resolved, Resolver};
use super::hello::Hello;
use super::memory::Memory;
use super::race::{Candidate, Found, Pace, Race, Won};
use super::report::{Failed, Step};
use super::tls::{Refusal, Secured};
use crate::link::Address;
use crate::trouble::Trouble;
use crate::tunnel::BoxedStream;

/// How a relay is reached.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) targets: Vec<Address>,
    /// `None`: without TLS.
    pub(super) hello: Option<Hello>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) pace: Pace,
    pub(super) memory: Mutex<Memory>,
}

/// A connection on which HTTP may be spoken.
pub(super) struct Through {
    pub(super) stream: BoxedStream,
    /// The addresses of its ends, while it is known that the network has not changed.
    pub(super) local: Option<IpAddr>,
    pub(super) steps: Vec<Step>,
}

impl Way {
    /// Dials. A `cold` one knows nothing of those before.
    pub(super) async fn dial(&self, cold: bool) -> Result<Through, Failed> {
        let deadline = Instant::now() + self.pace.whole;
        let (first, order) = {
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            (if cold { None } else { memory.first() }, memory.order())
        };
        let race = Race {
            pace: self.pace,
            deadline,
            first: first.into_iter().collect(),
            targets: (0..self.targets.len()).map(|target| self.resolve(target, deadline)).collect(),
            order,
            attempt: |candidate| self.attempt(candidate, deadline),
        };
        // What the encrypted hello needs is asked for while names are resolved and connections made.
        let outcome = tokio::select! {
            outcome = race.run() => outcome,
            never = self.prepare() => never,
        };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(Won { mut value, candidate, overtook, mut steps }) => {
                memory.won(candidate, value.local, overtook);
                steps.append(&mut value.steps);
                Ok(Through { steps, ..value })
            }
            Err(failed) => {
                memory.lost();
                Err(failed)
            }
        }
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
        let Some(Address { host, port }) = self.targets.get(target) else {
            return Found { step: None, result: Err(Trouble::NoAddress) };
        };
        let result = timeout_at(deadline, self.resolver.addresses(host)).await;
        match result.unwrap_or(Err(Trouble::NoResolver)) {
            Err(trouble) => Found { step: None, result: Err(trouble) },
            Ok(Resolved { addresses, by }) => {
                let step = Step::Resolved { addresses: addresses.len(), by, took: begun.elapsed() };
                let candidate = |address| Candidate { target, address: (address, *port).into() };
                Found { step: Some(step), result: Ok(addresses.into_iter().map(candidate).collect()) }
            }
        }
    }

    async fn attempt(&self, candidate: Candidate, deadline: Instant) -> Result<Through, Failed> {
        let begun = Instant::now();
        let tcp = self.connect(candidate, deadline).await?;
        let local = tcp.local_addr().map(|address| address.ip()).ok();
        let mut steps = vec![Step::Connected { address: candidate.address, took: begun.elapsed() }];
        let Some(hello) = &self.hello else {
            return Ok(Through { stream: Box::new(tcp), local, steps });
        };
        match self.secure(hello, tcp, candidate, deadline).await {
            Ok((stream, step)) => {
                steps.push(step);
                Ok(Through { stream: Box::new(stream), local, steps })
            }
            Err(trouble) => Err(Failed { trouble, steps }),
        }
    }

    async fn connect(&self, candidate: Candidate, deadline: Instant) -> Result<TcpStream, Trouble> {
        let limit = deadline.min(Instant::now() + self.pace.connect);
        let connected = timeout_at(limit, TcpStream::connect(candidate.address)).await;
        let tcp = connected.map_err(|_| Trouble::ConnectTimeout)?.map_err(|error| Trouble::of_connect(&error))?;
        tcp.set_nodelay(true).map_err(|error| Trouble::of_connect(&error))?;
        Ok(tcp)
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
        let limit = deadline.min(begun + self.pace.handshake);
        let handshake = async {
            let list = match client.handshake(tcp).await {
                Ok((stream, secured)) => return Ok((stream, secured, false)),
                Err(Refusal::Trouble(trouble)) => return Err(trouble),
                Err(Refusal::Retry(list)) => list,
            };
            let client = hello.offered(&list).await?;
            let tcp = self.connect(candidate, limit).await?;
            match client.handshake(tcp).await {
                Ok((stream, secured)) => Ok((stream, secured, true)),
                Err(Refusal::Trouble(trouble)) => Err(trouble),
                Err(Refusal::Retry(_)) => Err(Trouble::EchRejected),
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
