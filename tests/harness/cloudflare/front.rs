//! TLS in front of whichever Worker runs, as the platform answers there: by its own name, and behind a firewall rule if there is one.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{Shared, lock};

/// What a rule answers.
const BLOCKED: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Nothing answers as long as no Worker runs.
pub(super) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        // However it ends, it is over.
        tokio::spawn(async move {
            let tls = acceptor.accept(tcp).await?;
            pass_on(tls, &shared).await
        });
    }
}

/// The heads are read, and what follows is copied: whoever asks a second time on a connection is not told whose server it is.
async fn pass_on(mut tls: impl AsyncRead + AsyncWriteExt + Unpin, shared: &Shared) -> Result<()> {
    let asked = head(&mut tls).await?;
    let path = String::from_utf8_lossy(&asked).split(' ').nth(1).unwrap_or_default().to_owned();
    let lets = |rule: &Vec<String>| rule.iter().any(|beginning| path.starts_with(beginning));
    if !lock(&shared.account).rule.as_ref().is_none_or(lets) {
        tls.write_all(BLOCKED).await?;
        return Ok(tls.shutdown().await?);
    }
    let to = lock(&shared.address).context("no Worker runs")?;
    let mut worker = TcpStream::connect(to).await?;
    worker.write_all(&asked).await?;
    let answered = head(&mut worker).await?;
    let line = answered.windows(2).position(|window| window == b"\r\n").context("no status")? + 2;
    let (status, rest) = answered.split_at(line);
    tls.write_all(&[status, b"Server: cloudflare\r\n", rest].concat()).await?;
    tokio::io::copy_bidirectional(&mut tls, &mut worker).await?;
    Ok(())
}

/// Up to the empty line, with what came with it.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            anyhow::bail!("it ended inside the head");
        }
    }
    Ok(head)
}
