//! The life of spare connections, in virtual time.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::sleep,
};

use super::*;
use crate::net::BoxedStream;

/// A server and the way to it.
struct World {
    keeper: Keeper,
    /// The server's ends, as connections are made.
    made: mpsc::UnboundedReceiver<DuplexStream>,
    /// The network is the one on which the connections were made.
    same_network: Arc<AtomicBool>,
}

impl World {
    fn new(spares: Spares) -> Self {
        let (sender, made) = mpsc::unbounded_channel();
        let same_network = Arc::new(AtomicBool::new(true));
        let same = Arc::clone(&same_network);
        let make: Make = Arc::new(move || {
            let (near, far) = duplex(100);
            sender.send(far).expect("the test runs");
            let same = Arc::clone(&same);
            let good = Box::new(move || same.load(Ordering::Relaxed));
            Box::pin(async move {
                let near: BoxedStream = Box::new(near);
                Some(Spare { dialled: near.into(), good })
            })
        });
        Self { keeper: Keeper::new(spares, make), made, same_network }
    }

    /// A dial that finds no spare and makes its own connection.
    async fn dial_in_vain(&self) {
        assert!(self.keeper.take().await.is_none());
        self.keeper.reached();
    }

    /// The server's end of the next spare.
    async fn next(&mut self) -> DuplexStream {
        self.made.recv().await.expect("the keeper lives")
    }

    fn assert_no_more(&mut self) {
        assert!(self.made.try_recv().is_err());
    }
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// Waits until the keeper has closed it, and tells how long that took.
async fn closed(server: &mut DuplexStream) -> u64 {
    let begun = Instant::now();
    assert_eq!(server.read(&mut [0]).await.expect("an end"), 0);
    begun.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn none_is_made_before_a_dial_reached_the_server_and_the_next_dial_takes_it() {
    let mut world = World::new(Spares::DEFAULT);
    assert!(world.keeper.take().await.is_none());
    seconds(1).await;
    world.assert_no_more();
    world.keeper.reached();
    let mut server = world.next().await;
    seconds(1).await;
    world.assert_no_more();
    let mut stream = world.keeper.take().await.expect("ready").stream;
    server.write_all(b"!").await.expect("open");
    stream.read_exact(&mut [0]).await.expect("the same connection");
    // And another is made in its place.
    world.next().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_takes_is_replaced_once_and_then_no_more() {
    let mut world = World::new(Spares::DEFAULT);
    world.dial_in_vain().await;
    let mut first = world.next().await;
    assert_eq!(closed(&mut first).await, 50);
    let mut second = world.next().await;
    assert_eq!(closed(&mut second).await, 50);
    seconds(1000).await;
    world.assert_no_more();
    world.dial_in_vain().await;
    world.next().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_dial_the_long_lived_are_closed_too() {
    let hour = Duration::from_secs(3600);
    let mut world = World::new(Spares { age: hour, renewed_for: hour, ..Spares::DEFAULT });
    world.dial_in_vain().await;
    let mut server = world.next().await;
    assert_eq!(closed(&mut server).await, 600);
    seconds(1000).await;
    world.assert_no_more();
}

#[tokio::test(start_paused = true)]
async fn one_that_the_server_closes_or_speaks_on_is_not_given_away_and_not_replaced() {
    let mut world = World::new(Spares::DEFAULT);
    world.dial_in_vain().await;
    drop(world.next().await);
    seconds(1).await;
    world.assert_no_more();
    world.dial_in_vain().await;
    let mut server = world.next().await;
    server.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.expect("open");
    assert_eq!(closed_behind_words(&mut server).await, 0);
    world.dial_in_vain().await;
}

async fn closed_behind_words(server: &mut DuplexStream) -> usize {
    server.read(&mut [0]).await.expect("an end")
}

#[tokio::test(start_paused = true)]
async fn one_of_a_network_that_was_left_is_not_given_away() {
    let mut world = World::new(Spares::DEFAULT);
    world.dial_in_vain().await;
    let mut server = world.next().await;
    seconds(1).await;
    world.same_network.store(false, Ordering::Relaxed);
    world.dial_in_vain().await;
    assert_eq!(closed(&mut server).await, 0);
}

#[tokio::test(start_paused = true)]
async fn they_are_closed_when_told_so_and_with_their_keeper() {
    let mut world = World::new(Spares { count: 2, ..Spares::DEFAULT });
    world.dial_in_vain().await;
    let mut servers = [world.next().await, world.next().await];
    seconds(1).await;
    world.keeper.close();
    for server in &mut servers {
        assert_eq!(closed(server).await, 0);
    }
    seconds(10).await;
    world.assert_no_more();
    world.dial_in_vain().await;
    let mut server = world.next().await;
    drop(world.keeper);
    assert_eq!(closed(&mut server).await, 0);
}

#[tokio::test(start_paused = true)]
async fn none_at_all_are_made_where_none_are_wanted() {
    let mut world = World::new(Spares::NONE);
    world.dial_in_vain().await;
    seconds(1).await;
    world.assert_no_more();
}

#[test]
fn a_runtime_ends_though_there_are_spares_and_the_next_one_makes_its_own() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut world = World::new(Spares::DEFAULT);
    for _ in 0..2 {
        runtime().block_on(async {
            world.dial_in_vain().await;
            world.next().await;
        });
    }
}
