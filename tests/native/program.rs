//! Runs the program itself, as a user does, and what it needs for that: files that go away, TLS in front of a listener.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use pasarela_e2e::places;
use pasarela_sim::Sim;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::{front::Identity, within};

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The locale in which the program speaks English to a terminal that shows all letters, whoever runs the tests.
const ENGLISH: &str = "C.UTF-8";

/// The program with these arguments, in English, and nothing of this process's environment that is meant for it.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(places::program().expect("it builds"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PASARELA_")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", ENGLISH);
    command
}

pub(crate) async fn run(args: &[&str]) -> Ended {
    finish(command(args)).await
}

pub(crate) async fn finish(command: Command) -> Ended {
    let mut command = tokio::process::Command::from(command);
    // One that does not end is not waited for by anybody.
    let output = within(command.kill_on_drop(true).output()).await.expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder of its own, which goes away with this.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pasarela-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("nobody else's");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only this user may read, and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("writable");
        set_mode(&path, 0o600);
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &Path, _: u32) {}

pub(crate) fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}

pub(crate) fn root_of(sim: &Sim) -> String {
    sim.root_key().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// TLS with this identity on a port of its own, in front of a listener, for as long as the runtime lives.
pub(crate) async fn tls_before(identity: &Identity, target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let acceptor = TlsAcceptor::from(identity.config.clone());
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.expect("accepts");
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                let mut upstream = TcpStream::connect(target).await.expect("listens");
                // However it ends, it is over.
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut upstream).await;
            });
        }
    });
    address
}
