//! Programs of others as processes in the network of the thread that starts them.
//!
//! How they are told what to do is the harness's `peers`.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use pasarela_e2e::peers::{Ends, Peer};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr, Command},
    time::{sleep, timeout},
};

/// What starts a program so that it ends with the thread that has started it, however that ends.
pub(crate) const TIED: &[&str] = &["setpriv", "--pdeathsig", "KILL"];

/// A program has this long to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a tunnel's far end, and waits until it listens.
pub(crate) async fn server(peer: Peer, ends: &Ends<'_>) -> Result<Child> {
    let mut command = tied(&peer.program()?);
    peer.tell_server(&mut command, ends)?;
    start(command, ends.relay).await
}

/// The same for its near end.
pub(crate) async fn client(peer: Peer, ends: &Ends<'_>) -> Result<Child> {
    let mut command = tied(&peer.program()?);
    peer.tell_client(&mut command, ends)?;
    start(command, ends.phones).await
}

/// A program that ends with this thread.
pub(crate) fn tied(program: &Path) -> Command {
    let [starter, arguments @ ..] = TIED else { return Command::new(program) };
    let mut command = Command::new(starter);
    command.args(arguments).arg(program);
    command
}

/// Starts it, and waits until it listens.
pub(crate) async fn start(mut command: Command, address: SocketAddr) -> Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("no program `setpriv` (util-linux)")?;
    // It may say much, and must not wait for who reads it.
    let said = child.stderr.take().context("no standard error")?;
    let mut said = tokio::spawn(last_words(said));
    tokio::select! {
        listening = timeout(PATIENCE, listens(address.port())) => listening.context("it does not listen")??,
        ended = child.wait() => bail!("it ends, {}: {}", ended?, (&mut said).await?),
    }
    Ok(child)
}

/// The end of what a program says.
async fn last_words(mut said: ChildStderr) -> String {
    let (mut words, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = said.read(&mut buffer).await {
        words.extend_from_slice(buffer.get(..read).unwrap_or_default());
        words.drain(..words.len().saturating_sub(2048));
    }
    String::from_utf8_lossy(&words).trim_end().to_owned()
}

/// Waits until somebody listens in this thread's network. Who tried it by connecting would open the way before a phone does.
async fn listens(port: u16) -> Result<()> {
    loop {
        for table in ["tcp", "tcp6"] {
            let file = format!("/proc/thread-self/net/{table}");
            let sockets = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
            if sockets.lines().any(|line| is_listening(line, port)) {
                return Ok(());
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// A line of the kernel's table of TCP sockets is of one that listens on this port.
fn is_listening(line: &str, port: u16) -> bool {
    let mut columns = line.split_whitespace().skip(1);
    let local = columns.next().and_then(|address| address.rsplit(':').next());
    let state = columns.nth(1);
    local.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(port) && state == Some("0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_read_from_the_kernels_table() {
        let listening =
            "   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1";
        let connected =
            "   1: 0100007F:01BB 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1";
        assert!(is_listening(listening, 443));
        assert!(!is_listening(listening, 80) && !is_listening(connected, 443) && !is_listening("", 443));
    }
}
