//! Where tunnels live: in a Durable Object, which keeps one when its WebSocket is lost, or, without such objects, with the
//! request that opened it.
//!
//! Only the object is reached from another request, so only there can a tunnel be continued. `tunnel` carries the bytes.

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use js_sys::{Promise, Reflect};
use pasarela_core::{
    chunk::Moved,
    codes::Code,
    config::{Access, Config},
    dial::Candidate,
    route::{Found, Kind, Route},
    status::Own,
    tunnel::{
        message::Open,
        pool::{Grant, Pool},
        relay::{Options, Relay},
        sessions::{self, Evicted},
        upgrade::{self, Request as Asked},
    },
};
use pasarela_guide::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use crate::{
    alarm::now,
    gauges::{self, Counted, Gauge, Keys, Part},
    pages,
    platform::{self, Namespace},
    settings, stream,
    tunnel::{self, Driver, Handle, Keeper, Note, Standing},
    upgrade::origin,
    upstream::remember,
    url::split,
    visit::Visit,
};

/// What the tunnels of one place may hold together: it goes with the object, or with the isolate.
type Shared = Rc<RefCell<Pool>>;

/// Objects that one look at the status asks: of the free plan's 50 subrequests some are for the probe. Each look wakes them.
const SHARDS_ASKED: u8 = 40;

thread_local! {
    /// What tunnels without an object may hold together.
    static POOL: Shared = Shared::default();
}

/// The window of a tunnel, given back at its end.
struct Granted {
    /// Until it is dropped.
    grant: Option<Grant>,
    pool: Shared,
}

impl Granted {
    fn new(owner: &str, asked: u32, pool: &Shared) -> Option<Self> {
        let grant = pool.borrow_mut().grant(owner, asked)?;
        Some(Self { grant: Some(grant), pool: Rc::clone(pool) })
    }

    fn window(&self) -> u32 {
        self.grant.as_ref().map_or(0, Grant::window)
    }

    fn widen(&mut self, asked: u32) -> u32 {
        self.grant.as_mut().map_or(0, |grant| self.pool.borrow_mut().widen(grant, asked))
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            self.pool.borrow_mut().give_back(grant);
        }
    }
}

/// Answers `K/tunnel`: passes it on to the object that has the session, or serves it here.
pub(crate) async fn tunnel(
    visit: Visit<'_>,
    owner: &str,
    config: &'static Config,
    keep_alive: impl FnOnce(Promise),
) -> Result<Response, JsValue> {
    let Visit { request, path, env, .. } = visit;
    let offer = tunnel::offer(request);
    let asked = match upgrade::decode(&offer) {
        Ok(asked) => asked,
        Err(code) => return tunnel::refuse(&offer, code),
    };
    let shards = match &asked {
        Asked::Open(..) => {
            // If that one has no room, its neighbour.
            let [random] = platform::random();
            let first = random % config.session_shards;
            let second = if first + 1 < config.session_shards { first + 1 } else { 0 };
            [Some(first), Some(second).filter(|second| *second != first)]
        }
        Asked::Resume(resume) => {
            [sessions::shard(&resume.session).filter(|shard| *shard < config.session_shards), None]
        }
    };
    if let Some(namespace) = namespace(env) {
        for shard in shards.into_iter().flatten() {
            match ask(&namespace, shard, path, request).await {
                Some(response) if response.status() == 101 => return Ok(response),
                // The stream may live: the client is to ask again.
                Some(_) | None if matches!(asked, Asked::Resume(_)) => return tunnel::turn_away(&offer, Code::Busy),
                Some(_) | None => {}
            }
        }
    }
    // Nothing is kept of it here, but it is carried.
    match asked {
        Asked::Open(open, early) => {
            // No tunnel can be ended for another here, so nobody may take all the room.
            let shared = matches!(&config.access, Access::Keys(keys) if keys.len() > 1);
            let granted = POOL.with(|pool| {
                let is_greedy = shared && pool.borrow().is_greedy(owner);
                if is_greedy { None } else { Granted::new(owner, open.window, pool) }
            });
            let Some(granted) = granted else {
                gauges::of(owner).refused();
                return tunnel::refuse(&offer, Code::Busy);
            };
            let kind = open.route;
            let options = options(request, open, early, &granted, None);
            let keeper = Alone { kind, granted: RefCell::new(granted), counted: Gauge::Tunnel.count(owner) };
            let (client, response) = tunnel::accept(&offer)?;
            let relay = Relay::new(config, options, now());
            keep_alive(stream::start(owner, |events, _| Driver::new(events, client, relay, false, keeper)));
            Ok(response)
        }
        Asked::Resume(_) => tunnel::refuse(&offer, Code::Gone),
    }
}

fn options(request: &Request, open: Open, early: Vec<u8>, granted: &Granted, session: Option<String>) -> Options {
    Options { origin: origin(open.route, request), open, early, window: granted.window(), session }
}

/// Goes with a tunnel that ends with its WebSocket.
struct Alone {
    kind: Kind,
    granted: RefCell<Granted>,
    counted: Counted,
}

impl Keeper for Alone {
    fn won(&self, winner: Candidate) {
        remember(self.kind, winner);
    }

    fn stands(&self, _: Standing) {}

    fn moved(&self, moved: Moved) {
        self.counted.moved(moved);
    }

    fn widen(&self, asked: u32) -> u32 {
        self.granted.borrow_mut().widen(asked)
    }
}

/// Whether there are objects to keep tunnels in.
pub(crate) fn are_kept(env: &JsValue) -> bool {
    namespace(env).is_some()
}

/// Tunnels in the objects; what the asking key has there is added to its own. Of more objects than one request may ask, only
/// the first tell.
pub(crate) async fn count(request: &Request, path: &str, config: &Config, env: &JsValue, own: &mut Own) -> u32 {
    let Some(namespace) = namespace(env) else { return 0 };
    let mut count = 0;
    for shard in 0..config.session_shards.min(SHARDS_ASKED) {
        let Some(response) = ask(&namespace, shard, path, request).await else { continue };
        let Ok(text) = response.text() else { continue };
        let text = JsFuture::from(text).await.ok().and_then(|text| text.as_string()).unwrap_or_default();
        let (all, line) = text.split_once(' ').unwrap_or_default();
        count += all.parse::<u32>().unwrap_or(0);
        own.add(line);
    }
    count
}

fn namespace(env: &JsValue) -> Option<Namespace> {
    let binding = Reflect::get(env, &"SESSIONS".into()).ok().filter(JsValue::is_object)?;
    Some(binding.unchecked_into())
}

/// What the object of this shard answers; nothing if the platform refuses it, for a used-up quota for example.
async fn ask(namespace: &Namespace, shard: u8, path: &str, request: &Request) -> Option<Response> {
    let stub = namespace.get_by_name(&shard.to_string()).ok()?;
    let promise = stub.fetch(&format!("https://sessions/{shard}{path}"), request).ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// What one object keeps.
#[derive(Clone)]
struct Kept {
    sessions: Rc<RefCell<sessions::Sessions<Tenant>>>,
    pool: Shared,
    keys: Rc<Keys>,
}

/// How a tunnel is reached, and its window.
struct Tenant {
    handle: Handle<Member>,
    granted: Granted,
}

impl Kept {
    fn new(shard: u8) -> Self {
        let sessions = Rc::new(RefCell::new(sessions::Sessions::new(shard)));
        Self { sessions, pool: Shared::default(), keys: Rc::new(Keys::new()) }
    }
}

/// The Durable Object: tunnels of one shard, kept in memory only. A deployment ends them.
#[cfg_attr(not(test), wasm_bindgen)]
#[allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]
pub struct Sessions {
    env: JsValue,
    /// Made at the first request, which tells the shard.
    kept: OnceCell<Kept>,
}

#[cfg(not(test))]
#[wasm_bindgen]
impl Sessions {
    /// What the main module makes for each object of the platform.
    #[wasm_bindgen(constructor)]
    pub fn new(env: JsValue) -> Self {
        Self { env, kept: OnceCell::new() }
    }

    /// Answers one request: only our own `ask` makes any.
    pub fn fetch(&self, request: &Request) -> Result<Response, JsValue> {
        self.answer(request)
    }
}

#[cfg_attr(test, expect(dead_code, reason = "there is no platform in unit tests"))]
impl Sessions {
    fn answer(&self, request: &Request) -> Result<Response, JsValue> {
        #[cfg(feature = "instrumented")]
        crate::instrument::panic_if_asked(request, "object");
        let url = request.url();
        let (path, _) = split(&url);
        let shard = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let path = path.strip_prefix('/').and_then(|path| path.strip_prefix(shard)).unwrap_or_default();
        let (Ok(shard), Some(config)) = (shard.parse(), settings::get(&self.env).config) else {
            return pages::empty(404);
        };
        let kept = self.kept.get_or_init(|| Kept::new(shard));
        match config.route(path) {
            Some(Found { route: Route::Tunnel, owner, .. }) => tunnel_here(request, owner, config, kept),
            Some(Found { route: Route::Status, owner, .. }) => {
                let (all, own) = (kept.sessions.borrow().len(), kept.keys.of(owner).get());
                pages::answer(&json(format!("{all} {}", own.line())))
            }
            Some(_) | None => pages::empty(404),
        }
    }
}

fn tunnel_here(request: &Request, owner: &str, config: &'static Config, kept: &Kept) -> Result<Response, JsValue> {
    let offer = tunnel::offer(request);
    match upgrade::decode(&offer) {
        Err(code) => tunnel::refuse(&offer, code),
        Ok(Asked::Resume(resume)) => {
            let found = kept.sessions.borrow().find(&resume.session, owner).map(|tenant| Rc::clone(&tenant.handle));
            let Some(tunnel) = found else { return tunnel::refuse(&offer, Code::Gone) };
            let (client, response) = tunnel::accept(&offer)?;
            tunnel.tell(Note::Resume(client, resume));
            Ok(response)
        }
        Ok(Asked::Open(open, early)) => {
            // Only our own Worker hears it, and looks elsewhere.
            let Some(granted) = make_room(owner, open.window, kept) else { return pages::empty(503) };
            let name = kept.sessions.borrow().name(platform::random());
            let options = options(request, open, early, &granted, Some(name.clone()));
            let kind = options.origin.kind;
            let (client, response) = tunnel::accept(&offer)?;
            let relay = Relay::new(config, options, now());
            // The object lives while its sockets do; nothing is to be told of the end.
            drop(stream::start(owner, |events, tunnel| {
                let tenant = Tenant { handle: Rc::clone(tunnel), granted };
                kept.sessions.borrow_mut().insert(name.clone(), owner, tenant);
                let member = Member { kind, name, kept: kept.clone(), part: kept.keys.of(owner).part() };
                Driver::new(events, client, relay, true, member)
            }));
            Ok(response)
        }
    }
}

/// A window for one more tunnel, if need be at the cost of another; none either while too many are being dialled.
fn make_room(owner: &str, asked: u32, kept: &Kept) -> Option<Granted> {
    if !kept.sessions.borrow().may_dial(owner, now()) {
        return None;
    }
    loop {
        if let Some(granted) = Granted::new(owner, asked, &kept.pool) {
            return Some(granted);
        }
        let evicted = kept.sessions.borrow_mut().evict(&kept.pool.borrow(), owner)?;
        let Evicted { handle: Tenant { handle, granted }, code } = evicted;
        drop(granted);
        handle.tell(Note::End(code));
    }
}

/// Goes with a tunnel that is kept.
struct Member {
    kind: Kind,
    name: String,
    kept: Kept,
    part: Part,
}

impl Keeper for Member {
    fn won(&self, winner: Candidate) {
        remember(self.kind, winner);
    }

    fn stands(&self, Standing { attached, dialling }: Standing) {
        let mut sessions = self.kept.sessions.borrow_mut();
        sessions.set_detached(&self.name, if attached { None } else { Some(now()) });
        sessions.set_dialling(&self.name, dialling, now());
    }

    fn moved(&self, moved: Moved) {
        self.part.moved(moved);
    }

    fn widen(&self, asked: u32) -> u32 {
        self.kept.sessions.borrow_mut().handle_mut(&self.name).map_or(0, |tenant| tenant.granted.widen(asked))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let tenant = self.kept.sessions.borrow_mut().remove(&self.name);
        drop(tenant);
    }
}
