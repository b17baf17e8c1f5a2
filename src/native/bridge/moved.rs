//! Notices that this machine has come into another network, or has slept: connections are dead then and do not say so.

use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use super::board::Board;
use crate::{net::way_out, sleep::Moment};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Calls this whenever it happens: with true if that was while nobody was connected, so that there is nothing to be moved. Nobody
/// wakes up for a look then; it is seen when somebody comes.
pub(super) async fn watch(board: &Arc<Board>, moved: impl Fn(bool)) {
    let wait = || {
        let board = Arc::clone(board);
        async move {
            let was_idle = board.busy().await;
            if !was_idle {
                tokio::time::sleep(LOOK).await;
            }
            was_idle
        }
    };
    follow(moved, || (way_out(), Moment::now()), wait).await;
}

/// `wait` tells whether there was nobody meanwhile.
async fn follow<W: Future<Output = bool>>(
    moved: impl Fn(bool),
    look: impl Fn() -> (Option<IpAddr>, Moment),
    wait: impl Fn() -> W,
) {
    let (mut address, mut moment) = look();
    loop {
        let was_idle = wait().await;
        let (now, at) = look();
        // A cable that is pulled and plugged in again leads where it led.
        let elsewhere = matches!((address, now), (Some(was), Some(is)) if was != is);
        if elsewhere || moment.slept_until(at) {
            moved(was_idle);
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
        let seen = [
            None,
            address("192.0.2.1"),
            None,
            address("192.0.2.1"),
            address("192.0.2.7"),
            address("192.0.2.7"),
            address("192.0.2.8"),
        ];
        let (left, moves) = (RefCell::new(seen.into_iter()), Cell::new(Vec::new()));
        let count = Cell::new(0);
        let look = || {
            count.set(count.get() + 1);
            (left.borrow_mut().next().flatten(), Moment::now())
        };
        let moved = |was_idle| {
            let mut all = moves.take();
            all.push((count.get(), was_idle));
            moves.set(all);
        };
        let wait = || if count.get() < 7 { ready(count.get() == 6).left_future() } else { pending().right_future() };
        assert!(follow(moved, look, wait).now_or_never().is_none());
        assert_eq!(moves.take(), [(5, false), (7, true)]);
    }
}
