//! A TLS session inside a relay's WebSocket, as WhatsApp's media connections are.
//!
//! Plain rustls on top of a pair of in-memory streams; the WebSocket carries what it says.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_websockets::Message;

use crate::socket::{PATIENCE, Socket};

/// How the ClientHello is laid out and what name it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hello {
    /// As rustls writes it.
    Plain,
    /// The message in two records.
    TwoRecords,
    /// Without a server name.
    NoName,
}

/// Opens `url`, which carries TLS, and makes a session with `name` as certified by `ca`.
///
/// # Errors
/// No WebSocket, or no session.
pub async fn connect(url: &str, name: &str, ca: &[u8], hello: Hello) -> Result<TlsStream<DuplexStream>> {
    let socket = Socket::connect(url).await?;
    let (near, far) = duplex(64 << 10);
    tokio::spawn(pump(socket, far, hello == Hello::TwoRecords));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ca.to_vec()))?;
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.enable_sni = hello != Hello::NoName;
    let name = ServerName::try_from(name.to_owned())?;
    let session = timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, near));
    session.await.context("no TLS session in time")?.context("no TLS session")
}

/// One HTTP/1.1 request in the session, read to its end.
///
/// # Errors
/// The session broke.
pub async fn get<S: AsyncRead + AsyncWrite + Unpin>(session: &mut S, path: &str) -> Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: media\r\nConnection: close\r\n\r\n");
    session.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, session.read_to_end(&mut answer)).await.context("no answer in time")??;
    Ok(answer)
}

/// Moves bytes between the WebSocket and the session until one of them ends.
async fn pump(socket: Socket, far: DuplexStream, mut split_first: bool) {
    let (mut sink, mut source) = socket.into_inner().split();
    let (mut read, mut write) = tokio::io::split(far);
    let up = async {
        let mut buffer = vec![0; 32 << 10];
        while let Ok(n @ 1..) = read.read(&mut buffer).await {
            let bytes = buffer.get(..n).unwrap_or_default();
            let bytes = if std::mem::take(&mut split_first) { in_two_records(bytes) } else { bytes.to_vec() };
            if sink.send(Message::binary(bytes)).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = source.next().await {
            if message.is_close() || write.write_all(&message.into_payload()).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// A TLS record (RFC 8446 section 5.1) cut in two behind the tenth byte of its fragment.
fn in_two_records(record: &[u8]) -> Vec<u8> {
    let Some((header, fragment)) = record.split_first_chunk::<5>() else { return record.to_vec() };
    let (first, rest) = fragment.split_at(fragment.len().min(10));
    let [kind, major, minor, ..] = *header;
    let cut = |part: &[u8]| {
        let len = u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[kind, major, minor][..], &len, part].concat()
    };
    [cut(first), cut(rest)].concat()
}
