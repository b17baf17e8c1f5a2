//! Notices that this machine has come into another network, or has slept: connections are dead then and do not say so.

use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use super::board::Board;
use crate::{net::way_out, sleep::Moment};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Calls this whenever it happens while there are connections: without any there is nothing to be moved, and nobody need wake up.
pub(super) async fn watch(board: &Arc<Board>, moved: impl Fn()) {
    let wait = || {
        let board = Arc::clone(board);
        async move {
            board.busy().await;
            tokio::time::sleep(LOOK).await;
        }
    };
    follow(moved, || (way_out(), Moment::now()), wait).await;
}

async fn follow<W: Future<Output = ()>>(
    moved: impl Fn(),
    look: impl Fn() -> (Option<IpAddr>, Moment),
    wait: impl Fn() -> W,
) {
    let (mut address, mut moment) = look();
    loop {
        wait().await;
        let (now, at) = look();
        // A cable that is pulled and plugged in again leads where it led.
        let elsewhere = matches!((address, now), (Some(was), Some(is)) if was != is);
        if elsewhere || moment.slept_until(at) {
            moved();
        }
        (address, moment) = (now.or(address), at);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        future::{pending, ready},
    };

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn another_address_is_another_network_and_none_is_none() {
        let address = |text: &str| Some(text.parse().expect("an address"));
        let seen = [None, address("192.0.2.1"), None, address("192.0.2.1"), address("192.0.2.7"), address("192.0.2.7")];
        let (left, moves) = (RefCell::new(seen.into_iter()), Cell::new(Vec::new()));
        let count = Cell::new(0);
        let look = || {
            count.set(count.get() + 1);
            (left.borrow_mut().next().flatten(), Moment::now())
        };
        let moved = || {
            let mut all = moves.take();
            all.push(count.get());
            moves.set(all);
        };
        let wait = || if count.get() < 6 { ready(()).left_future() } else { pending().right_future() };
        assert!(follow(moved, look, wait).now_or_never().is_none());
        assert_eq!(moves.take(), [5]);
    }
}
