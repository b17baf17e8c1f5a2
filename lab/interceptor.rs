//! Who ends all TLS in a company's network: a certificate of an authority that only its own machines trust, and no upgrade is passed on.

use std::{io, sync::Arc};

use anyhow::Result;
use pasarela_e2e::identity::certified;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    ours::{ABOVE, PORTS},
    place::Place,
};

/// What is asked for is no page.
const REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Sits before the relay's addresses, in tasks of the current runtime.
pub(crate) async fn start(place: Place) -> Result<()> {
    let (config, _) = certified(&[&format!("*.{ABOVE}")])?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    for address in place.addresses() {
        for port in PORTS {
            let (listener, acceptor) = (TcpListener::bind((address, port)).await?, acceptor.clone());
            tokio::spawn(async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    tokio::spawn(intercept(tcp, acceptor.clone()));
                }
            });
        }
    }
    Ok(())
}

async fn intercept(tcp: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    let mut tls = acceptor.accept(tcp).await?;
    let mut asked = [0; 1024];
    if tls.read(&mut asked).await? > 0 {
        tls.write_all(REFUSED).await?;
    }
    tls.shutdown().await
}

#[cfg(test)]
mod tests {
    use pasarela::connect::anybody;
    use rustls::pki_types::ServerName;
    use tokio_rustls::TlsConnector;

    use super::*;

    #[tokio::test]
    async fn it_answers_in_the_relays_name_and_passes_no_upgrade_on() {
        let (config, _) = certified(&[&format!("*.{ABOVE}")]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move { intercept(listener.accept().await?.0, acceptor).await });
        let tcp = TcpStream::connect(address).await.unwrap();
        // Who verifies gets no further: nobody outside trusts its authority.
        let name = ServerName::try_from(format!("edge.{ABOVE}")).unwrap();
        let mut tls = TlsConnector::from(anybody()).connect(name, tcp).await.unwrap();
        tls.write_all(b"GET /ws/chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        tls.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, REFUSED);
    }
}
