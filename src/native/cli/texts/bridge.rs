//! What the bridge says.

use std::{net::IpAddr, time::Duration};

use super::{detour, trouble::few};
use crate::{bridge::Standing, connect::Met, frontend::Enclosure, trouble::Trouble};

/// Said on Windows before it asks.
pub(in super::super) const FIREWALL: &str = "\
If Windows asks whether this program may be reached through the network, allow it, or your phone cannot connect. It asks once;
later it is in Windows Security > Firewall & network protection > Allow an app through firewall.

";

/// What to do on the phone.
pub(in super::super) fn instructions(host: &str, port: u16, link: &str) -> String {
    format!(
        "On your phone, in the same Wi-Fi as this computer, scan the code with the camera, or open this link:

  {link}

WhatsApp then asks whether to use the proxy: tap yes. By hand it is in WhatsApp under
Settings > Storage and data > Proxy > Set proxy: host {host}, chat port {port}, media port {port}, TLS off.
When it says \"Connected\" it works. Leave this program running; Ctrl-C ends it.
"
    )
}

/// More networks than one.
pub(in super::super) fn other_addresses(others: &[IpAddr]) -> String {
    let Some((first, rest)) = others.split_first() else { return String::new() };
    let all = rest.iter().fold(first.to_string(), |all, address| format!("{all} or {address}"));
    format!("If the phone cannot connect, start this again with --host {all}: this computer is in several networks.\n")
}

/// What the computer is in, for programs.
pub(in super::super) const fn enclosure(within: Enclosure) -> &'static str {
    match within {
        Enclosure::Container => "container",
        Enclosure::Wsl => "wsl",
        Enclosure::Machine => "virtual-machine",
    }
}

/// Why the phone may not reach the address above, and what to do.
pub(in super::super) const fn within(within: Enclosure) -> &'static str {
    match within {
        Enclosure::Container => {
            "This is a container, and a phone may not reach its address. Publish the port (-p 5222:5222) or use the computer's own
network (--network host), and say with --host under which address the phone reaches the computer.
"
        }
        Enclosure::Wsl => {
            "This is WSL, and a phone may not reach its address. Use the bridge for Windows itself, or set networkingMode=mirrored in
.wslconfig; or say with --host under which address the phone reaches Windows, and forward the port.
"
        }
        Enclosure::Machine => {
            "This is a virtual machine. If the phone cannot connect, give it a network card that is bridged, not behind NAT; or
say with --host under which address the phone reaches the computer, and forward the port.
"
        }
    }
}

/// Said in place of the code when no phone should reach this machine.
pub(in super::super) fn only_this_machine(port: u16) -> String {
    format!("It is for programs on this computer only: 127.0.0.1, port {port}, without TLS. Ctrl-C ends it.\n")
}

/// Said in place of the code when no phone could reach this machine.
pub(in super::super) fn no_network(port: u16) -> String {
    format!(
        "This computer is not in a local network, so no phone can reach it. Connect it to the Wi-Fi that your phone uses
and the code appears; or say with --host under which name or address the phone reaches it.
On this computer itself the proxy is 127.0.0.1, port {port}, without TLS. Ctrl-C ends it.
"
    )
}

/// The wanted port was taken.
pub(in super::super) fn another_port(wanted: u16, taken: u16) -> String {
    format!("Port {wanted} is in use by another program, so this is port {taken}.\n")
}

/// Where programs find it.
pub(in super::super) fn socks(address: &str) -> String {
    format!("Programs that can use a SOCKS5 proxy: {address} (socks5h:// if they ask). It reaches WhatsApp only.\n")
}

/// Anybody who reaches this machine may use it.
pub(in super::super) const PUBLIC: &str = "Anyone who can reach this computer can use this bridge (--public).\n";

/// A link without encryption.
pub(in super::super) fn plain(number: usize) -> String {
    format!("Link {number} begins with http://: everyone on the way can see that it is a relay, and its key.\n")
}

/// A relay that is reached by way of a proxy.
pub(in super::super) fn exit(number: usize) -> String {
    format!("Link {number}: the relay is reached through the proxy of this network, which can read the relay's name.\n")
}

/// A link that is not what it looks like. It may be said to a journal, so without names.
pub(in super::super) fn vouched(number: usize) -> String {
    format!(
        "Link {number}: the relay is not verified by the name in the link, but as the rest of the link says.
`pasarela check` says how. Use it only if you trust whoever gave it to you.\n"
    )
}

/// The live line.
pub(in super::super) fn status(
    standing: &Standing,
    relay: Option<&str>,
    problem: Option<(&str, Trouble, Duration)>,
) -> String {
    let mut parts = Vec::new();
    match (relay, standing.connections) {
        (None, 0) => parts.push("waiting for your phone".to_owned()),
        (None, _) => parts.push("looking for a relay that works".to_owned()),
        (Some(relay), connections) => {
            let plural = if connections == 1 { "connection" } else { "connections" };
            parts.push(format!("{connections} {plural} through {relay}"));
        }
    }
    if standing.waiting > 0 && relay.is_some() {
        parts.push(format!("{} connecting", standing.waiting));
    }
    if standing.sent + standing.received > 0 {
        parts.push(format!("sent {}, received {}", bytes(standing.sent), bytes(standing.received)));
    }
    if let Some(detour) = standing.detour {
        parts.push(detour::words(detour));
    }
    if standing.freezes {
        parts.push(
            "this network freezes connections: each is used for a moment only, which costs the relay more".to_owned(),
        );
    }
    if let Some((relay, trouble, ago)) = problem {
        parts.push(format!("{relay}: {} ({} ago)", few(trouble), duration(ago)));
    } else if standing.stranger {
        parts.push(
            "somebody from outside the local network was refused; a phone here uses the address above".to_owned(),
        );
    }
    if standing.failed > 0 {
        let plural = if standing.failed == 1 { "connection" } else { "connections" };
        parts.push(format!("{} {plural} could not reach WhatsApp", standing.failed));
    }
    parts.join(" · ")
}

/// What the network does, for programs.
pub(in super::super) fn network(standing: &Standing) -> Option<&'static str> {
    let met = standing.detour.and_then(|detour| detour.met).map(Met::token);
    if standing.freezes { Some("freezes") } else { met }
}

fn bytes(count: u64) -> String {
    let count = count as f64;
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let fitting = units.into_iter().find(|(unit, _)| count >= *unit);
    fitting.map_or_else(|| format!("{count} B"), |(unit, name)| format!("{:.1} {name}", count / unit))
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_who_carries_how_much_and_what_went_wrong() {
        let mut standing = Standing::default();
        assert_eq!(status(&standing, None, None), "waiting for your phone");
        standing.connections = 3;
        standing.waiting = 1;
        standing.sent = 999;
        standing.received = 12_345_678;
        let ago = Duration::from_secs(90);
        let line = status(&standing, Some("b.example"), Some(("a.example", Trouble::TlsReset, ago)));
        assert_eq!(
            line,
            "3 connections through b.example · 1 connecting · sent 999 B, received 12.3 MB · a.example: cut off as soon \
             as its name was seen: its name is blocked (1 min ago)"
        );
    }
}
