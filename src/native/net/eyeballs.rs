//! One TCP connection to a name that has several addresses, of which some may be dead: IPv6 and IPv4 by turns, and the next one
//! begun when the last has not answered for a while. Happy Eyeballs, RFC 8305.
//!
//! The way to a relay is `connect`'s race, where an attempt has won only behind its TLS. The caller limits the time.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    net::{TcpStream, lookup_host},
    time::sleep,
};

/// Pause before the next address is tried beside those under way (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Whether IPv4 was faster than an IPv6 that was tried before it, the last time. Whose IPv6 leads nowhere waits for that once.
static IPV4_FIRST: AtomicBool = AtomicBool::new(false);

/// Connects to `host:port`.
pub(crate) async fn connect(authority: &str) -> io::Result<TcpStream> {
    connect_to_any(lookup_host(authority).await?.collect()).await
}

/// Connects to whichever of these answers first.
pub(crate) async fn connect_to_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let tcp = first(addresses, &IPV4_FIRST, TcpStream::connect).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn first<T, F: Future<Output = io::Result<T>>>(
    addresses: Vec<SocketAddr>,
    ipv4_first: &AtomicBool,
    attempt: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut waiting = by_turns(addresses, ipv4_first.load(Ordering::Relaxed)).into_iter();
    let began = waiting.as_slice().first().map(SocketAddr::is_ipv4);
    let mut running = FuturesUnordered::new();
    let mut failed = None;
    loop {
        if let Some(address) = waiting.next() {
            let attempt = attempt(address);
            running.push(async move { (address, attempt.await) });
        }
        tokio::select! {
            ended = running.next() => match ended {
                Some((address, Ok(value))) => {
                    if began != Some(address.is_ipv4()) {
                        ipv4_first.store(address.is_ipv4(), Ordering::Relaxed);
                    }
                    return Ok(value);
                }
                Some((_, Err(error))) => {
                    failed.get_or_insert(error);
                }
                None => return Err(failed.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
            },
            () = sleep(STAGGER), if !waiting.as_slice().is_empty() => {}
        }
    }
}

/// In the system's order (RFC 6724), but one of each family by turns. The family of the first begins, or IPv4.
fn by_turns(addresses: Vec<SocketAddr>, ipv4_first: bool) -> Vec<SocketAddr> {
    let begins_with_ipv4 = ipv4_first || addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (begins, follows): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == begins_with_ipv4);
    let (mut begins, mut follows) = (begins.into_iter(), follows.into_iter());
    let mut ordered = Vec::new();
    loop {
        let pair = [begins.next(), follows.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    const DEAD: &str = "[2001:db8::1]:1";
    const DEAD_TOO: &str = "[2001:db8::2]:1";
    const REFUSED: &str = "[2001:db8::3]:1";
    const IPV4: &str = "192.0.2.1:1";
    const IPV4_TOO: &str = "192.0.2.2:1";

    /// Who wins, and after how many milliseconds.
    async fn race(addresses: &[&str], ipv4_first: &AtomicBool) -> (Option<String>, u128) {
        let begun = Instant::now();
        let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        let won = first(addresses, ipv4_first, |address| async move {
            match address.to_string() {
                dead if [DEAD, DEAD_TOO].contains(&dead.as_str()) => pending().await,
                refused if refused == REFUSED => Err(io::ErrorKind::ConnectionRefused.into()),
                other => {
                    sleep(Duration::from_millis(20)).await;
                    Ok(other)
                }
            }
        });
        (won.await.ok(), begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn dead_addresses_cost_a_moment_and_refusals_nothing() {
        let none = || AtomicBool::new(false);
        for (addresses, took) in [
            (&[IPV4][..], 20),
            (&[DEAD, IPV4], 270),
            // By turns, though the system would have all of one family first.
            (&[DEAD, DEAD_TOO, IPV4], 270),
            (&[REFUSED, IPV4], 20),
            (&[REFUSED, DEAD, IPV4_TOO], 20),
        ] {
            let (won, after) = race(addresses, &none()).await;
            assert!(won.is_some_and(|won| won.starts_with("192.0.2.")), "{addresses:?}");
            assert_eq!(after, took, "{addresses:?}");
        }
        assert_eq!(race(&[REFUSED], &none()).await.0, None);
        assert_eq!(race(&[], &none()).await.0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn whose_ipv6_leads_nowhere_waits_for_that_once() {
        let ipv4_first = AtomicBool::new(false);
        assert_eq!(race(&[DEAD, IPV4], &ipv4_first).await.1, 270);
        assert_eq!(race(&[DEAD, IPV4], &ipv4_first).await.1, 20);
        // And comes back to it when it is the one that works.
        let other_way = "[2001:db8::9]:1";
        ipv4_first.store(true, Ordering::Relaxed);
        assert_eq!(race(&[other_way], &ipv4_first).await.0.as_deref(), Some(other_way));
        assert!(ipv4_first.load(Ordering::Relaxed), "there was no IPv4 to compare with");
    }

    #[test]
    fn the_families_take_turns_in_the_systems_order() {
        let addresses = || [DEAD, DEAD_TOO, IPV4, IPV4_TOO].map(|address| address.parse().expect("an address")).into();
        let written = |ordered: Vec<SocketAddr>| ordered.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(written(by_turns(addresses(), false)), [DEAD, IPV4, DEAD_TOO, IPV4_TOO]);
        assert_eq!(written(by_turns(addresses(), true)), [IPV4, DEAD, IPV4_TOO, DEAD_TOO]);
    }
}
