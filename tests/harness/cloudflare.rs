//! Cloudflare's API as far as a deployment needs it: keeps what it is sent, answers as the platform does, and runs the Worker in
//! real workerd, behind TLS under its name below workers.dev.
//!
//! Whoever can be pointed at another API, wrangler or our program, is to be pointed at this one.

mod assets;
mod account;
mod front;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use pasarela_sim::Sim;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;

use crate::{
    identity,
    workerd::{Options, Workerd},
};

pub use account::{Account, Asked, Deployed, Refusal};
pub use assets::{Assets, File};

/// The only token that is good.
pub const TOKEN: &str = "a-token-of-the-tests-that-nobody-may-see";

/// The only account.
pub const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";

/// Its name below workers.dev, once it has one.
pub const SUBDOMAIN: &str = "tests";

/// The Worker's name there.
pub const HOST: &str = "pasarela.tests.workers.dev";

/// A name of its own that it may be given.
pub const DOMAIN: &str = "bicycles.example.org";

/// The platform's limit for a wait in tests.
const PATIENCE: Duration = Duration::from_secs(60);

struct Shared {
    account: Mutex<Account>,
    count: watch::Sender<usize>,
    /// The simulated WhatsApp behind the Worker, if it is to run.
    upstream: Option<Options>,
    running: tokio::sync::Mutex<Option<Workerd>>,
    address: Mutex<Option<SocketAddr>>,
}

/// The API, on a port of its own.
pub struct Cloudflare {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Where the Worker answers by TLS.
    pub front: SocketAddr,
    /// Whom to trust for that.
    pub authority: Vec<u8>,
}

impl Cloudflare {
    /// Starts it. With a simulator, Workers run towards that.
    ///
    /// # Errors
    /// No free port.
    pub async fn start(sim: Option<&Sim>) -> Result<Self> {
        let upstream = sim.map(Options::towards);
        let account = Mutex::new(Account { subdomain: Some(SUBDOMAIN.to_owned()), ..Account::default() });
        let (count, _) = watch::channel(0);
        let running = tokio::sync::Mutex::default();
        let shared = Arc::new(Shared { account, count, upstream, running, address: Mutex::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (config, authority) = identity::certified(&[HOST, DOMAIN])?;
        let front = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let front_address = front.local_addr()?;
        tokio::spawn(front::serve(front, TlsAcceptor::from(Arc::new(config)), Arc::clone(&shared)));
        Ok(Self { shared, address, front: front_address, authority: authority.to_vec() })
    }

    /// What is to be in `CLOUDFLARE_API_BASE_URL`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is there.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.shared.account)
    }

    /// The Worker of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn worker(&self, name: &str) -> Result<Deployed> {
        self.account().workers.get(name).cloned().with_context(|| format!("no Worker {name}"))
    }

    /// Where the Worker runs.
    ///
    /// # Errors
    /// It does not.
    pub fn running(&self) -> Result<SocketAddr> {
        lock(&self.shared.address).context("no Worker runs")
    }

    /// Waits until this was asked.
    ///
    /// # Errors
    /// It is not, in time.
    pub async fn until_asked(&self, method: &Method, end: &str) -> Result<()> {
        let mut count = self.shared.count.subscribe();
        let asked = || self.account().asked.iter().any(|it| it.method == *method && it.path.ends_with(end));
        let waited = tokio::time::timeout(PATIENCE, count.wait_for(|_| asked())).await;
        waited.with_context(|| format!("nobody asks for {method} {end}"))?.map(drop).context("the API has ended")
    }

    /// What was asked that changes something.
    pub fn changes(&self) -> Vec<String> {
        let account = self.account();
        let changes = account.asked.iter().filter(|asked| asked.method != Method::GET);
        changes.map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, head: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let said = serde_json::from_slice(&body).unwrap_or_default();
    lock(&shared.account).asked.push(Asked { method: method.clone(), path: path.clone(), json: said });
    shared.count.send_modify(|count| *count += 1);
    let text = |name| head.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = text(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    let is_for_files = path.ends_with("/assets/upload");
    if !(if is_for_files { lock(&shared.account).store.is_for_files(token) } else { token == TOKEN }) {
        // As the platform may do it, too: it repeats what it was sent.
        return refuse(401, 1000, text(header::AUTHORIZATION));
    }
    let refusal = lock(&shared.account).refusal(&method, &path);
    match refusal {
        Some(Refusal { status: 0, .. }) => std::future::pending().await,
        Some(Refusal { status, code, .. }) => return refuse(status, code, "as the test wants"),
        None => {}
    }
    let done = lock(&shared.account).done(&method, &path, text(header::CONTENT_TYPE), &body);
    if let Some(Refusal { status, code, .. }) = lock(&shared.account).misheard(&method, &path) {
        return refuse(status, code, "as the test wants");
    }
    match done {
        Ok(result) => {
            if method != Method::GET
                && !is_for_files
                && let Err(error) = run(&shared).await
            {
                return refuse(500, 10013, &format!("{error:#}"));
            }
            envelope(StatusCode::OK, &json!({ "success": true, "errors": [], "messages": [], "result": result }))
        }
        Err((status, code)) => refuse(status, code, "not here"),
    }
}

fn refuse(status: u16, code: u64, message: &str) -> Response {
    let errors = json!([{ "code": code, "message": message }]);
    let said = json!({ "success": false, "errors": errors, "messages": [], "result": null });
    envelope(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &said)
}

fn envelope(status: StatusCode, said: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], said.to_string()).into_response()
}

/// Runs what is there now, in place of what ran before.
async fn run(shared: &Shared) -> Result<()> {
    let Some(upstream) = &shared.upstream else { return Ok(()) };
    let worker =
        lock(&shared.account).workers.values().find(|worker| worker.enabled || !worker.domains.is_empty()).cloned();
    let mut running = shared.running.lock().await;
    *lock(&shared.address) = None;
    *running = None;
    if let Some(worker) = worker {
        let started = Workerd::start(&worker.options(upstream)?).await?;
        *lock(&shared.address) = Some(started.address());
        *running = Some(started);
    }
    Ok(())
}
