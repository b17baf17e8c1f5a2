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
    codes::Code,
    config::Config,
    dial::Candidate,
    route::{Found, Kind, Route},
    tunnel::{
        message::Open,
        relay::{Options, Relay},
        sessions::{self, Grant, Pool},
        upgrade::{self, Request as Asked},
    },
};
use pasarela_guide::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use crate::{
    alarm::now,
    gauges::{Counted, Gauge},
    pages,
    platform::{self, Namespace},
    settings, stream,
    tunnel::{self, Driver, Handle, Keeper, Note},
    upgrade::origin,
    upstream::remember,
    url::split,
};

/// What the tunnels of one place may hold together: it goes with the object, or with the isolate.
type Shared = Rc<RefCell<Pool>>;

thread_local! {
    /// What tunnels without an object may hold together.
    static POOL: Shared = Shared::default();
}

/// The window of a tunnel, given back at its end.
struct Granted {
    grant: Grant,
    pool: Shared,
}

impl Granted {
    fn new(asked: u32, pool: &Shared) -> Option<Self> {
        let grant = pool.borrow_mut().grant(asked)?;
        Some(Self { grant, pool: Rc::clone(pool) })
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        self.pool.borrow_mut().give_back(self.grant);
    }
}

/// Answers `K/tunnel`: passes it on to the object that has the session, or serves it here.
pub(crate) async fn tunnel(
    request: &Request,
    path: &str,
    config: &'static Config,
    env: &JsValue,
    keep_alive: impl FnOnce(Promise),
) -> Result<Response, JsValue> {
    let offer = tunnel::offer(request);
    let asked = match upgrade::decode(&offer) {
        Ok(asked) => asked,
        Err(code) => return tunnel::refuse(&offer, code),
    };
    let shard = match &asked {
        Asked::Open(..) => {
            let [random] = platform::random();
            Some(random % config.session_shards)
        }
        Asked::Resume(resume) => sessions::shard(&resume.session).filter(|shard| *shard < config.session_shards),
    };
    if let (Some(namespace), Some(shard)) = (namespace(env), shard) {
        match ask(&namespace, shard, path, request).await {
            Some(response) if response.status() == 101 => return Ok(response),
            // The stream may live: the client is to ask again.
            Some(_) | None if matches!(asked, Asked::Resume(_)) => return tunnel::turn_away(&offer, Code::Busy),
            Some(_) | None => {}
        }
    }
    match asked {
        Asked::Open(open, early) => {
            let Some(granted) = POOL.with(|pool| Granted::new(open.window, pool)) else {
                return tunnel::refuse(&offer, Code::Busy);
            };
            let kind = open.route;
            let options = options(request, open, early, &granted, None);
            let keeper = Alone { kind, _granted: granted, _counted: Gauge::Tunnel.count() };
            let (client, response) = tunnel::accept(&offer)?;
            let relay = Relay::new(config, options, now());
            keep_alive(stream::start(|events, _| Driver::new(events, client, relay, false, keeper)));
            Ok(response)
        }
        Asked::Resume(_) => tunnel::refuse(&offer, Code::Gone),
    }
}

fn options(request: &Request, open: Open, early: Vec<u8>, granted: &Granted, session: Option<String>) -> Options {
    Options { origin: origin(open.route, request), open, early, window: granted.grant.window(), session }
}

/// Goes with a tunnel that ends with its WebSocket.
struct Alone {
    kind: Kind,
    _granted: Granted,
    _counted: Counted,
}

impl Keeper for Alone {
    fn won(&self, winner: Candidate) {
        remember(self.kind, winner);
    }

    fn attached(&self, _: bool) {}
}

/// Whether there are objects to keep tunnels in.
pub(crate) fn are_kept(env: &JsValue) -> bool {
    namespace(env).is_some()
}

/// Tunnels in all objects.
pub(crate) async fn count(request: &Request, path: &str, config: &Config, env: &JsValue) -> u32 {
    let Some(namespace) = namespace(env) else { return 0 };
    let mut count = 0;
    for shard in 0..config.session_shards {
        let Some(response) = ask(&namespace, shard, path, request).await else { continue };
        let Ok(text) = response.text() else { continue };
        let text = JsFuture::from(text).await.ok().and_then(|text| text.as_string());
        count += text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
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
    sessions: Rc<RefCell<sessions::Sessions<Handle<Member>>>>,
    pool: Shared,
}

impl Kept {
    fn new(shard: u8) -> Self {
        Self { sessions: Rc::new(RefCell::new(sessions::Sessions::new(shard))), pool: Shared::default() }
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
            Some(Found { route: Route::Status, .. }) => pages::answer(&json(kept.sessions.borrow().len().to_string())),
            Some(_) | None => pages::empty(404),
        }
    }
}

fn tunnel_here(request: &Request, owner: &str, config: &'static Config, kept: &Kept) -> Result<Response, JsValue> {
    let offer = tunnel::offer(request);
    match upgrade::decode(&offer) {
        Err(code) => tunnel::refuse(&offer, code),
        Ok(Asked::Resume(resume)) => {
            let found = kept.sessions.borrow().find(&resume.session, owner).cloned();
            let Some(tunnel) = found else { return tunnel::refuse(&offer, Code::Gone) };
            let (client, response) = tunnel::accept(&offer)?;
            tunnel.tell(Note::Resume(client, resume));
            Ok(response)
        }
        Ok(Asked::Open(open, early)) => {
            let Some(granted) = make_room(open.window, kept) else { return tunnel::refuse(&offer, Code::Busy) };
            let name = kept.sessions.borrow().name(platform::random());
            let options = options(request, open, early, &granted, Some(name.clone()));
            let kind = options.origin.kind;
            let (client, response) = tunnel::accept(&offer)?;
            let relay = Relay::new(config, options, now());
            // The object lives while its sockets do; nothing is to be told of the end.
            drop(stream::start(|events, tunnel| {
                kept.sessions.borrow_mut().insert(name.clone(), owner, Rc::clone(tunnel));
                let member = Member { kind, name, kept: kept.clone(), _granted: granted };
                Driver::new(events, client, relay, true, member)
            }));
            Ok(response)
        }
    }
}

/// A window for one more tunnel, if need be at the cost of the one that has been without a client for longest.
fn make_room(asked: u32, kept: &Kept) -> Option<Granted> {
    loop {
        if let Some(granted) = Granted::new(asked, &kept.pool) {
            return Some(granted);
        }
        let evicted = kept.sessions.borrow_mut().evict()?;
        evicted.tell(Note::End(Code::Gone));
    }
}

/// Goes with a tunnel that is kept.
struct Member {
    kind: Kind,
    name: String,
    kept: Kept,
    _granted: Granted,
}

impl Keeper for Member {
    fn won(&self, winner: Candidate) {
        remember(self.kind, winner);
    }

    fn attached(&self, is: bool) {
        self.kept.sessions.borrow_mut().set_detached(&self.name, if is { None } else { Some(now()) });
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kept.sessions.borrow_mut().remove(&self.name);
    }
}
