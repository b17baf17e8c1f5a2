//! websocat as a poor man's bridge: a port of this machine that is a relay's pipe.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{interval, timeout},
};

use crate::{places, socket::PATIENCE};

/// A running websocat, killed when it goes out of scope.
#[derive(Debug)]
pub struct Websocat {
    address: SocketAddr,
    _child: Child,
}

impl Websocat {
    /// Joins a port to this WebSocket.
    ///
    /// # Errors
    /// It is not installed.
    pub async fn towards(url: &str) -> Result<Self> {
        // It cannot say which port it was given, so it is given one that was free a moment ago.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        let mut command = Command::new(places::made("target/clients/websocat")?);
        command.args(["-bE", &format!("tcp-l:{address}"), url]).stdin(Stdio::null()).kill_on_drop(true);
        Ok(Self { address, _child: command.spawn().context("cannot start websocat")? })
    }

    /// A connection through it, as soon as it listens.
    ///
    /// # Errors
    /// It does not.
    pub async fn connect(&self) -> Result<TcpStream> {
        let mut again = interval(Duration::from_millis(20));
        let connected = async {
            loop {
                again.tick().await;
                if let Ok(tcp) = TcpStream::connect(self.address).await {
                    return tcp;
                }
            }
        };
        timeout(PATIENCE, connected).await.context("websocat does not listen")
    }
}
