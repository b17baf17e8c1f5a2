//! What a port expects of those who connect to it, and the official proxy's ports.

/// What a port expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// Which streams it takes.
    pub role: Role,
    /// Whether a PROXY header stands before them.
    pub proxy: Proxy,
}

/// Which streams a port takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Chat, chat in TLS, TLS to WhatsApp's other hosts: the first bytes tell.
    Any,
    /// Chat in TLS that ends here, whatever name the hello holds.
    ChatTls,
    /// TLS to WhatsApp's media hosts, passed through.
    Media,
    /// Chat, or TLS to WhatsApp's own hosts, as programs say them to WhatsApp itself: nothing ends here.
    Direct,
}

/// Whether a PROXY header stands before a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// It may, from those whose header is believed.
    Allowed,
    /// It must.
    Required,
}

const fn door(role: Role, proxy: Proxy) -> Door {
    Door { role, proxy }
}

impl Door {
    /// One port for everything.
    pub const ANY: Self = door(Role::Any, Proxy::Allowed);
    /// For programs that mean WhatsApp itself.
    pub const DIRECT: Self = door(Role::Direct, Proxy::Allowed);
}

/// The official proxy's ports. Where it takes raw chat only, the first bytes tell here.
pub const OFFICIAL: [(u16, Door); 8] = [
    (443, door(Role::ChatTls, Proxy::Allowed)),
    (80, door(Role::Any, Proxy::Allowed)),
    (5222, door(Role::Any, Proxy::Allowed)),
    (587, door(Role::Media, Proxy::Allowed)),
    (7777, door(Role::Media, Proxy::Allowed)),
    (8080, door(Role::Any, Proxy::Required)),
    (8443, door(Role::ChatTls, Proxy::Required)),
    (8222, door(Role::Any, Proxy::Required)),
];
