//! A thread in a network of its own, whose only cable is a TUN device.
//!
//! What goes over the cable is the router's.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    process::Command,
    thread::JoinHandle,
};

use anyhow::{Context, Result, ensure};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use tun_rs::{DeviceBuilder, SyncDevice};

/// What the networks need, for whoever may not make them.
pub const NEEDS: &str = "the lab makes networks of its own: it must be root, or `unshare --user --map-root-user` (util-linux) must be allowed; \
                         /dev/net/tun must be there for it to open, and `ip` (iproute2) and `mount`";

/// A network that is to be made.
pub(crate) struct Network {
    /// Its end of the cable, as `10.77.1.1`; the network is that /24.
    pub(crate) own: Ipv4Addr,
    /// The same with IPv6, and that /64, if there is IPv6.
    pub(crate) own_v6: Option<Ipv6Addr>,
    /// What else is there.
    pub(crate) more: Vec<IpAddr>,
    /// Largest packet, in bytes.
    pub(crate) mtu: u16,
    /// What its programs find in the place of the machine's files: what, and where.
    pub(crate) files: Vec<(PathBuf, &'static str)>,
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
            if !self.files.is_empty() {
                mount(&self.files)?;
            }
            ip("link set lo up")?;
            let device = DeviceBuilder::new().name("cable").ipv4(self.own, 24, None).mtu(self.mtu).build_sync();
            laid(device.context(NEEDS)?);
            for address in &self.more {
                ip(&format!("address add {address} dev lo"))?;
            }
            ip("route add default dev cable")?;
            if let Some(own) = self.own_v6 {
                // Nobody else could have the address.
                ip(&format!("address add {own}/64 dev cable nodad"))?;
                ip("-6 route add default dev cable")?;
            }
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work())
        })
    }
}

/// Gives this thread's network another address on its cable, and takes the one that it had.
pub(crate) fn move_to(new: Ipv4Addr, old: Ipv4Addr) -> Result<()> {
    ip(&format!("address add {new}/24 dev cable"))?;
    ip(&format!("address del {old}/24 dev cable"))?;
    ip("route replace default dev cable")
}

/// Puts files over those of the machine, for this thread and what it starts.
fn mount(files: &[(PathBuf, &str)]) -> Result<()> {
    #[expect(unsafe_code, reason = "what is unshared could be file descriptors")]
    // SAFETY: no file descriptors, only what is mounted is unshared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.context(NEEDS)?;
    // Nothing of this must be seen outside.
    run(Command::new("mount").args(["--make-rslave", "/"]))?;
    files.iter().try_for_each(|(file, place)| run(Command::new("mount").arg("--bind").arg(file).arg(place)))
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
