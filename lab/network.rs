//! A thread in a network of its own, whose only cable is a TUN device.
//!
//! What goes over the cable is the router's.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::Command,
    thread::JoinHandle,
};

use anyhow::{Context, Result, ensure};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use tun_rs::{DeviceBuilder, SyncDevice};

/// What the networks need, for whoever may not make them.
pub(crate) const NEEDS: &str = "the lab makes networks of its own: it must be root, or `unshare --user --map-root-user` must be allowed, and there must be /dev/net/tun and `ip` (iproute2)";

/// A network that is to be made.
pub(crate) struct Network {
    /// Its end of the cable, as `10.77.1.1`; the network is that /24.
    pub(crate) own: Ipv4Addr,
    /// What else is there.
    pub(crate) more: Vec<IpAddr>,
    /// Largest packet, in bytes.
    pub(crate) mtu: u16,
    /// What its programs find at /etc/hosts, if not the machine's.
    pub(crate) hosts: Option<PathBuf>,
}

impl Network {
    /// Runs `work` in it, on a thread of its own; `laid` is given the cable. Sockets made there are of that network.
    pub(crate) fn run<F, W, T>(self, laid: impl FnOnce(SyncDevice) + Send + 'static, work: F) -> JoinHandle<Result<T>>
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<T>>,
        T: Send + 'static,
    {
        std::thread::spawn(move || {
            #[expect(unsafe_code, reason = "what is unshared could be file descriptors")]
            // SAFETY: no file descriptors, only the network is unshared.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.context(NEEDS)?;
            if let Some(hosts) = &self.hosts {
                mount_hosts(hosts)?;
            }
            ip("link set lo up")?;
            let device = DeviceBuilder::new().name("cable").ipv4(self.own, 24, None).mtu(self.mtu).build_sync();
            laid(device.context(NEEDS)?);
            for address in &self.more {
                ip(&format!("address add {address} dev lo"))?;
            }
            ip("route add default dev cable")?;
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work())
        })
    }
}

/// Puts a file over /etc/hosts, for this thread and what it starts.
fn mount_hosts(hosts: &Path) -> Result<()> {
    #[expect(unsafe_code, reason = "what is unshared could be file descriptors")]
    // SAFETY: no file descriptors, only what is mounted is unshared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.context(NEEDS)?;
    // Nothing of this must be seen outside.
    run(Command::new("mount").args(["--make-rslave", "/"]))?;
    run(Command::new("mount").arg("--bind").arg(hosts).arg("/etc/hosts"))
}

fn ip(arguments: &str) -> Result<()> {
    run(Command::new("ip").args(arguments.split(' ')))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context(NEEDS)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.trim_end());
    Ok(())
}
