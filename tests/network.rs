//! The bridge when its network goes away and comes back: a cable is pulled.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pasarela::bridge::Tuning;
use pasarela_e2e::{
    bridge::Bridge,
    namespace::{self, Net},
    phone::{self, Way},
    socket::PATIENCE,
};
use tokio::sync::watch;

use crate::{
    common::soak,
    relays::{Bench, Kind},
};

/// What is downloaded, in bytes.
const SIZE: u64 = 64 << 20;

mod keeper {
    crate::relays::against_every_keeper! {
        chat_and_media_go_on_when_the_network_comes_back,
    }
}

async fn chat_and_media_go_on_when_the_network_comes_back(kind: Kind) -> Result<()> {
    if !namespace::may()? {
        return Ok(());
    }
    let bench = Bench::start(kind).await?;
    let (root, ca) = (*bench.sim.root_key(), bench.sim.ca_der().to_vec());
    namespace::inside(bench.address(), move |net| through(net, root, ca)).await?;
    bench.must_be_idle().await
}

/// The phone and its bridge, in the network that is cut off in the midst of a chat and of a download.
async fn through(net: Net, root: [u8; 32], ca: Vec<u8>) -> Result<()> {
    let away = Duration::from_secs(if soak() { 30 } else { 5 });
    let bridge = Bridge::start(&[format!("http://{}/", net.server)], Tuning::default()).await?;
    let port = bridge.port()?;
    let (progress, loaded) = watch::channel(0);
    let mut chat = phone::chat(port, Way::Raw, &root).await?;
    let talk = async {
        // Until the download is over, so that it is asked before, meanwhile and behind.
        loop {
            chat.ask(PATIENCE + away).await?;
            if *loaded.borrow() >= SIZE {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let load = phone::download(port, &ca, SIZE, |at| {
        progress.send_replace(at);
    });
    let cut = async {
        let mut seen = loaded.clone();
        seen.wait_for(|at| *at > SIZE / 8).await?;
        net.pull().await?;
        tokio::time::sleep(away).await;
        net.plug().await
    };
    // The first that fails ends the others.
    let talk = async { talk.await.context("the chat") };
    let load = async { load.await.context("the download") };
    let cut = async { cut.await.context("the cable") };
    tokio::try_join!(talk, load, cut)?;
    let standing = bridge.bridge.standing();
    ensure!(standing.taken == 2 && standing.failed == 0, "the phone had to come again: {standing:?}");
    drop(chat);
    bridge.bridge.shutdown().await;
    Ok(())
}
