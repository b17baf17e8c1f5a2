//! What media connections look like to a bridge: a TLS hello first, and behind it, here, the simulator's measuring modes.
//!
//! There is no TLS behind the hello; that is not ours to measure.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Result;
use bytes::Bytes;
use pasarela_sim::Sim;
use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::aws_lc_rs};
use tokio::{
    io::{AsyncReadExt, copy_bidirectional_with_sizes},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use super::CHUNK;

/// Takes the hello off and passes the rest to the simulator, until it is dropped.
pub(super) struct Media {
    hello: Bytes,
    upstream: SocketAddr,
    task: AbortHandle,
}

impl Media {
    pub(super) async fn start(sim: &Sim) -> Result<Self> {
        let hello = hello()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (upstream, len, chat) = (listener.local_addr()?, hello.len(), sim.chat());
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                // Whatever goes wrong is seen by the client.
                tokio::spawn(behind_hello(tcp, chat, len));
            }
        });
        Ok(Self { hello, upstream, task: task.abort_handle() })
    }

    /// What clients say first.
    pub(super) fn hello(&self) -> Bytes {
        self.hello.clone()
    }

    /// Where they are to come out.
    pub(super) fn upstream(&self) -> SocketAddr {
        self.upstream
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn hello() -> Result<Bytes> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(config), "mmg.whatsapp.net".try_into()?)?.write_tls(&mut hello)?;
    Ok(hello.into())
}

async fn behind_hello(mut near: TcpStream, to: SocketAddr, hello: usize) -> Result<()> {
    near.set_nodelay(true)?;
    near.read_exact(&mut vec![0; hello]).await?;
    let mut far = TcpStream::connect(to).await?;
    far.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut near, &mut far, CHUNK, CHUNK).await?;
    Ok(())
}
