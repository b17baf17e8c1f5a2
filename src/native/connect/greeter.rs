//! All hellos with which the relay of one link may be greeted, in the order in which they are tried.
//!
//! Which is tried when is the planner's (`ways`); the handshake is `tls`'s.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    dns::Resolver,
    hello::Hello,
    tls::{Browser, Identity, UnusableEch, server_name},
};
use crate::{
    link::{Ech, Link, Sni, is_name},
    tls::Authorities,
    trouble::Trouble,
    ways::{Greeting, Name, Shape},
};

/// Labels that half of all sites have.
const LABELS: [&str; 16] = [
    "www", "cdn", "static", "img", "media", "assets", "api", "app", "m", "files", "blog", "shop", "docs", "news",
    "mail", "store",
];

/// A link's name or configuration that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnusableHello {
    Name,
    Ech,
}

/// The hellos of one relay.
#[derive(Debug)]
pub(super) struct Greeter {
    own: Arc<Hello>,
    /// The own hello has a name to be cut in.
    cuts: bool,
    browser: Option<Arc<Browser>>,
    hidden: Option<Arc<Hello>>,
    nameless: Option<Arc<Hello>>,
    siblings: Option<Siblings>,
}

/// Names under a wildcard.
#[derive(Debug)]
struct Siblings {
    domain: String,
    /// The HTTP `Host` follows the name; of it, the port.
    port: String,
    /// Whoever answers must be who the link says, and not just somebody under the wildcard.
    identity: Identity,
    ech: Ech,
    authorities: Authorities,
    resolver: Arc<Resolver>,
    made: Mutex<BTreeMap<u32, Arc<Hello>>>,
}

impl Greeter {
    /// As the link says and allows. What a proxy on the way out would not pass on is not `shaped`.
    pub(super) fn new(
        link: &Link,
        authorities: &Authorities,
        resolver: &Arc<Resolver>,
        alpn: &'static [&'static [u8]],
        shaped: bool,
    ) -> Result<Self, UnusableHello> {
        let sni = link.sni().map(|name| server_name(name).ok_or(UnusableHello::Name)).transpose()?;
        let verified = server_name(link.verified()).ok_or(UnusableHello::Name)?;
        let identity = Identity { sni, verified, pin: link.pin, alpn };
        let hello = |identity: Identity, ech: &Ech| {
            let hello = Hello::new(identity, authorities.clone(), ech, &link.host, resolver);
            hello.map(Arc::new).map_err(|UnusableEch| UnusableHello::Ech)
        };
        let names = link.sni().is_some_and(is_name);
        // What the link itself says of its hello is not to be undone.
        let free = link.sni == Sni::Host && names && matches!(link.ech, Ech::Off | Ech::Grease);
        let browser = if free && link.allowed.browser { Browser::new(&identity, authorities) } else { None };
        let hidden = free && link.allowed.ech && shaped;
        let nameless = free && link.allowed.nameless;
        let authority = link.authority();
        let port = authority.strip_prefix(&link.host).filter(|port| port.is_empty() || port.starts_with(':'));
        let siblings = link.sibling.clone().filter(|_| free && link.allowed.sibling).zip(port);
        Ok(Self {
            own: hello(identity.clone(), &link.ech)?,
            cuts: names && link.allowed.cut && shaped,
            browser: browser.map(Arc::new),
            hidden: hidden.then(|| hello(identity.clone(), &Ech::Auto)).transpose()?,
            nameless: nameless.then(|| hello(Identity { sni: None, ..identity.clone() }, &link.ech)).transpose()?,
            siblings: siblings.map(|(domain, port)| Siblings {
                domain,
                port: port.to_owned(),
                identity,
                ech: link.ech.clone(),
                authorities: authorities.clone(),
                resolver: Arc::clone(resolver),
                made: Mutex::default(),
            }),
        })
    }

    /// What may be tried at once; more follows with [`Greeter::hidden`].
    pub(super) fn ladder(&self, at_the_cdn: bool) -> Vec<Greeting> {
        let own = |shape| Greeting::new(Name::Own, shape);
        let whole = |name| Greeting::new(name, Shape::Whole);
        let sibling = self.siblings.as_ref().map(|_| whole(Name::Sibling(0)));
        let cut = self.cuts.then_some([own(Shape::Records), own(Shape::RecordsAndSegments)]);
        // The CDN does not know whom a hello without a name is for.
        let nameless = self.nameless.as_ref().filter(|_| !at_the_cdn).map(|_| whole(Name::Nothing));
        let browser = self.browser.as_ref().map(|_| Greeting::BROWSER);
        let ladder = [Some(Greeting::PLAIN), browser, sibling, nameless].into_iter().flatten();
        // Last, since censors have come to look for hellos that are cut.
        ladder.chain(cut.into_iter().flatten()).collect()
    }

    /// What may be tried, too, once there is a configuration for encrypted hellos.
    pub(super) async fn hidden(&self) -> Result<Vec<Greeting>, Trouble> {
        let hello = self.hidden.as_ref().ok_or(Trouble::NoEch)?;
        hello.client().await?;
        let hidden = |shape| Greeting::new(Name::Public, shape);
        let cut = self.cuts.then(|| hidden(Shape::RecordsAndSegments));
        Ok([Some(hidden(Shape::Whole)), cut].into_iter().flatten().collect())
    }

    /// Asks for what the link's own hello needs.
    pub(super) async fn prepare(&self) {
        // If it fails, the attempts ask again and say so.
        let _ = self.own.client().await;
    }

    /// The hello that shows this name.
    pub(super) fn hello(&self, name: Name) -> Option<Arc<Hello>> {
        match name {
            Name::Own => Some(Arc::clone(&self.own)),
            Name::Public => self.hidden.clone(),
            Name::Nothing => self.nameless.clone(),
            Name::Sibling(number) => self.siblings.as_ref()?.hello(number),
        }
    }

    /// What says a hello as a browser does.
    pub(super) fn browser(&self) -> Option<Arc<Browser>> {
        self.browser.clone()
    }

    /// The HTTP `Host` behind the hello that shows this name, if it is another than the link's: a CDN wants both to agree.
    pub(super) fn host(&self, name: Name) -> Option<String> {
        match (name, &self.siblings) {
            (Name::Sibling(number), Some(siblings)) => Some(format!("{}{}", siblings.name(number), siblings.port)),
            (Name::Sibling(_), None) | (Name::Own | Name::Public | Name::Nothing, _) => None,
        }
    }
}

impl Siblings {
    fn name(&self, number: u32) -> String {
        let label = LABELS.get(number as usize % LABELS.len()).copied().unwrap_or("www");
        format!("{label}.{}", self.domain)
    }

    fn hello(&self, number: u32) -> Option<Arc<Hello>> {
        let number = number % 16;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hello) = made.get(&number) {
            return Some(Arc::clone(hello));
        }
        let name = server_name(&self.name(number))?;
        let identity = Identity { sni: Some(name), ..self.identity.clone() };
        let hello = Hello::new(identity, self.authorities.clone(), &self.ech, &self.domain, &self.resolver);
        let hello = Arc::new(hello.ok()?);
        made.insert(number, Arc::clone(&hello));
        Some(hello)
    }
}
