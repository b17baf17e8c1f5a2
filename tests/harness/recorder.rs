//! A TCP proxy that keeps what clients send, as a network sees it.
//!
//! It damages nothing; `carrier` does.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

type Connections = Arc<Mutex<Vec<Vec<u8>>>>;

/// A running proxy. When it goes out of scope its sockets are closed.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    sent: Connections,
    accepting: AbortHandle,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Recorder {
    /// Listens on a free port of this machine for connections to the target.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let sent = Connections::default();
        let log = Arc::clone(&sent);
        let accepting = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                tasks.spawn(carry(client, target, Arc::clone(&log)));
            }
        });
        Ok(Self { address, sent, accepting: accepting.abort_handle() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What each connection's client has sent so far, in order of acceptance.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn carry(client: TcpStream, target: SocketAddr, log: Connections) -> Result<()> {
    let index = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(Vec::new());
        log.len() - 1
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(target).await?.into_split();
    let up = async {
        let mut buffer = vec![0; 32 << 10];
        while let n @ 1.. = from_client.read(&mut buffer).await? {
            let bytes = buffer.get(..n).unwrap_or_default();
            // Kept before it is passed on, so that whoever has an answer finds the question here.
            if let Some(sent) = log.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
                sent.extend_from_slice(bytes);
            }
            to_server.write_all(bytes).await?;
        }
        to_server.shutdown().await?;
        anyhow::Ok(())
    };
    let down = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await?;
        anyhow::Ok(())
    };
    tokio::try_join!(up, down)?;
    Ok(())
}
