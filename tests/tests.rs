//! The end-to-end tests, one file a subject. Those of the native program alone are in `native/`.
//!
//! They need what `cargo xtask test e2e` builds. `PASARELA_SOAK=1` runs the full sizes.

#![cfg(not(target_arch = "wasm32"))]
#![allow(missing_docs)]

/// What several files use, and nothing else.
mod common;
/// The relays that carry tunnels, one under each test.
mod relays;

/// The proxy that cuts connections, itself.
mod cutter;
/// `/pipe` with our own clients.
mod pipe;
/// `/ws/chat` with the real clients.
mod library_clients;
/// What goes wrong, and its close code.
mod faults;
/// What follows a panic in the Worker.
mod panics;
/// What the Worker holds once everybody has left.
mod leaks;
/// What a stranger sees.
mod probes;
/// What a tunnel's ends say to each other, by hand.
mod tunnel;
/// Tunnels that lose their carriers, with the library's client.
mod tunnel_carriers;
/// The bridge, as a phone sees it.
mod bridge;
/// Many phones at once.
mod crowd;
/// Phones whose network is never the same for long.
mod weather;
/// The bridge when relays are dead.
mod pool;
/// The bridge when its network goes away.
mod network;
/// What a network sees of the way to a relay.
mod wire;
/// The ports of the official proxy, as HAProxy serves them.
mod official;
/// Web servers in front of the native relay.
mod web_servers;
/// Bridges and relays of releases before.
mod releases;
/// Keys that take more than their part, beside others.
mod fairness;
/// What tunnels make the relay hold.
mod tunnel_memory;
/// What dishonest clients make the relay hold.
mod hostile_memory;
/// The page, as visitors see it.
mod page;
/// What the relay holds.
mod memory;
/// The page's check, without the page.
mod page_check;
/// The house rules.
mod tidy;
/// The papers: their links, and their commands.
mod papers;
/// What a developer starts by hand.
mod developing;
/// The relay put on Cloudflare, by wrangler and by the program.
mod deploy;
