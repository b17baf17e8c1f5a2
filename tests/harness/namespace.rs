//! A network of its own for a part of a test, joined to the machine's by one cable that can be pulled.
//!
//! It needs root, and says so.

use std::{
    convert::Infallible,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, ensure};
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
    sync::oneshot,
    task::JoinSet,
};

/// Whether this process may make networks. Without the right it says so, and where CI is set it fails: there nothing is
/// left out.
///
/// # Errors
/// Not root, in CI.
pub fn may() -> Result<bool> {
    let root = rustix::process::geteuid().is_root();
    ensure!(
        root || std::env::var_os("CI").is_none(),
        "this test makes a network of its own, for which it must be root"
    );
    if !root {
        eprintln!("left out: this test makes a network of its own, for which it must be root");
    }
    Ok(root)
}

/// A network's end of the cable.
#[derive(Debug, Clone)]
pub struct Net {
    cable: String,
    /// What the machine lets this network reach: the server that was named.
    pub server: SocketAddr,
}

impl Net {
    /// Pulls the cable.
    ///
    /// # Errors
    /// It cannot be pulled.
    pub async fn pull(&self) -> Result<()> {
        ip(&format!("link set {} down", self.cable)).await
    }

    /// Plugs it in again.
    ///
    /// # Errors
    /// It cannot be plugged in.
    pub async fn plug(&self) -> Result<()> {
        ip(&format!("link set {} up", self.cable)).await
    }
}

/// Runs `work` in a new network, on a thread of its own, and gives what it gave. Sockets made there are of that network. Of
/// the machine it reaches `server` only.
///
/// # Errors
/// No network can be made, or the work failed.
pub async fn inside<F, W, T>(server: SocketAddr, work: F) -> Result<T>
where
    F: FnOnce(Net) -> W + Send + 'static,
    W: Future<Output = Result<T>>,
    T: Send + 'static,
{
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = std::process::id();
    // Of the range for measurements between networks (RFC 2544), which nobody routes: 32 768 networks of two.
    let block = (id.wrapping_mul(16).wrapping_add(number) % (1 << 15)) * 4;
    let address = |host: u32| Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + block + host);
    let (ours, theirs) = (format!("pas{id}o{number}"), format!("pas{id}i{number}"));

    let (entered, thread) = oneshot::channel();
    let (joined, go) = oneshot::channel();
    let (done, result) = oneshot::channel();
    let (own, cable) = (address(2), theirs.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        #[expect(unsafe_code, reason = "what is unshared could be file descriptors")]
        // SAFETY: no file descriptors, only the network is unshared.
        let alone = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
        let result = (|| {
            let runtime = runtime?;
            alone.context("no network of its own")?;
            let _ = entered.send(gettid().as_raw_nonzero());
            runtime.block_on(async {
                let server = go.await.context("no cable")?;
                ip("link set lo up").await?;
                ip(&format!("address add {own}/30 dev {theirs}")).await?;
                let net = Net { cable: theirs, server };
                net.plug().await?;
                work(net).await
            })
        })();
        let _ = done.send(result);
    });
    let laid = async {
        let thread = thread.await.context("no network of its own")?;
        ip(&format!("link add {ours} type veth peer name {cable} netns {thread}")).await?;
        ip(&format!("address add {}/30 dev {ours}", address(1))).await?;
        ip(&format!("link set {ours} up")).await?;
        Ok(TcpListener::bind((address(1), 0)).await?)
    };
    let listener = match laid.await {
        Ok(listener) => listener,
        Err(error) => {
            drop(joined);
            return result.await.map_or(Err(error), |inside| inside);
        }
    };
    let _ = joined.send(listener.local_addr()?);
    let inside = async { result.await.context("the network's thread is gone")? };
    // With the network goes the cable.
    tokio::select! {
        result = inside => result,
        failed = forward(listener, server) => failed.map(|never| match never {}),
    }
}

async fn forward(listener: TcpListener, server: SocketAddr) -> Result<Infallible> {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await?;
        connections.spawn(async move {
            // Nagle would wait for what the other network may never acknowledge.
            near.set_nodelay(true)?;
            let mut far = TcpStream::connect(server).await?;
            tokio::io::copy_bidirectional(&mut near, &mut far).await
        });
    }
}

async fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).output().await.context("no program `ip` (iproute2)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {arguments}: {}", said.trim_end());
    Ok(())
}
