//! A household at a bridge: ten phones at once, on every kind of router that the program is for, with no more memory than a small one has.

use anyhow::Result;
use serde_json::Value;

use super::{
    relay::{Relay, WELL, here, text},
    running::Running,
};
use crate::{
    dist::native::{self, Room},
    run::step,
    setup::musl::Machine,
    tree,
};

const PHONES: usize = 10;

/// With the programs that are in target/dist/native, for this machine or for all.
pub(super) fn at_bridges(all: bool) -> Result<()> {
    let relay = Relay::start(&tree::root().join("target/static"))?;
    for machine in Machine::wanted(all)? {
        step(&format!("{PHONES} phones at {}", native::name(machine.name)), || at_bridge(&relay, machine))?;
    }
    Ok(())
}

/// Each gets WhatsApp's own proof through the bridge, chat and media.
fn at_bridge(relay: &Relay, machine: &Machine) -> Result<()> {
    let room = Room::of(machine)?;
    let mut bridge = Running::start(room.command().args(["bridge", "--json", "--listen", "127.0.0.1:0", &relay.link]))?;
    let said: Value = serde_json::from_str(&bridge.line()?)?;
    let address = text(&said, "/listen/0")?;
    let phone = |_| relay.checking(here("pasarela"), &relay.authority(), &["--via", address]);
    let phones = (0..PHONES).map(phone).collect::<Result<Vec<_>>>()?;
    for mut phone in phones {
        phone.ends(0)?.says(WELL)?;
    }
    native::has_room(bridge.id())
}
