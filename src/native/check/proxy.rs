//! The check of a bridge or an official proxy: what the app would do with it, as far as that needs no account.
//!
//! It goes there directly. What proves that WhatsApp answers behind it is `chat`'s and `media`'s.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::net::TcpStream;

use super::{
    Options,
    chat::chat,
    flaw::Flaw,
    found::{Fault, Found},
    media::media,
    record::{Record, Stop},
    trust::{HandshakeError, Trust, handshake_error},
};
use crate::{
    connect::{Resolved, Resolver, Source},
    net::{BoxedStream, eyeballs},
    share::Proxy,
    trouble::{Stage, Trouble},
};

/// How long the far side may take to end a connection that has proven all there is to prove.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Checks it stage by stage, up to the first failure.
pub(super) async fn run(proxy: &Proxy, options: &Options, trust: &Trust, record: &mut Record<'_>) -> Result<(), Stop> {
    let late = Fault::Way(Trouble::NoResolver);
    let addresses = record.stage(Stage::Name, late, resolve(&proxy.host)).await?;
    let late = Fault::Way(Trouble::ConnectTimeout);
    let connecting = async {
        let tcp = connect(&addresses, proxy.chat_port).await.map_err(Fault::Way)?;
        Ok((tcp, Found::Well))
    };
    let tcp = record.stage(Stage::Connect, late, connecting).await?;
    let mut stream: BoxedStream = if proxy.is_tls() {
        record.stage(Stage::Tls, Fault::Way(Trouble::TlsTimeout), secure(&proxy.host, tcp)).await?
    } else {
        Box::new(tcp)
    };
    let proof = async {
        let verified = chat(&mut stream, &options.root, options.now).await.map_err(Fault::Chat)?;
        Ok(((), Found::Whatsapp(verified.leaf.not_after.min(verified.intermediate.not_after))))
    };
    let proven = record.stage(Stage::Chat, Fault::Chat(Flaw::Silent), proof).await;
    leave(stream).await;
    record.go_on_behind_dates(proven)?;
    let ports = proxy.media_ports();
    let media = media_by_ports(&addresses, &ports, trust, record.limit);
    record.stage(Stage::Media, Fault::Media(Flaw::Silent), media).await
}

async fn resolve(host: &str) -> Result<(Vec<IpAddr>, Found), Fault> {
    let Resolved { addresses, by } = Resolver::system().addresses(host).await.map_err(Fault::Way)?;
    let found = match by {
        Source::Literal => Found::NoName,
        Source::Exit => Found::AtExit,
        Source::System | Source::Doh => Found::Addresses(addresses.len()),
    };
    Ok((addresses, found))
}

/// Connects to whichever address answers first; the first failure if none does.
async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Trouble> {
    let addresses = addresses.iter().map(|address| SocketAddr::new(*address, port)).collect();
    eyeballs::connect_to_any(addresses).await.map_err(|error| Trouble::of_connect(&error))
}

async fn secure(host: &str, tcp: TcpStream) -> Result<(BoxedStream, Found), Fault> {
    let connected = Trust::anybody().connect(host, tcp).await;
    let session = connected.map_err(|error| {
        Fault::Way(match handshake_error(&error) {
            HandshakeError::NoTls | HandshakeError::Certificate | HandshakeError::Dates(_) => Trouble::TlsOther,
            HandshakeError::Broken => Trouble::TlsReset,
        })
    })?;
    Ok((Box::new(session), Found::AnyTls))
}

/// Tries the ports in turn; if none will do, the failure of the one that at least answered.
async fn media_by_ports(
    addresses: &[IpAddr],
    ports: &[u16],
    trust: &Trust,
    limit: Duration,
) -> Result<((), Found), Fault> {
    // A port that says nothing must leave the others some time.
    let each = limit / u32::try_from(ports.len().max(1)).unwrap_or(u32::MAX);
    let mut worst = None;
    for port in ports {
        let proof = async {
            let tcp = connect(addresses, *port).await.map_err(Fault::MediaWay)?;
            media(tcp, trust).await.map_err(Fault::Media)
        };
        match tokio::time::timeout(each, proof).await.unwrap_or(Err(Fault::Media(Flaw::Silent))) {
            Ok(()) => return Ok(((), Found::MediaPort(*port))),
            Err(Fault::MediaWay(_)) if worst.is_some() => {}
            Err(fault) => worst = Some(fault),
        }
    }
    Err(worst.unwrap_or(Fault::MediaWay(Trouble::Refused)))
}

/// Ends a connection in order, if the far side will have it.
pub(super) async fn leave(mut stream: BoxedStream) {
    use tokio::io::{AsyncWriteExt, copy, sink};
    let ending = async {
        stream.shutdown().await?;
        copy(&mut stream, &mut sink()).await
    };
    // It has served; nothing depends on how it ends.
    let _ = tokio::time::timeout(GOOD_BYE, ending).await;
}
