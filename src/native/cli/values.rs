//! Values as people type them, and variables as compose files and service managers write them.
//!
//! What a value means is the option's.

use std::{
    any::TypeId,
    ffi::OsStr,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use clap::{Arg, ArgAction, Command, builder::BoolishValueParser};
use ipnet::IpNet;

use crate::share::{Proxy, UnusableProxy};

/// Where programs look for SOCKS.
const SOCKS_PORT: u16 = 1080;

/// The same command line, for which a variable that is empty is not there, as where `NAME=${NAME}` is written and NAME is not
/// set; and whose switches take 1, yes and on, 0, no and off.
pub(super) fn tolerant(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let empty =
            |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty());
        let no = |name: &OsStr| std::env::var(name).is_ok_and(|value| is_no(&value));
        let says_nothing = |name: &OsStr| empty(name) || is_address_or_yes(&arg) && no(name);
        let arg = if arg.get_env().is_some_and(says_nothing) { arg.env(None) } else { arg };
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        if is_switch { arg.value_parser(BoolishValueParser::new()) } else { arg }
    });
    command.mut_subcommands(tolerant)
}

/// Whether it is a switch that may name an address.
fn is_address_or_yes(arg: &Arg) -> bool {
    let may_be_alone = arg.get_num_args().is_some_and(|number| number.min_values() == 0);
    may_be_alone && arg.get_value_parser().type_id() == TypeId::of::<SocketAddr>()
}

fn is_yes(said: &str) -> bool {
    ["1", "yes", "on", "true", "y", "t"].iter().any(|word| said.trim().eq_ignore_ascii_case(word))
}

fn is_no(said: &str) -> bool {
    ["0", "no", "off", "false", "n", "f"].iter().any(|word| said.trim().eq_ignore_ascii_case(word))
}

/// `ADDRESS:PORT`, or a port alone on all addresses.
pub(super) fn everywhere(said: &str) -> Result<SocketAddr, String> {
    address(said, Ipv6Addr::UNSPECIFIED.into())
}

/// `ADDRESS:PORT`, or a port alone for this machine.
pub(super) fn here(said: &str) -> Result<SocketAddr, String> {
    address(said, Ipv4Addr::LOCALHOST.into())
}

fn address(said: &str, usual: IpAddr) -> Result<SocketAddr, String> {
    let said = said.trim();
    let port = || said.strip_prefix(':').unwrap_or(said).parse().ok().map(|port: u16| SocketAddr::new(usual, port));
    let address = said.parse().ok().or_else(port);
    address.ok_or_else(|| "not like 127.0.0.1:8787, [::]:8787 or 8787".to_owned())
}

/// `10.0.0.0/8`, or one address.
pub(super) fn network(said: &str) -> Result<IpNet, String> {
    let said = said.trim();
    let network = said.parse().ok().or_else(|| said.parse().ok().map(|address: IpAddr| IpNet::from(address)));
    network.ok_or_else(|| "not like 10.0.0.0/8 or 10.0.0.1".to_owned())
}

/// The same, or a switch's word for the usual one.
pub(super) fn socks(said: &str) -> Result<SocketAddr, String> {
    if is_yes(said) { Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), SOCKS_PORT)) } else { here(said) }
}

/// A name or an address, without a port.
pub(super) fn host(said: &str) -> Result<String, String> {
    let one = Some(said.trim()).filter(|said| !said.contains(|it: char| it.is_whitespace() || it == '*'));
    let proxy = one.ok_or(UnusableProxy).and_then(Proxy::at);
    proxy.map(|proxy| proxy.host).map_err(|_| "not a name or an address alone, as 192.168.1.7".to_owned())
}

/// A number, but not 0.
pub(super) fn some(said: &str) -> Result<usize, String> {
    let number = said.trim().parse().ok().filter(|number| *number != 0);
    number.ok_or_else(|| "not a number of 1 or more".to_owned())
}

/// A size as systemd and podman write it: K, M and G are powers of 1024.
pub(super) fn size(said: &str) -> Result<u64, String> {
    let sizes = parse_size::Config::new().with_binary();
    sizes.parse_size(said.trim()).map_err(|_| "not a size such as 16384, 12K or 256M".to_owned())
}

/// The width and the height of a picture, `640x480`.
pub(super) fn picture(said: &str) -> Result<(usize, usize), &'static str> {
    let size = said.split_once('x').and_then(|(width, height)| width.parse().ok().zip(height.parse().ok()));
    size.ok_or("not like 640x480")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood_and_nothing_else() {
        let at = |said| everywhere(said).map(|address| address.to_string()).ok();
        assert_eq!(at("443").as_deref(), Some("[::]:443"));
        assert_eq!(at(":443").as_deref(), Some("[::]:443"));
        assert_eq!(at(" 192.0.2.1:80 ").as_deref(), Some("192.0.2.1:80"));
        for wrong in ["", "70000", "localhost:80", "192.0.2.1", "::1"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        assert_eq!(here("9090").map(|address| address.to_string()).as_deref(), Ok("127.0.0.1:9090"));
        let net = |said| network(said).map(|network| network.to_string()).ok();
        assert_eq!(net("10.0.0.1").as_deref(), Some("10.0.0.1/32"));
        assert_eq!(net("2001:db8::1").as_deref(), Some("2001:db8::1/128"));
        assert_eq!(net("10.0.0.0/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!((net("10.0.0.0/99"), net("lan")), (None, None));
        assert_eq!((size("12k"), size("1M"), size("16384")), (Ok(12 << 10), Ok(1 << 20), Ok(16384)));
        assert_eq!(size(" 256M\r"), Ok(256 << 20));
        assert!(size("much").is_err());
        let socks = |said| socks(said).map(|address| address.to_string()).ok();
        for (said, address) in [("yes", "127.0.0.1:1080"), ("1", "127.0.0.1:1080"), ("9050", "127.0.0.1:9050")] {
            assert_eq!(socks(said).as_deref(), Some(address), "{said}");
        }
        assert_eq!(host(" home.lan\r").as_deref(), Ok("home.lan"));
        for wrong in ["https://x/", "x:5222", "a b", "*"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }
}
